package daemon

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/grapevine-mesh/grapevine/registry"
	"github.com/grapevine-mesh/grapevine/tunnel"
)

// metricsHandler serves what monitoring and an orchestrator ask: /metrics, /healthz (the process lives) and /readyz (it
// serves its own cluster). Neither depends on peers: a dead cluster must not restart the gateways of the living ones.
func (d *Daemon) metricsHandler() http.Handler {
	all := prometheus.NewPedanticRegistry()
	all.MustRegister(collector{d})
	if h, in := d.home.(*kubeHome); in {
		all.MustRegister(kubeCollector{h})
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(all, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !d.ready() {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, "waiting for the first synchronisation with another gateway")
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return mux
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("grapevine_"+name, help, labels, nil)
}

// The metrics. Gateways of one cluster share a label value, so the number of series grows with clusters alone.
var (
	metricBuild       = describe("build_info", "1, with the version as a label.", "version")
	metricReady       = describe("ready", "1 when the gateway serves its own cluster.")
	metricSynced      = describe("synced", "1 once the gateway has synchronised with another one.")
	metricDraining    = describe("draining", "1 while the gateway takes no new connections from others.")
	metricMembers     = describe("members", "Gateways by cluster and state, as the ring sees them.", "cluster", "state")
	metricLinks       = describe("links", "Links by the other gateway's cluster and state.", "cluster", "state")
	metricRTT         = describe("link_rtt_seconds", "Shortest smoothed round trip over the links to a cluster.", "cluster")
	metricStreams     = describe("streams", "Open tunnelled connections to and from a cluster.", "cluster")
	metricServices    = describe("services", "Services known.")
	metricEligible    = describe("service_clusters", "Services that a cluster can serve now.", "cluster")
	metricOpened      = describe("streams_opened_total", "Connections opened for applications here.")
	metricFailed      = describe("streams_failed_total", "Connections for which no cluster could be had.")
	metricHedged      = describe("streams_hedged_total", "Further attempts made because the one before was silent.")
	metricAccepted    = describe("streams_accepted_total", "Connections taken for other gateways.")
	metricRefused     = describe("streams_refused_total", "Connections of other gateways that were refused.", "reason")
	metricDropped     = describe("packets_dropped_total", "Gossip packets dropped because a peer takes none.")
	metricFlows       = describe("flows", "Open UDP flows, of clients here and of other gateways' clients.", "of")
	metricFlowsOpened = describe("flows_opened_total", "UDP flows opened for clients here, and taken for other gateways.", "of")
	metricFlowsEnded  = describe("flows_timed_out_total", "UDP flows that ended because nobody used them.", "of")
	metricFlowsFailed = describe("flows_failed_total", "UDP flows of clients here for which no cluster could be had.")
	metricDatagrams   = describe("datagrams_dropped_total", "Datagrams of UDP services dropped here, by reason.", "reason")
	metricEntries     = describe("registry_refused_total", "Registry entries refused.", "reason")
	metricQueries     = describe("dns_replies_total", "DNS replies by response code.", "rcode")
	metricCertificate = describe("certificate_expiry_timestamp_seconds", "When this gateway's certificate expires.")
)

// collector reads everything when it is asked; nothing is counted twice.
type collector struct{ d *Daemon }

// Describe sends the descriptions of all metrics.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		metricBuild, metricReady, metricSynced, metricDraining, metricMembers, metricLinks, metricRTT, metricStreams, metricServices, metricEligible,
		metricOpened, metricFailed, metricHedged, metricAccepted, metricRefused, metricDropped, metricEntries, metricQueries, metricCertificate,
		metricFlows, metricFlowsOpened, metricFlowsEnded, metricFlowsFailed, metricDatagrams,
	} {
		out <- desc
	}
}

// Collect sends the current values.
func (c collector) Collect(out chan<- prometheus.Metric) {
	d, o := c.d, output(out)
	o.gauge(metricBuild, 1, d.options.Version)
	o.gauge(metricReady, oneIf(d.ready()))
	o.gauge(metricSynced, oneIf(d.sync.Synced()))
	o.gauge(metricDraining, oneIf(d.draining.Load()))
	o.gauge(metricCertificate, float64(d.identity.Expires().Unix()))
	o.mesh(d)
	o.services(d)
	o.traffic(d)
	for rcode, n := range d.names.Stats().Rcodes {
		o.counter(metricQueries, n, rcode)
	}
}

// An output takes metrics.
type output chan<- prometheus.Metric

func (o output) gauge(desc *prometheus.Desc, value float64, labels ...string) {
	o <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

func (o output) counter(desc *prometheus.Desc, value uint64, labels ...string) {
	o <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
}

// mesh says who the members are, and how they are reached.
func (o output) mesh(d *Daemon) {
	type state struct{ cluster, state string }
	members := make(map[state]int)
	for _, m := range d.ring.Members() {
		members[state{string(m.Gateway.Cluster), string(m.State)}]++
	}
	for s, n := range members {
		o.gauge(metricMembers, float64(n), s.cluster, s.state)
	}

	links, streams, rtt := make(map[state]int), make(map[string]int), make(map[string]time.Duration)
	for _, l := range d.endpoint.Links() {
		cluster := string(l.Gateway.Cluster)
		links[state{cluster, string(l.State)}]++
		streams[cluster] += l.Streams
		if best, known := rtt[cluster]; l.State == tunnel.Up && l.RTT > 0 && (!known || l.RTT < best) {
			rtt[cluster] = l.RTT
		}
	}
	for s, n := range links {
		o.gauge(metricLinks, float64(n), s.cluster, s.state)
	}
	for cluster, n := range streams {
		o.gauge(metricStreams, float64(n), cluster)
	}
	for cluster, best := range rtt {
		o.gauge(metricRTT, best.Seconds(), cluster)
	}
}

// services says what there is to be had, and which entries of the registry were refused.
func (o output) services(d *Daemon) {
	services, eligible := 0, make(map[registry.Cluster]int)
	for service := range d.atlas.Directory().Services() {
		services++
		for _, offer := range service.Offers {
			if offer.Eligible {
				eligible[offer.Cluster]++
			}
		}
	}
	o.gauge(metricServices, float64(services))
	for cluster, n := range eligible {
		o.gauge(metricEligible, float64(n), string(cluster))
	}

	refused := make(map[registry.Reason]uint64)
	for _, r := range d.store.Refusals() {
		refused[r.Reason] += r.Count
	}
	for reason, n := range refused {
		o.counter(metricEntries, n, string(reason))
	}
}

// traffic says what was carried.
func (o output) traffic(d *Daemon) {
	stats := d.endpoint.Stats()
	o.counter(metricOpened, stats.Opened)
	o.counter(metricFailed, stats.Failed)
	o.counter(metricHedged, stats.Hedged)
	o.counter(metricAccepted, stats.Accepted)
	o.counter(metricDropped, stats.Dropped)
	for reason, n := range stats.Refused {
		o.counter(metricRefused, n, string(reason))
	}
	const here, others = "clients", "gateways"
	clients := d.fronts.FlowStats()
	o.gauge(metricFlows, float64(clients.Flows), here)
	o.gauge(metricFlows, float64(stats.Flows), others)
	o.counter(metricFlowsOpened, clients.Opened, here)
	o.counter(metricFlowsOpened, stats.FlowsAccepted, others)
	o.counter(metricFlowsEnded, clients.Expired, here)
	o.counter(metricFlowsEnded, stats.FlowsExpired, others)
	o.counter(metricFlowsFailed, clients.Failed)
	o.counter(metricDatagrams, stats.DatagramsDropped, "overflow")
	o.counter(metricDatagrams, stats.DatagramsStray, "no-such-flow")
	o.counter(metricDatagrams, clients.Refused, "too-many-clients")
	o.counter(metricDatagrams, clients.Dropped, "no-flow-yet")
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
