package stubzone

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write what is decided into testdata; read the diff")

// A cluster is one file of testdata: what there is, what is wanted, and what is to be done.
type cluster struct {
	name    string
	archive *txtar.Archive
	found   Found
	options Options
}

// clusters reads testdata.
func clusters(t *testing.T) []cluster {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []cluster
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		c := cluster{name: strings.TrimSuffix(filepath.Base(file), ".txt"), archive: archive}
		c.read(t)
		all = append(all, c)
	}
	return all
}

func (c *cluster) read(t *testing.T) {
	sections := make(map[string][]byte)
	for _, file := range c.archive.Files {
		sections[file.Name] = file.Data
	}
	require.NoError(t, yaml.UnmarshalStrict(sections["cluster"], &struct {
		Version *string
		Groups  *[]string
	}{&c.found.Version, &c.found.Groups}))
	var options struct{ Zones, To []string }
	require.NoError(t, yaml.UnmarshalStrict(sections["options"], &options))
	c.options.Zones = options.Zones
	for _, text := range options.To {
		server, err := ParseServer(text)
		require.NoError(t, err)
		c.options.To = append(c.options.To, server)
	}
	c.found.ConfigMaps = make(map[string]*corev1.ConfigMap)
	for _, document := range strings.Split(string(sections["objects.yaml"]), "---\n") {
		c.found.add(t, []byte(document))
	}
}

// add takes in an object.
func (f *Found) add(t *testing.T, document []byte) {
	var kind metav1.TypeMeta
	require.NoError(t, yaml.Unmarshal(document, &kind))
	switch kind.Kind {
	case "":
	case "ConfigMap":
		object := new(corev1.ConfigMap)
		require.NoError(t, yaml.UnmarshalStrict(document, object))
		f.ConfigMaps[object.Name] = object
	case "Deployment":
		object := new(appsv1.Deployment)
		require.NoError(t, yaml.UnmarshalStrict(document, object))
		if object.Name == coreDNSName {
			f.CoreDNS, f.release = object, imageRelease(coreDNSImage(object))
		} else {
			f.KubeDNS = object
		}
	case "DaemonSet":
		f.NodeLocal = new(appsv1.DaemonSet)
		require.NoError(t, yaml.UnmarshalStrict(document, f.NodeLocal))
	default:
		require.FailNow(t, "unknown kind", kind.Kind)
	}
}

// after returns what there is when a plan has been carried out.
func (f Found) after(plan Plan) Found {
	next := f
	next.ConfigMaps = make(map[string]*corev1.ConfigMap)
	for name, object := range f.ConfigMaps {
		next.ConfigMaps[name] = object
	}
	for _, change := range plan.Changes {
		if change.After == nil {
			delete(next.ConfigMaps, change.Former.Name)
		} else {
			next.ConfigMaps[change.After.Name] = change.After
		}
	}
	return next
}

// String is what a person sees of a plan.
func (p Plan) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, restart: %v\n", p.Provider, p.Restart)
	for _, change := range p.Changes {
		fmt.Fprintf(&text, "%s\n%s", change.Action(), change.Diff())
	}
	for _, note := range p.Notes {
		fmt.Fprintf(&text, "note: %s\n", note)
	}
	if p.ByHand != "" {
		text.WriteString(p.ByHand + "\n")
	}
	return text.String()
}

// TestWhatIsDecided compares with testdata.
func TestWhatIsDecided(t *testing.T) {
	for _, c := range clusters(t) {
		t.Run(c.name, func(t *testing.T) {
			plan, err := Decide(c.found, c.options)
			require.NoError(t, err)
			last := &c.archive.Files[len(c.archive.Files)-1]
			require.Equal(t, "want", last.Name)
			if *update {
				last.Data = []byte(plan.String())
				require.NoError(t, os.WriteFile("testdata/"+c.name+".txt", txtar.Format(c.archive), 0o644))
			}
			require.Equal(t, string(last.Data), plan.String())
		})
	}
}

// TestLaws holds for every cluster: what is there already isn't changed again, and what is taken out leaves no trace,
// whichever zones it was.
func TestLaws(t *testing.T) {
	for _, c := range clusters(t) {
		t.Run(c.name, func(t *testing.T) {
			cleared, err := Decide(c.found, Options{Remove: true})
			require.NoError(t, err)
			clean := c.found.after(cleared)

			applied, err := Decide(clean, c.options)
			require.NoError(t, err)
			there := clean.after(applied)
			again, err := Decide(there, c.options)
			require.NoError(t, err)
			require.Empty(t, again.Changes, "applied twice")
			require.False(t, again.Restart)

			other := Options{Zones: []string{"mesh.example", "other.example"}, To: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.9:53")}}
			moved, err := Decide(there, other)
			require.NoError(t, err)
			back, err := Decide(there.after(moved), c.options)
			require.NoError(t, err)
			require.Equal(t, texts(there), texts(there.after(moved).after(back)), "there and back")

			for _, f := range []Found{there, there.after(moved)} {
				removed, err := Decide(f, Options{Remove: true})
				require.NoError(t, err)
				require.Equal(t, texts(clean), texts(f.after(removed)), "removed")
			}
		})
	}
}

// texts are the ConfigMaps as people see them.
func texts(f Found) map[string]string {
	all := make(map[string]string)
	for name, object := range f.ConfigMaps {
		all[name] = render(object)
	}
	return all
}
