package experiment

import (
	"cmp"
	"slices"
	"strings"

	"github.com/grapevine-mesh/grapevine/chaos"
)

// barWidth is the number of cells of a bar: enough to tell a third from a half, and three of them fit on a line.
const barWidth = 16

// bar draws who answered during a lap: each cell is a part of the answers, marked with the first letter of the cluster that
// gave them, and '!' for what was not answered. Whatever happened at all gets a cell.
//
//	eeeeewwwwwnnnnnn      eeeeeeeennnnnnnn      eeeewwwwwnnnnnn!
func bar(s *Screen, clusters []string, lap chaos.Lap) string {
	cells := shares(append(slices.Clone(lap.Served), lap.Errors), barWidth)
	var b strings.Builder
	for i, cluster := range clusters {
		b.WriteString(s.Paint(cellColours[i%len(cellColours)], strings.Repeat(cluster[:1], cells[i])))
	}
	b.WriteString(s.Paint(errorColour, strings.Repeat("!", cells[len(clusters)])))
	if b.Len() == 0 {
		return s.Paint(Dim, strings.Repeat("·", barWidth))
	}
	return b.String()
}

// Dark letters on the clusters' colours of the report, as near as 256 colours come.
const errorColour = "1;97;41"

var cellColours = [...]string{"30;48;5;68", "30;48;5;179", "30;48;5;72"}

// shares divides width cells among counts in proportion (largest remainder), with at least one for each that isn't zero.
func shares(counts []int64, width int) []int {
	cells := make([]int, len(counts))
	var total int64
	present := 0
	for _, n := range counts {
		total += n
		if n > 0 {
			present++
		}
	}
	if total == 0 {
		return cells
	}
	left := width
	order := make([]int, len(counts))
	for i, n := range counts {
		order[i] = i
		if n > 0 {
			cells[i] = 1 + int(n*int64(width-present)/total)
		}
		left -= cells[i]
	}
	remainder := func(i int) int64 { return counts[i] * int64(width-present) % total }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainder(b), remainder(a)) })
	for i := 0; left > 0; i, left = i+1, left-1 {
		cells[order[i%len(order)]]++
	}
	return cells
}
