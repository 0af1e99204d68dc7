package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"trak/app"
)

type syncCmd struct {
	configuration
	Account   string `placeholder:"ID" help:"Only this account, acct_…."`
	Workspace string `placeholder:"SLUG" help:"Only the account of this workspace."`
	Since     string `placeholder:"WHEN" help:"From then on, as 2026-01-31 or as 72h before now. Beyond 30 days Stripe's own lists of charges, refunds, disputes and payouts are compared."`
}

// maxSince bounds --since: nothing that Trak keeps is older.
const maxSince = 10 * 366 * 24 * time.Hour

// Run lets the running server do it. When none runs, it opens the data directory itself. It ends
// with 1 when any account could not be read to its end.
func (c *syncCmd) Run() error {
	since, err := sinceOf(c.Since, time.Now())
	if err != nil {
		return err // Validate said so already
	}
	request := app.SyncRequest{Account: c.Account, Workspace: c.Workspace, Since: since}
	ctx, stop := untilSignal()
	defer stop()
	show := &syncShow{out: os.Stdout, progress: os.Stderr, terminal: isTerminal(os.Stderr)}
	err = askSync(ctx, c.Data, request, show.report)
	if errors.Is(err, errNoServer) {
		err = c.alone(ctx, request, show.report)
	}
	show.clear()
	if errors.Is(err, app.ErrNoSuchAccount) {
		return errors.New("no connected account of this data directory is named so; leave --account and --workspace out to read all")
	}
	if err != nil {
		return err
	}
	show.end()
	if show.failed > 0 {
		return exitCode(1)
	}
	return nil
}

// Validate refuses a time that is none with the exit code of a wrong command line.
func (c *syncCmd) Validate() error {
	_, err := sinceOf(c.Since, time.Now())
	return err
}

// sinceOf reads a date, from its beginning in UTC, or a time before now.
func sinceOf(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	since, err := time.Parse(time.DateOnly, s)
	if err != nil {
		ago, durationErr := time.ParseDuration(s)
		if durationErr != nil || ago <= 0 {
			return since, fmt.Errorf("--since %q is neither a day like 2026-01-31 nor a time like 72h", s)
		}
		since = now.Add(-ago)
	}
	if since.After(now) || now.Sub(since) > maxSince {
		return since, fmt.Errorf("--since %q is not within the last ten years", s)
	}
	return since, nil
}

func (c *syncCmd) alone(ctx context.Context, request app.SyncRequest, report func(app.SyncReport)) (err error) {
	s, err := c.settings()
	if err != nil {
		return err
	}
	if err := hasDatabase(s.DataDir); err != nil {
		return err
	}
	database, product, err := openApp(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	return product.Sync(ctx, request, report)
}

// syncShow prints one line for each account when it is read, and on a terminal how far it is.
type syncShow struct {
	out, progress io.Writer
	terminal      bool
	drawn         bool
	accounts      int
	failed        int
}

func (s *syncShow) report(r app.SyncReport) {
	name := r.Workspace + " " + r.Account
	switch {
	case r.Done:
		s.clear()
		s.accounts++
		_, _ = fmt.Fprintf(s.out, "%s: read %s and %s, %d found that had been missed.\n", name, count(r.Events, "event"), count(r.Objects, "other object"), r.Found)
		if r.Lacks != "" {
			_, _ = fmt.Fprintf(s.out, "%s: something was left out. %s\n", name, r.Lacks)
		}
	case r.Error != "":
		s.clear()
		s.accounts++
		s.failed++
		_, _ = fmt.Fprintf(s.out, "%s: not read to its end. %s What was read until then is stored (%s, %d found).\n", name, r.Error, count(r.Events, "event"), r.Found)
	case s.terminal:
		_, _ = fmt.Fprintf(s.progress, "\r\x1b[K%s: %s, %s, %d found", name, count(r.Events, "event"), count(r.Objects, "other object"), r.Found)
		s.drawn = true
	}
}

func (s *syncShow) clear() {
	if s.drawn {
		_, _ = fmt.Fprint(s.progress, "\r\x1b[K")
		s.drawn = false
	}
}

func (s *syncShow) end() {
	if s.accounts == 0 {
		_, _ = fmt.Fprintln(s.out, "No account is connected yet, so there is nothing to read.")
		return
	}
	_, _ = fmt.Fprintf(s.out, "Accounts: %d, failed: %d.\n", s.accounts, s.failed)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// syncLine is what the server says of a sync, one JSON object a line, as it goes on. The last one
// has no report.
type syncLine struct {
	Report *app.SyncReport `json:"report,omitempty"`
	End    bool            `json:"end,omitempty"`
	Nobody bool            `json:"nobody,omitempty"` // no account is named so
	Error  string          `json:"error,omitempty"`
}

func syncOnServer(product *app.App) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request := app.SyncRequest{Account: r.URL.Query().Get("account"), Workspace: r.URL.Query().Get("workspace")}
		if since := r.URL.Query().Get("since"); since != "" {
			var err error
			if request.Since, err = time.Parse(time.RFC3339, since); err != nil {
				http.Error(w, "since is no time", http.StatusBadRequest)
				return
			}
		}
		stream := http.NewResponseController(w)
		_ = stream.SetWriteDeadline(time.Time{}) // it takes as long as there is something to read
		lines := json.NewEncoder(w)
		say := func(l syncLine) {
			_ = lines.Encode(l) // whoever asked may be gone; what was read is stored all the same
			_ = stream.Flush()
		}
		err := product.Sync(r.Context(), request, func(r app.SyncReport) { say(syncLine{Report: &r}) })
		last := syncLine{End: true, Nobody: errors.Is(err, app.ErrNoSuchAccount)}
		if err != nil && !last.Nobody {
			last.Error = err.Error()
		}
		say(last)
	}
}

// askSync has the running server do a sync, and passes its reports on.
func askSync(ctx context.Context, dir string, request app.SyncRequest, report func(app.SyncReport)) error {
	query := url.Values{"account": {request.Account}, "workspace": {request.Workspace}}
	if !request.Since.IsZero() {
		query.Set("since", request.Since.Format(time.RFC3339))
	}
	answer, err := openAnswer(ctx, dir, "/sync?"+query.Encode(), nil, 0)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	lines := bufio.NewScanner(answer)
	for lines.Scan() {
		var line syncLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return errors.New("the running server answered: " + strings.TrimSpace(lines.Text()))
		}
		switch {
		case line.Report != nil:
			report(*line.Report)
		case line.Nobody:
			return app.ErrNoSuchAccount
		case line.Error != "":
			return errors.New(line.Error)
		case line.End:
			return nil
		}
	}
	return errors.Join(errors.New("the running server stopped in the middle; run the command again"), lines.Err())
}
