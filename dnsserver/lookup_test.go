package dnsserver

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLookup asks as a person does.
func TestLookup(t *testing.T) {
	server := newTestServer(t, newFakeDirectory("export east web.shop federated gateway http:80/TCP", "vip web.shop 127.80.0.1"))
	answer, err := server.Lookup("web.shop.federated", "")
	require.NoError(t, err)
	require.Equal(t, Answer{Name: "web.shop.federated.", Type: "A", Rcode: "NOERROR", Answers: []string{"web.shop.federated.\t5\tIN\tA\t127.80.0.1"}}, answer)

	answer, err = server.Lookup("_http._tcp.web.shop.federated.", "srv")
	require.NoError(t, err)
	require.Len(t, answer.Answers, 1)
	require.Len(t, answer.Extra, 1)

	answer, err = newTestServer(t, newFakeDirectory("unsynced")).Lookup("web.shop.federated", "AAAA")
	require.NoError(t, err)
	require.Equal(t, "SERVFAIL", answer.Rcode)
	require.Equal(t, "Not Ready", answer.Note)
	require.NotNil(t, answer.Answers, "an empty list for scripts")

	_, err = server.Lookup("web.shop.federated", "B")
	require.ErrorContains(t, err, `record type "B": want A, AAAA`)
	for _, name := range []string{"", "web..shop", "a\\"} {
		_, err = server.Lookup(name, "A")
		require.ErrorContains(t, err, "want a domain name", name)
	}
}
