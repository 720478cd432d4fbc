package stubzone

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// stubDomains is the value of kube-dns's key of that name: a JSON object of zones and the servers that they are sent to. It
// is changed as text, so that what others wrote stays as they wrote it.
type stubDomains struct {
	text    string
	members []stubMember
}

// stubMember is one zone and its place in the text.
type stubMember struct {
	zone          string
	servers       []string
	from, key, to int // the end of what is before it, its first quotation mark, its own end
}

func parseStubDomains(text string) (stubDomains, error) {
	s := stubDomains{text: text}
	if strings.TrimSpace(text) == "" {
		return s, nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return s, errors.New("stubDomains: not a JSON object")
	}
	for from := int(decoder.InputOffset()); decoder.More(); {
		m := stubMember{from: from, key: from + strings.IndexByte(text[from:], '"')}
		zone, err := decoder.Token()
		if err != nil {
			return s, fmt.Errorf("stubDomains: %w", err)
		}
		m.zone = strings.ToLower(fmt.Sprint(zone))
		if err := decoder.Decode(&m.servers); err != nil {
			return s, fmt.Errorf("stubDomains: %s: %w", m.zone, err)
		}
		from = int(decoder.InputOffset())
		m.to = from
		s.members = append(s.members, m)
	}
	if _, err := decoder.Token(); err != nil {
		return s, fmt.Errorf("stubDomains: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return s, errors.New("stubDomains: more than one JSON object")
	}
	return s, nil
}

// servers returns where a zone is sent to, and whether it is there at all.
func (s stubDomains) servers(zone string) ([]string, bool) {
	at := s.find(zone)
	if at < 0 {
		return nil, false
	}
	return s.members[at].servers, true
}

func (s stubDomains) find(zone string) int {
	return slices.IndexFunc(s.members, func(m stubMember) bool { return m.zone == zone })
}

// without returns the text without a zone, or "" where it was the only one.
func (s stubDomains) without(zone string) string {
	at := s.find(zone)
	switch {
	case at < 0:
		return s.text
	case len(s.members) == 1:
		return ""
	case at == 0:
		return s.text[:s.members[0].key] + s.text[s.members[1].key:]
	}
	return s.text[:s.members[at].from] + s.text[s.members[at].to:]
}

// with returns the text with a zone more, behind the others and written as the last of them.
func (s stubDomains) with(zone string, servers []string) string {
	object, _ := json.Marshal(map[string][]string{zone: servers}) // of texts alone, which never fails
	if len(s.members) == 0 {
		return string(object)
	}
	last := s.members[len(s.members)-1]
	between := s.text[last.from:last.key]
	space := between[strings.LastIndexByte(between, ',')+1:]
	return s.text[:last.to] + "," + space + string(object[1:len(object)-1]) + s.text[last.to:]
}
