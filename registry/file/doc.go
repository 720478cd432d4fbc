// Package file is the source of services outside Kubernetes: the entries of a configuration's services, the health of
// their endpoints, and the VIPs under which a host reaches the mesh's services.
//
//	source, err := file.New(file.Config{Services: config.Services, Dial: dial, OnChange: publish})
//	err = source.Run(ctx)                       // publish([]registry.Own) whenever something changed
//
//	vips, err := file.OpenVIPs(file.VIPConfig{Range: config.VIPs, Gateway: self, Path: data + "/vips", Lock: file.LockRange})
//	err = vips.Assign(names)                    // when the directory has new names
//	v4, _ := vips.Lookup(name)                  // for DNS, at any time
//
// # Idea
//
//	services:                parse            one goroutine per endpoint             publish
//	- name: web   ────────► service ─┬──► dial, GET, status ──► rise, fall ─┐
//	  endpoints: …  errors name      ├──► dial, GET, status ──► rise, fall ─┼─► changed ──► []Local ──► registry, tunnel
//	  check: …      their key        └──► …                                 ┘   (a level)
//
// The mesh is told how many endpoints are ready, and the tunnel where they are. Checks run each on its own, so a hung
// endpoint delays nobody else's verdict; what they find is joined at one place, and reported as a whole set.
//
// # Rules
//
//   - An endpoint is ready after one successful check, and no longer after two failures in a row, or at once when it
//     refuses the connection. Checks go to the service's first TCP port.
//   - Nothing is reported before every endpoint was checked once.
//   - A service without a check is checked by connecting: an endpoint that doesn't exist must not attract traffic.
//   - A service with only UDP ports isn't checked, and its endpoints count as ready: nobody answers to a datagram that isn't
//     meant for him, and silence proves nothing. A check written for such a service is an error. Where nobody listens at one
//     of its endpoints, the tunnel is told so by the kernel and tries the next.
//   - A VIP is placed by the hash of its name and then kept, on disk too. The file's loss costs nothing but those
//     addresses at which two names had met. It is written as a whole or not at all, and what is damaged is set aside
//     rather than trusted.
//   - Gateways on one host need a range each, and are kept to it by [LockRange].
package file
