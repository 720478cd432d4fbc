package kube

import (
	"fmt"

	"github.com/rs/zerolog"
	"k8s.io/klog/v2"
)

// QuietKlog sends what Kubernetes' libraries log to log, all at level debug: it is about single requests, and what matters of
// it is logged by this package. Left to itself klog writes to standard error. klog is one for the whole process, so only
// the composition may call this, once, before anything else here.
func QuietKlog(log zerolog.Logger) { klog.SetLogger(klogTo(log)) }

// klogTo is the logger for those parts of the libraries that can be given one.
func klogTo(log zerolog.Logger) klog.Logger { return klog.New(klogSink{log}) }

// klogSink is a logr.LogSink. Names and values that a logger is given for keeps aren't worth the copy.
type klogSink struct{ log zerolog.Logger }

func (s klogSink) Init(klog.RuntimeInfo) {}

func (s klogSink) Enabled(level int) bool {
	return level == 0 && s.log.GetLevel() <= zerolog.DebugLevel
}

func (s klogSink) Info(_ int, text string, keysAndValues ...any) { s.write(nil, text, keysAndValues) }

func (s klogSink) Error(err error, text string, keysAndValues ...any) {
	s.write(err, text, keysAndValues)
}

func (s klogSink) WithValues(...any) klog.LogSink { return s }

func (s klogSink) WithName(string) klog.LogSink { return s }

func (s klogSink) write(err error, text string, keysAndValues []any) {
	event := s.log.Debug().AnErr("error", err).Str("text", text)
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		event.Str(fmt.Sprint(keysAndValues[i]), fmt.Sprint(keysAndValues[i+1]))
	}
	event.Msg("kubernetes client")
}
