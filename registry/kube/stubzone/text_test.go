package stubzone

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzCorefile puts a block into whatever there is: it is there, once, the rest is as it was, and it goes without a trace.
func FuzzCorefile(f *testing.F) {
	for _, seed := range []string{
		"", "\n", ".:53 {\n    errors\n}", ".:53 {\n}\n", "a b,\nc:53 { whoami }\n", "# grapevine: begin\nx {\n}\n# grapevine: end\n", "# grapevine: begin\n# grapevine: end",
		"import custom/*.server", ". {\n x \"a { \\\" b\" {\n y {$ENV}\n }\n}\n", "{", "}", "a {\n{\n}\n}", "\"unclosed", "a {\r\n}\r\n", "(snip) {\n reload 5s\n}\n. {\n import snip\n}",
	} {
		f.Add(seed)
	}
	own := block{zones: wanted.Zones, servers: wanted.servers(), port: "53"}
	f.Fuzz(func(t *testing.T, corefile string) {
		clean, err := without(corefile)
		if err != nil {
			return
		}
		again, err := without(clean)
		require.NoError(t, err)
		require.Equal(t, clean, again)

		put, err := own.put(clean)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(put, clean))
		twice, err := own.put(put)
		require.NoError(t, err)
		require.Equal(t, put, twice)
		removed, err := without(put)
		require.NoError(t, err)
		require.Equal(t, clean, removed)

		before, _, err := parseCorefile(clean)
		if err != nil {
			return
		}
		after, _, err := parseCorefile(put)
		require.NoError(t, err)
		require.Len(t, after, len(before)+1)
		require.Equal(t, []string{"federated:53", "clusterset.local:53"}, after[len(before)].keys)
	})
}

// FuzzStubDomains adds zones to whatever there is: what others wrote stays, byte by byte.
func FuzzStubDomains(f *testing.F) {
	for _, seed := range []string{
		"", " ", "{}", "{ }\n", `{"a":["1.2.3.4"]}`, "{\n  \"a\" : [ \"1.2.3.4\" ],\n  \"b\": []\n}\n", `{"a":null}`, `{"a,b":["x"] , "c":["]}"]}`, `{"federated":["10.96.1.5"]}`, `[]`, `{"a":["b"]}x`, `{"a":["b"],}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseStubDomains(text)
		if err != nil {
			return
		}
		if _, there := s.servers("federated"); there {
			return
		}
		with, err := parseStubDomains(s.with("federated", []string{"10.96.1.5", "10.96.1.6"}))
		require.NoError(t, err)
		require.True(t, json.Valid([]byte(with.text)))
		at, there := with.servers("federated")
		require.True(t, there)
		require.Equal(t, []string{"10.96.1.5", "10.96.1.6"}, at)
		require.Len(t, with.members, len(s.members)+1)
		if len(s.members) > 0 {
			require.Equal(t, text, with.without("federated"))
			first, err := parseStubDomains(with.without(s.members[0].zone))
			require.NoError(t, err)
			require.True(t, json.Valid([]byte(first.text)))
			_, there = first.servers("federated")
			require.True(t, there)
		} else {
			require.Empty(t, with.without("federated"))
		}
	})
}
