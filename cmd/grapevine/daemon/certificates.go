package daemon

import (
	"context"
	"time"
)

// How often our own certificate is looked at, and those of others; and how long before its end the log begins to warn.
const (
	reloadInterval  = 5 * time.Second
	recheckInterval = time.Minute
	expiryWarning   = 7 * 24 * time.Hour
)

// reloadCertificates takes over renewed certificates and changed authorities while the gateway runs, and warns of those
// that nobody renews. A file that can't be read leaves the old identity in use: half-written files mend themselves.
func (d *Daemon) reloadCertificates(ctx context.Context) error {
	ticker := time.NewTicker(reloadInterval)
	defer ticker.Stop()
	var failed string
	var warned, rechecked time.Time
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
			rechecked = time.Time{}
		}
		if time.Since(rechecked) >= recheckInterval {
			rechecked = time.Now()
			d.forgetUntrusted()
		}
		if left := time.Until(d.identity.Expires()); left < expiryWarning && time.Since(warned) > time.Hour {
			warned = time.Now()
			d.log.Warn().Time("expires", d.identity.Expires()).Msg("certificate expires soon")
		}
	}
}

// forgetUntrusted drops what was signed with certificates that ended, or of authorities that were taken out.
func (d *Daemon) forgetUntrusted() {
	for _, g := range d.store.Recheck() {
		d.log.Warn().Stringer("of", g).Msg("exports forgotten: the certificate that signed them is no longer valid")
	}
}

// adoptIdentity signs anew what the old certificate signed, so that it stays believable when that has expired.
func (d *Daemon) adoptIdentity() {
	d.log.Info().Time("expires", d.identity.Expires()).Msg("certificate reloaded")
	d.events.Add(Event{Type: "daemon", Gateway: d.settings.self.String(), State: "certificate", Detail: "reloaded"})
	if _, err := d.keyring.Add(d.identity.Chain()); err != nil {
		d.log.Error().Err(err).Msg("own certificate is not valid for others")
	}
	if err := d.store.Resign(); err != nil {
		d.log.Error().Err(err).Msg("exports not signed with the new certificate")
	}
}
