// Stripetest runs Trak against Stripe's own test mode: an invoice is made, paid and refunded, and each
// question that Stripe's documentation leaves open is asked of Stripe itself. It writes what it saw to
// docs/stripe-verified.md. Stripe does not have to reach this machine: events are read by listing.
//
// Run it with `STRIPE_TEST_KEY=sk_test_… make test-stripe` from the root of the repository. Some steps
// need a person: it says which page to open and what to type there, and waits.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"trak/connect"
)

func main() {
	out := flag.String("out", "docs/stripe-verified.md", "where to write what was seen")
	account := flag.String("account", os.Getenv("STRIPE_TEST_ACCOUNT"), "a connected test account (acct_…) for the questions that need one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv("STRIPE_TEST_KEY"), *account, *out); err != nil {
		fmt.Fprintln(os.Stderr, "test-stripe:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, key, account, out string) error {
	live, err := connect.Mode(key)
	switch {
	case err != nil:
		return fmt.Errorf("STRIPE_TEST_KEY: %w", err)
	case live:
		return errors.New("STRIPE_TEST_KEY is a live key: nothing was done. Only a test key (sk_test_…) is taken")
	}
	report, err := verify(ctx, target{key: key, base: "https://api.stripe.com", root: ".", account: account, person: terminal{in: os.Stdin, out: os.Stdout}, patience: 15 * time.Minute})
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, []byte(report.markdown()), 0o644); err != nil { //nolint:gosec // a document
		return err
	}
	fmt.Printf("%d of %d questions answered; see %s\n", report.answered(), len(report.Findings), out)
	return nil
}

// target is the Stripe that is asked.
type target struct {
	key, base string
	root      string // of the repository
	account   string // a connected one; "" = none
	person    person
	patience  time.Duration // for what a person does, and for what takes Stripe its time
}

// verify goes the whole way and asks every question.
func verify(ctx context.Context, t target) (report, error) {
	s, err := newSession(ctx, t)
	if err != nil {
		return report{}, err
	}
	defer s.close()
	r := report{At: time.Now().UTC(), Version: s.version, Account: s.own}
	if err := s.wholeWay(ctx); err != nil {
		return r, fmt.Errorf("the whole way: %w", err)
	}
	r.Findings = append(r.Findings, finding{Name: "WholeWay", Asks: "an invoice is made, paid by card, refunded, and all of it is known by listing events alone", Answer: "yes", Requests: s.calls.take()})
	for _, q := range questions {
		f := finding{Name: q.name, Asks: q.asks}
		f.Answer, err = q.answer(ctx, s)
		var skipped *unanswered
		switch {
		case errors.As(err, &skipped):
			f.Answer = "not answered: " + skipped.why
		case err != nil:
			return r, fmt.Errorf("%s: %w", q.name, err)
		}
		f.Requests = s.calls.take()
		r.Findings = append(r.Findings, f)
		t.person.says(fmt.Sprintf("%s: %s", q.name, f.Answer))
	}
	return r, nil
}
