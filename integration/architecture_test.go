package integration

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/grapevine-mesh/grapevine"

// mayImport is the shape of the project: arrows point down, siblings don't know one another.
var mayImport = map[string][]string{
	"registry":               {},
	"registry/file":          {"registry"},
	"registry/kube":          {"registry"},
	"registry/kube/imports":  {"registry", "registry/kube"},
	"registry/kube/mcs":      {"registry", "registry/kube"},
	"registry/kube/stubzone": {"registry/kube"},
	"gossip":                 {"registry"},
	"dnsserver":              {"registry"},
	"tunnel":                 {"registry"},
	"chaos":                  {},
	"cmd/grapevine/daemon":   {"registry", "registry/file", "registry/kube", "registry/kube/imports", "registry/kube/mcs", "gossip", "dnsserver", "tunnel"},
	"integration":            {},

	"cmd/grapevine/experiment": {"chaos"},
	"cmd/grapevine/contexts":   {"chaos", "cmd/grapevine/experiment"},
	"cmd/grapevine/demo":       {"chaos", "registry", "tunnel", "cmd/grapevine/experiment"},
	"cmd/grapevine": {
		"registry", "registry/kube", "registry/kube/stubzone", "tunnel", "chaos",
		"cmd/grapevine/daemon", "cmd/grapevine/demo", "cmd/grapevine/experiment", "cmd/grapevine/contexts",
	},
}

// homes are the heavy dependencies, each with the only package that knows it, and those below that.
var homes = map[string]string{
	"github.com/hashicorp/memberlist":         "gossip",
	"github.com/miekg/dns":                    "dnsserver",
	"github.com/quic-go/quic-go":              "tunnel",
	"github.com/spiffe/go-spiffe":             "tunnel",
	"k8s.io":                                  "registry/kube",
	"sigs.k8s.io/mcs-api":                     "registry/kube",
	"github.com/fxamacker/cbor":               "registry",
	"github.com/prometheus/client_golang":     "cmd/grapevine/daemon",
	"github.com/HdrHistogram/hdrhistogram-go": "chaos",
}

// TestImports holds the arrows of the design: a package that reaches sideways or up fails here before it fails a reader.
func TestImports(t *testing.T) {
	for folder, files := range sources(t) {
		allowed, known := mayImport[folder]
		require.True(t, known, "%s: a new package needs its place in mayImport", folder)
		for _, file := range files {
			for _, spec := range file.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				require.NoError(t, err)
				if inside, own := strings.CutPrefix(imported, module+"/"); own {
					require.Contains(t, allowed, inside, "%s may not import %s", folder, inside)
				}
				for dependency, home := range homes {
					if imported == dependency || strings.HasPrefix(imported, dependency+"/") {
						require.True(t, folder == home || strings.HasPrefix(folder, home+"/"), "%s belongs to %s, not to %s", imported, home, folder)
					}
				}
			}
		}
	}
}

// TestRegistryIsLight holds that the vocabulary needs nothing but the standard library and its codec.
func TestRegistryIsLight(t *testing.T) {
	for _, file := range sources(t)["registry"] {
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			first, _, _ := strings.Cut(imported, "/")
			if strings.Contains(first, ".") {
				require.True(t, strings.HasPrefix(imported, "github.com/fxamacker/cbor/"), imported)
			}
		}
	}
}

// TestEveryPackageExplainsItself holds that each package has a doc of some length, with its picture.
func TestEveryPackageExplainsItself(t *testing.T) {
	for folder, files := range sources(t) {
		var doc string
		for _, file := range files {
			doc += file.Doc.Text()
		}
		require.Greater(t, len(doc), 300, "%s: the package doc is missing or too short", folder)
		require.True(t, strings.ContainsAny(doc, "│─▼▶") || strings.Contains(doc, "-->"), "%s: the package doc has no picture", folder)
	}
}

// sources returns the files of every package of this module but its tests, by folder.
func sources(t *testing.T) map[string][]*ast.File {
	t.Helper()
	packages := make(map[string][]*ast.File)
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != ".." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if entry.IsDir() && name != ".." && isModule(name) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
		folder := path.Dir(strings.TrimPrefix(filepath.ToSlash(name), "../"))
		packages[folder] = append(packages[folder], file)
		return err
	})
	require.NoError(t, err)
	require.Contains(t, packages, "registry")
	return packages
}

// isModule tells whether a folder is a module of its own, with dependencies that are no concern of this one.
func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}
