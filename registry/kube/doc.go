// Package kube is the source of services inside Kubernetes, and what the mesh's services become there.
//
//	Services, EndpointSlices, ServiceExports          derived Services, EndpointSlices, ServiceImports
//	               │                                                   ▲
//	               ▼                                                   │
//	informers ──▶ convert ──▶ []registry.Own ──▶ mesh ──▶ directory ──▶ plan ──▶ server-side apply
//
// It is the only package that knows Kubernetes' libraries. It knows nothing of gossip and tunnels: others tell it which
// gateways of its cluster live, and on which ports this one listens.
package kube
