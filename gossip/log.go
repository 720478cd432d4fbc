package gossip

import (
	"strings"

	"github.com/rs/zerolog"

	"github.com/grapevine-mesh/grapevine/registry"
)

// maxLogText cuts memberlist's longer lines: some print metadata byte by byte.
const maxLogText = 300

// logWriter takes memberlist's log. Its lines are about single packets and streams, and peers can cause them at will, so
// all go to debug and below; changes of members are logged by this package, from their events.
//
// It is also where suspicions are read: memberlist tells of them nowhere else. (A test watches that the text stays.)
type logWriter struct {
	log     zerolog.Logger
	suspect func(registry.Gateway)
}

// Write takes one line, such as "[INFO] memberlist: Suspect west/w-0 has failed, no acks received".
func (w *logWriter) Write(line []byte) (int, error) {
	severity, text, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
	text = strings.TrimPrefix(text, "memberlist: ")
	if g, ok := suspectIn(text); ok {
		w.suspect(g)
	}
	level := zerolog.DebugLevel
	if severity == "[DEBUG]" {
		level = zerolog.TraceLevel
	}
	w.log.WithLevel(level).Str("text", text[:min(len(text), maxLogText)]).Msg("memberlist")
	return len(line), nil
}

// suspectIn returns the member whom memberlist's line calls suspect.
func suspectIn(text string) (registry.Gateway, bool) {
	rest, found := strings.CutPrefix(text, "Suspect ")
	name, ends := strings.CutSuffix(rest, " has failed, no acks received")
	if !found || !ends {
		return registry.Gateway{}, false
	}
	g, err := registry.ParseGateway(name)
	return g, err == nil
}
