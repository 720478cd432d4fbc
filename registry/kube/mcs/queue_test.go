package mcs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQueue(t *testing.T) {
	key := objectKey{kindImport, "shop", "web"}
	write := func(content string) []change { return []change{{key: key, content: content}} }
	remove := []change{{key: key, content: "gone", after: caution}}
	type step struct {
		at      time.Duration
		changes []change
		first   bool
		due     int
		wait    time.Duration
	}
	for what, steps := range map[string][]step{
		"the first gateway writes at once, and looks again a second later": {{0, write("a"), true, 1, time.Second}},
		"another one after three seconds":                                  {{0, write("a"), false, 0, 3 * time.Second}, {3 * time.Second, write("a"), false, 1, time.Second}},
		"it is first now":                                                  {{0, write("a"), false, 0, 3 * time.Second}, {time.Second, write("a"), true, 1, time.Second}},
		"it was done meanwhile":                                            {{0, write("a"), false, 0, 3 * time.Second}, {time.Second, nil, false, 0, 0}, {4 * time.Second, write("a"), false, 0, 3 * time.Second}},
		"another wish is a new one":                                        {{0, write("a"), false, 0, 3 * time.Second}, {2 * time.Second, write("b"), false, 0, 3 * time.Second}},
		"what has no effect is repeated at growing intervals": {
			{0, write("a"), true, 1, time.Second}, {time.Second / 2, write("a"), true, 0, time.Second / 2}, {time.Second, write("a"), true, 1, 2 * time.Second},
			{3 * time.Second, write("a"), true, 1, 4 * time.Second}},
		"another wish isn't held up by that": {{0, write("a"), true, 1, time.Second}, {time.Second / 2, write("b"), true, 1, time.Second}},
		"a deletion waits":                   {{0, remove, true, 0, 5 * time.Second}, {5 * time.Second, remove, true, 1, time.Second}},
		"wanted again in time":               {{0, remove, true, 0, 5 * time.Second}, {4 * time.Second, nil, true, 0, 0}, {5 * time.Second, remove, true, 0, 5 * time.Second}},
		"a deletion of another gateway's":    {{0, remove, false, 0, 8 * time.Second}},
	} {
		q := queue{}
		for i, s := range steps {
			due, wait := q.due(s.changes, s.first, time.Unix(1000, 0).Add(s.at))
			require.Equal(t, []any{s.due, s.wait}, []any{len(due), wait}, "%s, step %d", what, i)
		}
	}
	require.Equal(t, longestRetry, retryAfter(1000))
}
