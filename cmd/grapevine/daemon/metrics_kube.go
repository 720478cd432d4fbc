package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	metricKubeWrites   = describe("kubernetes_writes_total", "Requests that changed something in the cluster, by kind of object and verb.", "kind", "verb", "result")
	metricKubeNames    = describe("kubernetes_names", "Names of the mesh that have a ClusterIP here.")
	metricKubeProblems = describe("kubernetes_problems", "Names without a ClusterIP, and objects that couldn't be written.")
	metricKubeAway     = describe("kubernetes_api_away_seconds", "How long the API server hasn't answered; 0 when it does.")
	metricKubeImports  = describe("kubernetes_serviceimports", "ServiceImports kept here.")
)

// kubeCollector reads what a gateway in Kubernetes does there.
type kubeCollector struct{ home *kubeHome }

// Describe sends the descriptions of all metrics.
func (c kubeCollector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{metricKubeWrites, metricKubeNames, metricKubeProblems, metricKubeAway, metricKubeImports} {
		out <- desc
	}
}

// Collect sends the current values.
func (c kubeCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	writes := func(n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(metricKubeWrites, prometheus.CounterValue, float64(n), labels...)
	}
	const done, failed = "done", "failed"
	stats := c.home.importer.Stats()
	for w, n := range stats.Writes {
		writes(n, w.Kind, w.Verb, done)
	}
	for w, n := range stats.Failures {
		writes(n, w.Kind, w.Verb, failed)
	}
	gauge(metricKubeNames, float64(stats.Found))
	problems := len(stats.Problems)
	if c.home.mcs != nil {
		multi := c.home.mcs.Stats()
		const kind = "MCS" // ServiceImports, their EndpointSlices, and status
		writes(multi.Applied, kind, "apply", done)
		writes(multi.Deleted, kind, "delete", done)
		writes(multi.Failed, kind, "", failed)
		gauge(metricKubeImports, float64(multi.Imports))
		problems += multi.Foreign
	}
	gauge(metricKubeProblems, float64(problems))
	away := 0.0
	if since := c.home.watch.AwaySince(); !since.IsZero() {
		away = time.Since(since).Seconds()
	}
	gauge(metricKubeAway, away)
}
