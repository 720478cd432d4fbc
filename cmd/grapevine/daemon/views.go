package daemon

import (
	"time"

	"github.com/grapevine-mesh/grapevine/registry"
)

// The shapes of the admin API. Scripts rely on them: keys are added, never renamed. Times that end in _ms are milliseconds,
// those in _s seconds.

// Status is what /v1/status answers.
type Status struct {
	Gateway            registry.Gateway `json:"gateway"`
	Mesh               string           `json:"mesh"`
	Version            string           `json:"version"`
	Ready              bool             `json:"ready"`    // serves its own cluster
	Synced             bool             `json:"synced"`   // knows what the mesh exports
	Isolated           bool             `json:"isolated"` // reaches no other gateway
	Draining           bool             `json:"draining"`
	Members            map[string]int   `json:"members"` // by state
	Services           int              `json:"services"`
	Registry           string           `json:"registry"` // hash of all that is replicated: equal hashes are equal registries
	Zone               string           `json:"zone"`
	DNS                string           `json:"dns"`
	Listen             string           `json:"listen"`
	Seeds              []Seed           `json:"seeds"`
	CertificateExpires time.Time        `json:"certificate_expires"`
	UptimeS            float64          `json:"uptime_s"`
	Now                time.Time        `json:"now"` // by this gateway's clock
}

// Seed is what became of one seed at the last attempt; Error is empty where it answered.
type Seed struct {
	Seed  string     `json:"seed"`
	Error string     `json:"error,omitempty"`
	At    *time.Time `json:"at,omitempty"`
}

// Member is one element of /v1/members.
type Member struct {
	Gateway   registry.Gateway `json:"gateway"`
	Cluster   registry.Cluster `json:"cluster"`
	State     string           `json:"state"` // alive, suspect, dead or left
	Since     time.Time        `json:"since"`
	Addresses []string         `json:"addresses"`
	Link      *MemberLink      `json:"link,omitempty"` // absent for the gateway itself
}

// MemberLink is this gateway's own opinion of the way to a member.
type MemberLink struct {
	State string  `json:"state"` // up, suspect or down
	RTTms float64 `json:"rtt_ms"`
}

// Link is one element of /v1/links.
type Link struct {
	Gateway    registry.Gateway `json:"gateway"`
	State      string           `json:"state"`
	Reason     string           `json:"reason,omitempty"`
	RTTms      float64          `json:"rtt_ms"`
	Streams    int              `json:"streams"`
	Draining   bool             `json:"draining"`
	Since      time.Time        `json:"since"`
	LastOpened *time.Time       `json:"last_opened,omitempty"` // when a connection was last sent that way
}

// Service is one element of /v1/services.
type Service struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	DNS       string            `json:"dns"`
	VIP       string            `json:"vip,omitempty"`
	Ports     []registry.Port   `json:"ports"`
	Clusters  []ServiceCluster  `json:"clusters"`
	Mirrors   map[string]string `json:"mirrors,omitempty"` // cluster → VIP of its mirrored service
}

// ServiceCluster is what one cluster offers of a service, and whether this gateway would use it now.
type ServiceCluster struct {
	Cluster  registry.Cluster   `json:"cluster"`
	Ready    uint32             `json:"ready"`
	Eligible bool               `json:"eligible"`
	Export   string             `json:"export"`
	Gateways []registry.Gateway `json:"gateways"`
}

// Pong is what /v1/ping answers.
type Pong struct {
	Gateway registry.Gateway `json:"gateway"`
	RTTms   float64          `json:"rtt_ms"`
	Path    string           `json:"path"`
}

// Resolution is what /v1/resolve answers: the DNS answer in words.
type Resolution struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Rcode   string   `json:"rcode"`
	Answers []string `json:"answers"` // resource records in zone-file form
	Extra   []string `json:"extra,omitempty"`
	Note    string   `json:"note,omitempty"` // the extended error's words
}

// Failure is the body of every answer with a status of 400 or above.
type Failure struct {
	Error string `json:"error"`
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}
