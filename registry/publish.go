package registry

import (
	"errors"
	"fmt"
	"slices"
)

// Publish makes exports what this gateway exports: the whole set. Others hear of what differs from before. What can't be
// published is named in the error, and leaves the rest alone: such a service stays as it was.
//
// The first Publish counts as a new start, whatever it says. Until then the others go by what this gateway said before it
// was restarted, so call it when the exports are known.
func (s *Store) Publish(exports []Export) error {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	offered, err := s.admit(exports)
	return errors.Join(err, s.issue(offered))
}

// Resign signs everything anew where the signer's certificate has changed. The entries move to a new epoch, so that those
// of one epoch all have one signer, and no others are left when the former certificate expires.
func (s *Store) Resign() error {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	if s.lineOf(s.config.Self) == nil {
		return nil // nothing was published yet
	}
	return s.issue(s.offered)
}

// entryOverhead is what an entry takes beside its content: names, version, fingerprint, signature.
const entryOverhead = 512

// admit returns the content of what may be published of exports. What is offered already comes first where the quota is
// short, so that a new service never displaces one that is in use.
func (s *Store) admit(exports []Export) (map[ServiceName][]byte, error) {
	var errs []error
	contents, seen := map[ServiceName][]byte{}, map[ServiceName]bool{}
	for i := range exports {
		service := exports[i].Service
		if seen[service] {
			errs = append(errs, fmt.Errorf("service %s: stands twice", service))
			continue
		}
		seen[service] = true
		content, err := encodeExport(&exports[i])
		if err != nil {
			errs = append(errs, err)
			if content = s.offered[service]; content == nil {
				continue
			}
		}
		contents[service] = content
	}
	offered, bytes := map[ServiceName][]byte{}, 0
	for _, service := range s.inOrder(contents) {
		bytes += len(contents[service]) + entryOverhead
		if len(offered) == s.config.Quota.Entries || bytes > s.config.Quota.Bytes {
			quota := s.config.Quota
			errs = append(errs, fmt.Errorf("service %s: over the quota of %d services and %d bytes", service, quota.Entries, quota.Bytes))
			continue
		}
		offered[service] = contents[service]
	}
	return offered, errors.Join(errs...)
}

func encodeExport(e *Export) ([]byte, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	content := encode(e)
	if len(content)+entryOverhead > maxEntry {
		return nil, fmt.Errorf("service %s: %d bytes: want %d at most", e.Service, len(content), maxEntry-entryOverhead)
	}
	return content, nil
}

// inOrder returns the services of contents, those first that are offered already.
func (s *Store) inOrder(contents map[ServiceName][]byte) []ServiceName {
	var known, added []ServiceName
	for service := range contents {
		if s.offered[service] != nil {
			known = append(known, service)
		} else {
			added = append(added, service)
		}
	}
	slices.SortFunc(known, ServiceName.Compare)
	slices.SortFunc(added, ServiceName.Compare)
	return append(known, added...)
}
