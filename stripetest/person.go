package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// errSkipped says that the person left a step out.
var errSkipped = errors.New("left out")

// person does what only somebody with a browser can do. Each returns errSkipped when it was not done.
type person interface {
	says(text string)
	// open opens a link's page and leaves it open.
	open(ctx context.Context, url string) error
	// pay pays on a link's page, in as many windows as there are numbers: all are opened before the
	// first is paid. A number is that of a test card, or of a test bank account.
	pay(ctx context.Context, url string, numbers ...string) error
	// settle waits until Stripe has gone on with what takes it a while.
	settle(ctx context.Context) error
	// canDisconnect says whether the owner of an Express account can end its connection there.
	canDisconnect(ctx context.Context, account string) (bool, error)
	// breakOnce has the next call fail with a 500 before it does anything.
	breakOnce(ctx context.Context) error
}

// terminal asks whoever sits before it.
type terminal struct {
	in  io.Reader
	out io.Writer
}

func (t terminal) says(text string) { fmt.Fprintln(t.out, text) }

func (t terminal) ask(text string) (string, error) {
	fmt.Fprintf(t.out, "\n%s\n[Enter when done, s to leave it out] ", text)
	line, err := bufio.NewReader(t.in).ReadString('\n')
	if err != nil {
		return "", err
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	if answer == "s" {
		return "", errSkipped
	}
	return answer, nil
}

func (t terminal) open(_ context.Context, url string) error {
	_, err := t.ask("Open this page, and leave it open without paying:\n  " + url)
	return err
}

func (t terminal) pay(_ context.Context, url string, numbers ...string) error {
	text := "Open this page and pay:\n  " + url
	if len(numbers) > 1 {
		text = fmt.Sprintf("Open this page in %d windows, then pay in each of them, if Stripe lets you:\n  %s", len(numbers), url)
	}
	for _, n := range numbers {
		if len(n) < 16 {
			text += "\n  US bank account, routing number 110000000, account number " + n
		} else {
			text += "\n  card " + n + ", any future date, any code"
		}
	}
	_, err := t.ask(text)
	return err
}

func (t terminal) settle(context.Context) error { return nil } // Stripe does it by itself

func (t terminal) canDisconnect(_ context.Context, account string) (bool, error) {
	answer, err := t.ask("Open the Express dashboard of " + account + " and look for a way to disconnect from the platform. Type y or n:")
	return strings.HasPrefix(answer, "y"), err
}

func (t terminal) breakOnce(context.Context) error { return errSkipped } // nobody can make Stripe fail
