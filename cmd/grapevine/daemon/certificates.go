package daemon

import (
	"context"
	"time"
)

// How often the certificates are looked at, and how long before their end the log begins to warn.
const (
	reloadInterval = 5 * time.Second
	expiryWarning  = 7 * 24 * time.Hour
)

// reloadCertificates takes over renewed certificates and changed authorities while the gateway runs, and warns of those
// that nobody renews. A file that can't be read leaves the old identity in use: half-written files mend themselves.
func (d *Daemon) reloadCertificates(ctx context.Context) error {
	ticker := time.NewTicker(reloadInterval)
	defer ticker.Stop()
	var failed string
	var warned time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		changed, err := d.identity.Reload()
		switch {
		case err != nil && err.Error() != failed:
			failed = err.Error()
			d.log.Error().Err(err).Msg("certificate not reloaded, the old one stays")
		case err == nil && changed:
			failed = ""
			d.adoptIdentity()
		}
		if left := time.Until(d.identity.Expires()); left < expiryWarning && time.Since(warned) > time.Hour {
			warned = time.Now()
			d.log.Warn().Time("expires", d.identity.Expires()).Msg("certificate expires soon")
		}
	}
}

// adoptIdentity signs anew what the old certificate signed, so that it stays believable when that has expired, and
// forgets whom the authorities no longer vouch for.
func (d *Daemon) adoptIdentity() {
	d.log.Info().Time("expires", d.identity.Expires()).Msg("certificate reloaded")
	d.events.Add(Event{Type: "daemon", Gateway: d.settings.self.String(), State: "certificate", Detail: "reloaded"})
	if _, err := d.keyring.Add(d.identity.Chain()); err != nil {
		d.log.Error().Err(err).Msg("own certificate is not valid for others")
	}
	d.store.Recheck()
	if err := d.store.Resign(); err != nil {
		d.log.Error().Err(err).Msg("exports not signed with the new certificate")
	}
}
