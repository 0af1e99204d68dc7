package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // driver

	"trak/bench/rig"
	"trak/db"
)

// count is what the judge found.
type count struct {
	kills, acknowledged, posts int
	lost                       int // acknowledged events that are not stored
	half                       int // stored events of payments whose effects are missing
	double                     int // events or payments that are there more than once
	wrong                      int // invoices whose sum is not that of their payments
	integrity                  string
	verify                     string
	restart, took              time.Duration
}

func (c count) clean() bool {
	return c.lost+c.half+c.double+c.wrong == 0 && c.integrity == "ok" && c.verify == "clean" && c.acknowledged > 0
}

func (c count) String() string {
	return fmt.Sprintf("kills %d, acknowledged %d, posts %d, lost %d, half %d, double %d, wrong sums %d, integrity %s, verify %s, slowest restart %v, time %v",
		c.kills, c.acknowledged, c.posts, c.lost, c.half, c.double, c.wrong, c.integrity, c.verify,
		c.restart.Round(time.Millisecond), c.took.Round(100*time.Millisecond))
}

// judge counts in the database that the last kill left behind. It reads it by SQL of its own,
// and asks `trak verify` as well.
func (r *run) judge(ctx context.Context, trak string) (c count, err error) {
	c.acknowledged, c.posts, c.restart = len(r.acked), int(r.posts.Load()), r.restart
	pool, err := sql.Open("sqlite3", "file:"+filepath.Join(r.world.Dir, db.FileName)+"?_query_only=1")
	if err != nil {
		return c, err
	}
	defer func() { _ = pool.Close() }()
	if err := pool.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&c.integrity); err != nil {
		return c, fmt.Errorf("integrity check: %w", err)
	}
	stored, err := counts(ctx, pool, "SELECT event_id, count(*) FROM stripe_webhook_events WHERE state = 'applied' GROUP BY event_id")
	if err != nil {
		return c, err
	}
	for id := range r.acked {
		switch n := stored[id]; {
		case n == 0:
			c.lost++
		case n > 1:
			c.double++
		}
	}
	if err := r.effects(ctx, pool, stored, &c); err != nil {
		return c, err
	}
	if err := r.sums(ctx, pool, &c); err != nil {
		return c, err
	}
	c.verify, err = verify(ctx, trak, r.world.Dir)
	return c, err
}

// effects looks for what each acknowledged payment must have left: one charge, one session, and
// one payment of the whole amount on its invoice.
func (r *run) effects(ctx context.Context, pool *sql.DB, stored map[string]int, c *count) error {
	found := map[string]map[string]int{}
	for name, query := range map[string]string{
		"charge":  fmt.Sprintf("SELECT charge_id, count(*) FROM charges WHERE captured = %d GROUP BY charge_id", rig.Amount),
		"session": fmt.Sprintf("SELECT session_id, count(*) FROM checkout_sessions WHERE amount = %d AND paid_at > 0 GROUP BY session_id", rig.Amount),
		"payment": fmt.Sprintf("SELECT payment_intent_id || invoice_id, count(*) FROM payments WHERE gross = %d AND status = 'succeeded' AND invoice_id IS NOT NULL GROUP BY 1", rig.Amount),
	} {
		var err error
		if found[name], err = counts(ctx, pool, query); err != nil {
			return err
		}
	}
	for _, p := range r.paid {
		for _, n := range []int{found["charge"][p.Charge], found["session"][p.Session], found["payment"][p.Intent+p.Invoice.ID]} {
			switch {
			case n > 1:
				c.double++
			case n == 0 && complete(p, stored): // otherwise it counts as lost already
				c.half++
			}
		}
	}
	return nil
}

func complete(p rig.Payment, stored map[string]int) bool {
	for _, e := range p.Events {
		if stored[e.ID] == 0 {
			return false
		}
	}
	return true
}

// sums compares what each invoice says it has received with what was acknowledged for it. By
// now nothing is under way: every payment that was begun was acknowledged.
func (r *run) sums(ctx context.Context, pool *sql.DB, c *count) error {
	received, err := counts(ctx, pool, "SELECT id, received FROM invoices")
	if err != nil {
		return err
	}
	for _, p := range r.paid {
		received[p.Invoice.ID] -= rig.Amount
	}
	for _, left := range received {
		if left != 0 {
			c.wrong++
		}
	}
	return nil
}

func counts(ctx context.Context, pool *sql.DB, query string) (map[string]int, error) {
	rows, err := pool.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer func() { _ = rows.Close() }()
	m := map[string]int{}
	for rows.Next() {
		var key string
		var n int
		if err := rows.Scan(&key, &n); err != nil {
			return nil, err
		}
		m[key] = n
	}
	return m, rows.Err()
}

// verify asks `trak verify`, which computes everything again from the facts.
func verify(ctx context.Context, trak, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, trak, "verify")
	cmd.Env = append(os.Environ(), "TRAK_DATA_DIR="+dir)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "clean", nil
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return "NOT clean (" + first + ")", nil
	}
	return "", fmt.Errorf("trak verify: %w\n%s", err, out)
}
