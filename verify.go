package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"trak/app"
	"trak/db"
)

type verifyCmd struct {
	Data string `env:"TRAK_DATA_DIR" default:"data" placeholder:"DIR" help:"Data directory (./${default})."`
	JSON bool   `help:"Print the report as JSON."`
}

// exitUnverified tells "could not look" from "looked and found a difference", which is 1.
const exitUnverified exitCode = 2

// Run reads the database beside a server that may be running. It ends with 1 when anything
// differs, one line for each difference.
func (c *verifyCmd) Run() error {
	report, err := c.verify(context.Background())
	if err != nil {
		fmt.Fprintf(os.Stderr, "trak: %v\n", err)
		return exitUnverified
	}
	if err := c.print(report); err != nil {
		return err
	}
	if len(report.Differences) > 0 {
		return exitCode(1)
	}
	return nil
}

func (c *verifyCmd) verify(ctx context.Context) (app.VerifyReport, error) {
	database, err := db.OpenReadOnly(ctx, c.Data)
	if err != nil {
		return app.VerifyReport{}, err
	}
	defer func() { _ = database.Close() }()
	return app.Verify(ctx, database)
}

func (c *verifyCmd) print(r app.VerifyReport) error {
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(r)
	}
	for _, d := range r.Differences {
		fmt.Printf("%s %s %s: %s\n", d.Workspace, d.Kind, d.ID, d.What)
	}
	found := "nothing differs"
	if n := len(r.Differences); n > 0 {
		found = fmt.Sprintf("differences: %d", n)
	}
	fmt.Printf("Workspaces: %d, invoices: %d, payments: %d; %s.\n", r.Workspaces, r.Invoices, r.Payments, found)
	return nil
}
