package file

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHealth writes the outcomes of checks as letters, and below each whether the endpoint is ready after it:
// + is a success, - a failure, x a refused connection.
func TestHealth(t *testing.T) {
	outcomes := map[rune]error{'+': nil, '-': errors.New("timeout"), 'x': fmt.Errorf("dial: %w", syscall.ECONNREFUSED)}
	for _, row := range []struct {
		rise, fall      int
		outcomes, ready string
	}{
		{1, 2, "+-+--+", "yyyyny"},
		{1, 2, "-+-x+x+", "nyynyny"},
		{1, 1, "+-+-x+", "ynynny"},
		{2, 2, "++-+--++", "nyyyynny"},
		{2, 2, "+-++x+x+", "nnnynnnn"},
		{2, 3, "++--+---", "nyyyyyyn"},
		{1, 2, "xx+", "nny"},
		{3, 1, "+++x+++", "nnynnny"},
	} {
		var h health
		require.False(t, h.known)
		ready := ""
		for _, outcome := range row.outcomes {
			h = h.after(outcomes[outcome], check{rise: row.rise, fall: row.fall})
			require.True(t, h.known)
			ready += map[bool]string{true: "y", false: "n"}[h.ready]
		}
		require.Equal(t, row.ready, ready, row.outcomes)
	}
}
