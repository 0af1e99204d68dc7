package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
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

// table shows each goal with what was measured, as Markdown.
func (b *bench) table() string {
	var t strings.Builder
	fmt.Fprintf(&t, "| goal | what | wanted | median | spread of %d rounds | |\n|---|---|---|---|---|---|\n", b.rounds)
	goal := func(name, what, wanted string, s series, met bool) {
		verdict := "met"
		if !met {
			verdict = "missed"
		}
		fmt.Fprintf(&t, "| %s | %s | %s | %.2f | %s | %s |\n", name, what, wanted, s.median(), s.spread("%.2f"), verdict)
	}
	goal("G1", "webhooks over HTTP ÷ the same rows without HTTP", "≥ 0.60", b.webhookRatio, b.webhookRatio.median() >= 0.60)
	goal("G4", "events that share commits ÷ one commit an event", "≥ 3", b.groupRatio, b.groupRatio.median() >= 3)
	goal("G7", "CPU of an unchanged status poll ÷ of a constant Fiber route", "≤ 1.8", b.pollRatio, b.pollRatio.median() <= 1.8)

	fmt.Fprint(&t, "\n| behind them | median | spread |\n|---|---|---|\n")
	figure := func(what, unit, format string, s series) {
		fmt.Fprintf(&t, "| %s | "+format+" %s | %s |\n", what, s.median(), unit, s.spread(format))
	}
	figure("webhooks over HTTP", "events/s", "%.0f", b.webhookRate)
	figure("webhooks, slowest of a hundred", "ms", "%.1f", b.webhookP99)
	figure("webhooks, the server's CPU", "µs/event", "%.0f", b.webhookCPU)
	figure("the same rows without HTTP", "events/s", "%.0f", b.rawRate)
	figure("events that share commits, no HTTP", "events/s", "%.0f", b.groupedRate)
	figure("one commit an event, no HTTP", "events/s", "%.0f", b.singleRate)
	figure("unchanged status poll, the server's CPU", "µs", "%.1f", b.pollCPU)
	figure("constant Fiber route, CPU", "µs", "%.1f", b.constantCPU)
	return t.String()
}

// Between these lines of the document stands what was measured last; the rest is written by hand.
const (
	tableBegin = "<!-- make bench writes from here -->\n"
	tableEnd   = "<!-- to here -->\n"
)

func writeTable(path string, m machine, table string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(content, []byte(tableBegin))
	_, after, closed := bytes.Cut(rest, []byte(tableEnd))
	if !ok || !closed {
		return fmt.Errorf("%s has no lines %q and %q to write between", path, strings.TrimSpace(tableBegin), strings.TrimSpace(tableEnd))
	}
	now := fmt.Sprintf("\nMeasured on %s: %s.\n\n%s\n", time.Now().UTC().Format("2 January 2006"), m, table)
	return os.WriteFile(path, slices.Concat(before, []byte(tableBegin+now+tableEnd), after), 0o644)
}
