package stubzone

import (
	"encoding/json"
	"fmt"
	"strings"
)

// What a person ought to know beside the diff.
const (
	noteReload = "CoreDNS reads the change by itself, mostly within half a minute and in two at most: the kubelet brings the new ConfigMap, and the reload " +
		"plugin looks every 30 s. " +
		"--restart makes it seconds."
	noteNoReload = "This Corefile has no reload plugin: CoreDNS reads the change when it is started the next time. Use --restart, or add a line `reload`."
	noteSlow     = "This CoreDNS waits 2 s for a gateway that is silent (its node died, or it hangs) before it asks another, for about 4 s; " +
		"one that has ended costs next to nothing. From CoreDNS 1.14.5 on it is told to wait 0.5 s."
	noteKubeDNS   = "kube-dns reads the change by itself within a minute."
	noteNodeLocal = "NodeLocal DNSCache answers these zones from its cache for 5 to 30 s, which costs nothing: names stand for addresses that stay. " +
		"A name that was asked for before it existed is found 5 s late."
	noteNodeLocalUnknown = "There is a NodeLocal DNSCache that reads neither the ConfigMap kube-dns nor node-local-dns: its questions don't come to CoreDNS. " +
		"Send the zones to the same addresses in its own configuration."
)

// byHand tells what to do where the configuration of DNS isn't ours to change.
func byHand(found Found, o Options) string {
	provider := found.Provider()
	if o.Remove {
		return fmt.Sprintf("DNS of this cluster is %s, which was told by hand: take out there what sends zones to Grapevine.", provider)
	}
	switch provider {
	case OpenShift:
		return openShiftByHand(o)
	case CloudDNS:
		return cloudDNSByHand(o)
	case EKSAddOn:
		return eksByHand(found, o)
	}
	return fmt.Sprintf("Nothing is here that answers DNS in a way known to this program. If it is CoreDNS, add this block to its configuration:\n\n%s",
		block{zones: o.Zones, servers: o.servers(), port: "53"})
}

func openShiftByHand(o Options) string {
	server, _ := json.Marshal(map[string]any{ // of texts alone, which never fails
		"name":          "grapevine",
		"zones":         o.Zones,
		"forwardPlugin": map[string]any{"upstreams": o.servers(), "policy": "Random"},
	})
	return fmt.Sprintf(`OpenShift's DNS operator writes CoreDNS's configuration. Add this server to spec.servers of dns.operator/default; where there is no other, by

  oc patch dns.operator/default --type=merge -p '{"spec":{"servers":[%s]}}'`, server)
}

func cloudDNSByHand(o Options) string {
	var commands strings.Builder
	for _, zone := range o.Zones {
		fmt.Fprintf(&commands, "\n  gcloud dns managed-zones create %s --dns-name=%s. --visibility=private --networks=NETWORK --description=Grapevine --forwarding-targets=ADDRESS,ADDRESS",
			"grapevine-"+strings.ReplaceAll(zone, ".", "-"), zone)
	}
	return `GKE asks Cloud DNS here, which can't reach addresses of Services. Give each gateway's DNS Service an internal load balancer
(type LoadBalancer, annotation networking.gke.io/load-balancer-type: Internal), and forward to their addresses:
` + commands.String()
}

func eksByHand(found Found, o Options) string {
	corefile, _ := found.corefile(coreDNSName)
	own, err := newBlock(corefile, o)
	if err == nil {
		own.quick = found.release.quick()
		corefile, err = own.put(corefile)
	}
	if err != nil {
		return "CoreDNS is an EKS add-on, and its Corefile can't be added to: " + err.Error()
	}
	values, _ := json.Marshal(map[string]string{"corefile": corefile}) // of texts alone, which never fails
	return fmt.Sprintf(`CoreDNS is an EKS add-on, which would undo a change of its ConfigMap at the next update. Configure the add-on instead; whatever else its
configuration values say has to be said again:

  aws eks update-addon --cluster-name CLUSTER --addon-name coredns --configuration-values '%s'`, strings.ReplaceAll(string(values), "'", `'\''`))
}
