package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"trak/app"
	"trak/billing"
)

type proveCmd struct {
	Number    string `arg:"" help:"Number of the invoice, such as INV-0042."`
	Workspace string `placeholder:"SLUG" help:"The workspace it belongs to, when several have that number."`
	Data      string `env:"TRAK_DATA_DIR" default:"data" placeholder:"DIR" help:"Data directory (./${default})."`
	JSON      bool   `help:"Print it as JSON."`
}

// Run reads the database beside a server that may be running, and prints the whole way of an
// invoice's money.
func (c *proveCmd) Run() error {
	ctx := context.Background()
	database, err := openToRead(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	proof, err := app.Prove(ctx, database, c.Number, c.Workspace)
	var several *app.SeveralFound
	switch {
	case errors.Is(err, app.ErrNotFound):
		return fmt.Errorf("there is no invoice %s", c.Number)
	case errors.As(err, &several):
		return fmt.Errorf("%w; choose one with --workspace", err)
	case err != nil:
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(proof)
	}
	return printProof(os.Stdout, proof)
}

func printProof(out io.Writer, p app.Proof) error {
	head := fmt.Sprintf("%s of %s to %s: %s", p.Number, p.Workspace, p.Client, billing.LabelOfStatus(p.Status).Text)
	if !p.Livemode {
		head += " (test)"
	}
	fmt.Fprintln(out, head)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, leg := range p.Legs {
		fmt.Fprintf(table, "\n%s\n", leg.Title)
		for _, s := range leg.Steps {
			mark, amount, when := " ", "", s.Day
			if s.Missing {
				mark = "-"
			}
			if money, ok := s.Money(); ok {
				amount = signed(money)
			}
			if s.At > 0 {
				when = time.UnixMicro(s.At).UTC().Format("2006-01-02 15:04:05Z")
			}
			fmt.Fprintf(table, "%s %s\t%s\t%s\t%s\n", mark, s.What, amount, s.StripeID, when)
		}
	}
	return table.Flush()
}

// signed writes an amount with its sign, which says whose it becomes.
func signed(m billing.Money) string {
	text := billing.FormatMoney(m, "en")
	if m.Minor > 0 {
		text = "+" + text
	}
	return text
}
