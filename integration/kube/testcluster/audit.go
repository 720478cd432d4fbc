package testcluster

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"

	"github.com/stretchr/testify/require"
)

// Request is what somebody asked the API server for. The control plane's own requests aren't recorded.
type Request struct {
	User string
	Access
	Name string
	Code int // of the answer: 200, 403
}

// Access is what RBAC decides about: a verb and what it is done to.
type Access struct {
	Verb, Group, Resource, Subresource, Namespace string
}

var writes = []string{"create", "update", "patch", "delete", "deletecollection"}

// Writes tells whether the request was meant to change something.
func (r Request) Writes() bool { return slices.Contains(writes, r.Verb) }

// auditEvent is the part of audit.k8s.io/v1 that is read here.
type auditEvent struct {
	AuditID string
	Stage   string
	Verb    string
	User    struct{ Username string }
	Object  struct{ APIGroup, Resource, Subresource, Namespace, Name string } `json:"objectRef"`
	Answer  struct{ Code int }                                                `json:"responseStatus"`
}

// Audit returns all requests since the cluster was made that were answered or have begun to be, in the order of that. A watch
// counts from its beginning on. Requests for no resource, such as discovery, aren't among them.
func (c *Cluster) Audit() []Request {
	c.t.Helper()
	file, err := os.Open(c.path("audit.log"))
	require.NoError(c.t, err)
	defer file.Close()
	var requests []Request
	seen := make(map[string]bool)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event auditEvent
		if json.Unmarshal(lines.Bytes(), &event) != nil { // a line that was being written when the process was killed
			continue
		}
		if seen[event.AuditID] || event.Object.Resource == "" {
			continue
		}
		seen[event.AuditID] = true
		object := event.Object
		requests = append(requests, Request{
			User: event.User.Username, Name: object.Name, Code: event.Answer.Code,
			Access: Access{Verb: event.Verb, Group: object.APIGroup, Resource: object.Resource, Subresource: object.Subresource, Namespace: object.Namespace},
		})
	}
	require.NoError(c.t, lines.Err())
	return requests
}
