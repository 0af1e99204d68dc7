package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"trak/app"
)

type doctorCmd struct {
	configuration
	JSON bool `help:"Print the report as JSON."`
}

// Run lets the running server look, which knows most; when none runs, it opens the data
// directory itself. It ends with 1 when anything needs a person, and with 2 when it could not look.
func (c *doctorCmd) Run() error {
	ctx, stop := untilSignal()
	defer stop()
	report, err := c.report(ctx)
	if err != nil {
		return unseen{err}
	}
	if err := c.print(os.Stdout, report); err != nil {
		return err
	}
	if app.Failures(report.Checks) > 0 {
		return exitCode(1)
	}
	return nil
}

func (c *doctorCmd) report(ctx context.Context) (report app.DoctorReport, err error) {
	answer, err := askServer(ctx, c.Data, "/doctor")
	if errors.Is(err, errNoServer) {
		return c.alone(ctx)
	}
	if err != nil {
		return report, err
	}
	if err := json.Unmarshal([]byte(answer), &report); err != nil {
		return report, fmt.Errorf("read the running server's answer: %w", err)
	}
	return report, nil
}

func (c *doctorCmd) alone(ctx context.Context) (report app.DoctorReport, err error) {
	s, err := c.settings()
	if err != nil {
		return report, err
	}
	if err := hasDatabase(s.DataDir); err != nil {
		return report, err
	}
	database, product, err := openApp(ctx, s)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	return product.Doctor(ctx)
}

// print writes a line for each check, and below it what to do.
func (c *doctorCmd) print(out io.Writer, r app.DoctorReport) error {
	if c.JSON {
		to := json.NewEncoder(out)
		to.SetIndent("", "  ")
		return to.Encode(r)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, check := range r.Checks {
		level, name := string(check.Level), check.Name
		if check.Level == app.Failure {
			level = strings.ToUpper(level)
		}
		if check.Workspace != "" {
			name = check.Workspace + ": " + name
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", level, name, check.Text)
		if check.Fix != "" {
			fmt.Fprintf(table, "\t\t-> %s\n", check.Fix)
		}
	}
	return table.Flush()
}
