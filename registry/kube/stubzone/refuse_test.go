package stubzone

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// wanted sends both zones to one server.
var wanted = Options{Zones: []string{"federated", "clusterset.local"}, To: []netip.AddrPort{netip.MustParseAddrPort("10.96.1.5:53")}}

// holding is a cluster that has these ConfigMaps, each with one key.
func holding(objects ...string) Found {
	f := Found{ConfigMaps: make(map[string]*corev1.ConfigMap)}
	for i := 0; i < len(objects); i += 3 {
		f.ConfigMaps[objects[i]] = &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: objects[i], ResourceVersion: "1"},
			Data:       map[string]string{objects[i+1]: objects[i+2]},
		}
	}
	return f
}

// TestWhatIsSomebodyElses is never taken over, nor is what can't be read.
func TestWhatIsSomebodyElses(t *testing.T) {
	for _, row := range []struct{ what, corefile, want string }{
		{"a block of the zone", ".:53 {\n}\nfederated:53 {\n}\n", "zone federated is answered by somebody else: the block federated:53 at line 3"},
		{"written in another way", ".:53 {\n}\ndns://Federated. example.com {\n}\n", "the block dns://Federated. example.com at line 3"},
		{"among others", "a:53, clusterset.local:53 {\n}\n", "zone clusterset.local is answered by somebody else: the block a:53 clusterset.local:53"},
		{"CoreDNS itself", ".:53 {\n  kubernetes cluster.local clusterset.local {\n    multicluster clusterset.local\n  }\n}\n", "CoreDNS itself, from ServiceImports (multicluster in the block .:53 at line 1)"},
		{"an unclosed brace", ".:53 {\n forward . 1.1.1.1 {\n}\n", "line 1: the braces of .:53 have no end"},
		{"no braces", "forward . 1.1.1.1\n", "want a zone and its plugins in braces"},
		{"half a block of ours", ".:53 {\n}\n# grapevine: begin\nfederated {\n}\n", "aren't one pair"},
		{"two blocks of ours", "# grapevine: begin\n# grapevine: end\n# grapevine: begin\n# grapevine: end\n", "aren't one pair"},
		{"a block of ours the wrong way round", "# grapevine: end\n# grapevine: begin\n", "aren't one pair"},
	} {
		t.Run(row.what, func(t *testing.T) {
			plan, err := Decide(holding(coreDNSName, corefileKey, row.corefile), wanted)
			require.ErrorContains(t, err, row.want)
			require.ErrorContains(t, err, "configmap kube-system/coredns: Corefile: ")
			require.Empty(t, plan.Changes)
		})
	}
	_, err := Decide(holding(coreDNSName, corefileKey, "import custom/*.server\n", customName, "corp.server", "federated {\n}\n"), wanted)
	require.ErrorContains(t, err, "configmap kube-system/coredns-custom: corp.server: zone federated is answered by somebody else")
	_, err = Decide(holding(coreDNSName, corefileKey, "# grapevine: begin\n"), Options{Remove: true})
	require.ErrorContains(t, err, "aren't one pair")
}

// TestWhatIsNoConflict is left alone, and stood beside.
func TestWhatIsNoConflict(t *testing.T) {
	for what, corefile := range map[string]string{
		"another port":        ".:53 {\n}\nfederated:1053 {\n}\n",
		"a longer name":       ".:53 {\n}\nshop.federated:53 {\n}\n",
		"in a comment":        ".:53 {\n} # federated:53 {\n",
		"in quotes":           ".:53 {\n template ANY ANY x {\n match \"federated { }\"\n }\n}\n",
		"a plugin's argument": ".:53 {\n forward federated 192.0.2.1\n}\n",
		"nothing at all":      "",
	} {
		plan, err := Decide(holding(coreDNSName, corefileKey, corefile), wanted)
		require.NoError(t, err, what)
		require.Len(t, plan.Changes, 1, what)
		require.Contains(t, plan.Changes[0].After.Data[corefileKey], corefile, what)
	}
}

// TestStubZonesOfOthers stay as they are.
func TestStubZonesOfOthers(t *testing.T) {
	gke := func(stubs string) Found {
		f := holding(kubeDNSName, stubKey, stubs)
		f.Version, f.KubeDNS = "v1.34.1-gke.1", deployment(kubeDNSName, "")
		return f
	}
	_, err := Decide(gke(`{"federated": ["192.0.2.1"]}`), wanted)
	require.ErrorContains(t, err, "configmap kube-system/kube-dns: stubDomains: zone federated is sent to 192.0.2.1 by somebody else")
	for _, broken := range []string{`[]`, `{"a": "b"}`, `{"a": ["b"]`, `{"a": ["b"]} {}`, `{a}`, `nothing`} {
		_, err = Decide(gke(broken), wanted)
		require.ErrorContains(t, err, "configmap kube-system/kube-dns: stubDomains: ", broken)
	}

	same := gke(`{"federated": ["10.96.1.5"], "clusterset.local": ["10.96.1.5"]}`)
	plan, err := Decide(same, wanted)
	require.NoError(t, err)
	require.Empty(t, plan.Changes, "somebody said it already")
	plan, err = Decide(same, Options{Remove: true})
	require.NoError(t, err)
	require.Empty(t, plan.Changes, "and it isn't ours to take out")
}

// TestTwoBlocksOfOneZoneAreNeverThere, whichever place the block was in: CoreDNS would not start.
func TestTwoBlocksOfOneZoneAreNeverThere(t *testing.T) {
	plain := holding(coreDNSName, corefileKey, ".:53 {\n}\n")
	plan, err := Decide(plain, wanted)
	require.NoError(t, err)
	moved := plain.after(plan)
	moved.ConfigMaps[coreDNSName] = moved.ConfigMaps[coreDNSName].DeepCopy()
	moved.ConfigMaps[coreDNSName].Data[corefileKey] += "import custom/*.server\n" // the distribution's doing
	plan, err = Decide(moved, wanted)
	require.NoError(t, err)
	require.Len(t, plan.Changes, 2)
	after := moved.after(plan)
	require.Equal(t, ".:53 {\n}\nimport custom/*.server\n", after.ConfigMaps[coreDNSName].Data[corefileKey])
	require.Contains(t, after.ConfigMaps[customName].Data[customKey], "federated:53")
}

// TestOptionsAreChecked says what is wrong, and what would be right.
func TestOptionsAreChecked(t *testing.T) {
	server := netip.MustParseAddrPort("10.96.1.5:53")
	for want, o := range map[string]Options{
		"such as --zone federated":           {To: []netip.AddrPort{server}},
		`zone "a_b": want a domain name`:     {Zones: []string{"a_b"}, To: []netip.AddrPort{server}},
		`zone "Federated": want a domain`:    {Zones: []string{"Federated"}, To: []netip.AddrPort{server}},
		`zones "a" and "b.a": one is in`:     {Zones: []string{"a", "b.a"}, To: []netip.AddrPort{server}},
		"0 addresses to send to":             {Zones: []string{"a"}},
		"address 127.0.0.1:53: nothing that": {Zones: []string{"a"}, To: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:53")}},
		"stands twice":                       {Zones: []string{"a"}, To: []netip.AddrPort{server, server}},
		"16 addresses to send to":            {Zones: []string{"a"}, To: make([]netip.AddrPort, 16)},
	} {
		require.ErrorContains(t, o.Validate(), want)
	}
	for text, want := range map[string]string{"10.1.2.3": "10.1.2.3:53", "10.1.2.3:8053": "10.1.2.3:8053", "fd00::1": "[fd00::1]:53", "[fd00::1]:54": "[fd00::1]:54"} {
		parsed, err := ParseServer(text)
		require.NoError(t, err)
		require.Equal(t, want, parsed.String())
	}
	_, err := ParseServer("grapevine-dns-0.grapevine")
	require.ErrorContains(t, err, "such as 10.96.1.5")
}
