package daemon

import "sync"

// complaints are the standing problems, by what they are about.
type complaints struct {
	mu       sync.Mutex
	standing map[string]string
}

func newComplaints() *complaints { return &complaints{standing: make(map[string]string)} }

// news tells whether a problem is another one than before; an empty text is none.
func (c *complaints) news(about, text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	former := c.standing[about]
	c.standing[about] = text
	return former != text
}

// complain tells of a standing problem when it begins, when it changes and when it is over, and not at every look.
func (d *Daemon) complain(about string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if !d.complaints.news(about, text) {
		return
	}
	if err == nil {
		d.log.Info().Str("about", about).Msg("problem is over")
		return
	}
	d.log.Error().Str("about", about).Err(err).Msg("problem")
	d.events.Add(Event{Type: "daemon", Gateway: d.settings.self.String(), State: "problem", Detail: about + ": " + text})
}
