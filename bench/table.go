package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// series is one figure over all rounds.
type series []float64

func (s *series) add(v float64) { *s = append(*s, v) }

func (s series) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func (s series) spread(format string) string {
	return fmt.Sprintf(format+" to "+format, slices.Min(s), slices.Max(s))
}

// goal is one row of the first table: G1, what it is about, and what is wanted of the median.
type goal struct {
	id, what string
	least    bool // else the limit is the most
	limit    float64
	unit     string // "" = a ratio
	series
}

func (g *goal) met() bool {
	if g.least {
		return g.median() >= g.limit
	}
	return g.median() <= g.limit
}

func (g *goal) wanted() string {
	sign := "≤ "
	if g.least {
		sign = "≥ "
	}
	return sign + strconv.FormatFloat(g.limit, 'f', -1, 64) + g.unit
}

// figure is one row of the second table: what a goal was computed from.
type figure struct {
	what, unit, format string
	series
}

// results are the tables, filled as the steps measure.
type results struct {
	goals   []*goal
	figures []*figure
	notes   []string // what could not be measured, and why
}

// goal returns the row of a goal that is a ratio or has a unit. Goals of one number are told
// apart by what they are about.
func (r *results) goal(id, what string, least bool, limit float64, unit string) *goal {
	for _, g := range r.goals {
		if g.id == id && g.what == what {
			return g
		}
	}
	g := &goal{id: id, what: what, least: least, limit: limit, unit: unit}
	r.goals = append(r.goals, g)
	return g
}

func (r *results) atMost(limit float64, id, what string) *goal {
	return r.goal(id, what, false, limit, "")
}

func (r *results) atLeast(limit float64, id, what string) *goal {
	return r.goal(id, what, true, limit, "")
}

func (r *results) figure(what, unit, format string) *figure {
	for _, f := range r.figures {
		if f.what == what {
			return f
		}
	}
	f := &figure{what: what, unit: unit, format: format}
	r.figures = append(r.figures, f)
	return f
}

// table shows each goal with what was measured, as Markdown.
func (r *results) table() string {
	var t strings.Builder
	slices.SortStableFunc(r.goals, func(a, b *goal) int { return number(a.id) - number(b.id) })
	fmt.Fprint(&t, "| goal | what | wanted | median | spread | |\n|---|---|---|---|---|---|\n")
	for _, g := range r.goals {
		verdict := "met"
		if !g.met() {
			verdict = "missed"
		}
		fmt.Fprintf(&t, "| %s | %s | %s | %.2f%s | %s | %s |\n", g.id, g.what, g.wanted(), g.median(), g.unit, g.spread("%.2f"), verdict)
	}
	for _, n := range r.notes {
		fmt.Fprintf(&t, "\n**Not measured:** %s\n", n)
	}
	fmt.Fprint(&t, "\n| behind them | median | spread |\n|---|---|---|\n")
	for _, f := range r.figures {
		fmt.Fprintf(&t, "| %s | "+f.format+" %s | %s |\n", f.what, f.median(), f.unit, f.spread(f.format))
	}
	return t.String()
}

// number is that of a goal's id, G7.
func number(id string) int {
	n, _ := strconv.Atoi(id[1:])
	return n
}

// Between these lines of the document stands what was measured last; the rest is written by hand.
const (
	tableBegin = "<!-- make bench writes from here -->\n"
	tableEnd   = "<!-- to here -->\n"
)

func writeTable(path string, m machine, rounds int, table string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(content, []byte(tableBegin))
	_, after, closed := bytes.Cut(rest, []byte(tableEnd))
	if !ok || !closed {
		return fmt.Errorf("%s has no lines %q and %q to write between", path, strings.TrimSpace(tableBegin), strings.TrimSpace(tableEnd))
	}
	now := fmt.Sprintf("\nMeasured on %s in %d rounds: %s.\n\n%s\n", time.Now().UTC().Format("2 January 2006"), rounds, m, table)
	return os.WriteFile(path, slices.Concat(before, []byte(tableBegin+now+tableEnd), after), 0o644)
}
