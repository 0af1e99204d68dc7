package main

import (
	"fmt"
	"strings"
	"time"
)

// finding is what one question came to.
type finding struct {
	Name, Asks, Answer string
	Requests           []string // Stripe's ids of the calls that were made for it
}

// report is all that was seen in one run.
type report struct {
	At       time.Time
	Version  string // of the API
	Account  string // whose key it was
	Findings []finding
}

func (r report) answered() (n int) {
	for _, f := range r.Findings {
		if !strings.HasPrefix(f.Answer, "not answered") {
			n++
		}
	}
	return n
}

func (r report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What was seen at Stripe itself\n\n"+
		"Run against Stripe's test mode on %s, API version %s, account %s, by `make test-stripe`.\n\n"+
		"The names are those of the sandbox's `Answers`, where it has one.\n\n"+
		"| question | asks | answer | requests |\n|---|---|---|---|\n", r.At.Format("2006-01-02"), r.Version, r.Account)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.Name, cell(f.Asks), cell(f.Answer), cell(strings.Join(f.Requests, ", ")))
	}
	return b.String()
}

func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }
