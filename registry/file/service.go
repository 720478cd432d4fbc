package file

import (
	"github.com/grapevine-mesh/grapevine/registry"
)

// Service is one entry of the configuration's services, as it is written. What isn't written has the zero value; the
// comments say what that means.
type Service struct {
	Name          string              `json:"name"`                     // required
	Namespace     string              `json:"namespace"`                // required
	Export        registry.Visibility `json:"export,omitempty"`         // federated
	Reach         registry.Reach      `json:"reach,omitempty"`          // gateway
	Affinity      registry.Affinity   `json:"affinity,omitempty"`       // local
	Weight        uint32              `json:"weight,omitempty"`         // for spread: the ready endpoints count
	Priority      int32               `json:"priority,omitempty"`       // lower is tried first
	AllowClusters []registry.Cluster  `json:"allow-clusters,omitempty"` // all
	Ports         []registry.Port     `json:"ports"`                    // at least one; protocol: TCP, or UDP
	Endpoints     []string            `json:"endpoints"`                // at least one
	Check         *Check              `json:"check,omitempty"`          // a TCP check, as if tcp were written; none for a service with only UDP ports
}

// Check says how an endpoint is found ready, on the service's first TCP port. Times are texts such as "500ms".
type Check struct {
	HTTP     string `json:"http,omitempty"`     // a path: GET it, and expect a status of 200 to 399
	TCP      bool   `json:"tcp,omitempty"`      // connect; the default
	Interval string `json:"interval,omitempty"` // 1s
	Timeout  string `json:"timeout,omitempty"`  // 1s, or the interval where that is shorter
	Rise     int    `json:"rise,omitempty"`     // this many successes in a row make it ready: 1
	Fall     int    `json:"fall,omitempty"`     // this many failures in a row make it not ready: 2. A refusal counts at once
}
