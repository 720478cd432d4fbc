package tunnel_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/grapevine-mesh/grapevine/tunnel"
)

// Nobody opens a stream, and only one side attends; the death is known as soon as on a link that carries something.
func TestAttendedLinkIsJudgedQuickly(t *testing.T) {
	for name, attend := range map[string]func(e, ww *gateway){
		"since before they met": func(e, ww *gateway) {
			e.Attend(east1, west)
			meet(e, ww)
			e.until(west, tunnel.Up, time.Second)
			time.Sleep(time.Minute)
		},
		"since a while ago": func(e, ww *gateway) {
			meet(e, ww)
			e.until(west, tunnel.Up, time.Second)
			time.Sleep(time.Minute)
			e.Attend(west)
			time.Sleep(20 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.network.SetWeather(delayed(500 * time.Microsecond))
				slower := func(cfg *tunnel.Config) { cfg.Heartbeat = 100 * time.Millisecond } // as the daemon has it
				e, ww := w.start(east, slower), w.start(west, slower)
				attend(e, ww)
				require.Equal(w, []string{"up connected"}, e.changes(west))
				ww.host.Kill()
				down := e.until(west, tunnel.Down, 5*time.Second)
				w.Log("down after", down)
				require.LessOrEqual(w, down, 700*time.Millisecond)
			})
		})
	}
}

func TestLinkNoLongerAttendedIsQuiet(t *testing.T) {
	inWorld(t, func(w *world) {
		e, ww := w.start(east), w.start(west)
		meet(e, ww)
		e.until(west, tunnel.Up, time.Second)
		packets := func() uint64 {
			before := w.network.Counts().Sent
			time.Sleep(time.Minute)
			return (w.network.Counts().Sent - before) / 60
		}
		e.Attend(west)
		require.Greater(w, packets(), uint64(35), "a second, both directions")
		e.Attend()
		time.Sleep(10 * time.Second)
		require.LessOrEqual(w, packets(), uint64(6))
		require.Equal(w, []string{"up connected"}, e.changes(west))
		require.Equal(w, []string{"up connected"}, ww.changes(east))
	})
}
