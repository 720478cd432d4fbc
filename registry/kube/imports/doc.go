// Package imports makes services of the mesh into Services of a Kubernetes cluster.
//
//	ports := imports.NewPorts(podIPs)                       // which port this gateway listens on for which service
//	fronts, err := ports.Place(directory.Wanted(false), now)
//	importer, err := imports.NewImporter(imports.ImporterConfig{Client: client, Directory: …, …})
//	importer.Open(fronts)                                   // they are listened on
//	go importer.Run(ctx)
//	v4, v6 := importer.Lookup(name)                         // the VIP
//
// # Idea
//
// Each name that has a VIP gets a Service without a selector in Grapevine's own namespace, and its ClusterIP is the VIP: the
// one kind of address that every kube-proxy, and whatever stands in for it, takes to the gateways of the cluster, whatever
// the Pods' ranges are. Each gateway has EndpointSlices of its own for it.
//
//	Service gv-web-shop-3k0b2c9d          10.96.7.1, port tcp-80
//	   ├── slice of grapevine-0           10.0.0.5:20417        the gateway, at the port that it listens on for web.shop
//	   └── slice of grapevine-1           10.0.1.9:11630        another gateway has numbers of its own
//
//	                                      … while Pods here are ready, and the service is meant to stay local:
//	   ├── slice of grapevine-0           10.0.0.8:8080, 10.0.1.3:8080
//	   └── slice of grapevine-1           10.0.0.8:8080, 10.0.1.3:8080
//
// Where the connections that a gateway takes go is decided in its memory. So the death of another cluster writes nothing here.
//
// # Rules
//
//   - What is missing is added at once. What is there and isn't wanted stays for five seconds more, and for as long as the
//     directory may lack something; then it goes. A port's endpoints are replaced by others in one write and never by
//     nothing: conntrack would send a UDP service's packets nowhere, for hours.
//   - Nobody but a gateway writes its slices, but for removing them: when it is dead, all at once, in one request. The verdict
//     of a link counts once, since it may be wrong; a gateway that lives puts its slices back. The ring's counts for good.
//   - What all gateways of a cluster would write alike is written by the first of them; the others wait three seconds for it.
//   - A slice is written before its Service, for kube-proxy refuses connections for a second otherwise. So slices have no
//     owner, whose UID they would need; each gateway removes its own.
//   - The Services by which the cluster's DNS asks each gateway have endpoints of the same kind: the gateway itself, and the first
//     of the others while it doesn't answer.
//   - What somebody else made is never touched, and neither is anything that was changed to say that it isn't ours.
//   - Nothing equal is written again. The API server being away is told once, and changes nothing.
//
// Services with a selector for the gateways' Pods were the alternative: no slices to keep, and a dead node's gateway among
// their endpoints for 40 seconds, until Kubernetes believes that it is dead. An address range of our own would need a route.
package imports
