package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
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
	half                       int // effects that are missing although all events are stored
	double                     int // events or effects that are there more than once
	wrong                      int // invoices whose sums are not those of what happened to them
	kinds                      int // of events that were acknowledged
	refunds                    int // that were asked for, and answered
	integrity                  string
	verify                     string
	restart, took              time.Duration
}

func (c count) clean() bool {
	return c.lost+c.half+c.double+c.wrong == 0 && c.integrity == "ok" && c.verify == "clean" && c.acknowledged > 0
}

func (c count) String() string {
	return fmt.Sprintf("kills %d, acknowledged %d of %d kinds, refunds asked for %d, posts %d, lost %d, half %d, double %d, wrong sums %d, integrity %s, verify %s, slowest restart %v, time %v",
		c.kills, c.acknowledged, c.kinds, c.refunds, c.posts, c.lost, c.half, c.double, c.wrong, c.integrity, c.verify,
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
	kinds := map[string]bool{}
	stored, err := counts(ctx, pool, "SELECT event_id, count(*) FROM stripe_webhook_events WHERE state = 'applied' GROUP BY event_id", "")
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
	for _, story := range r.told {
		for _, e := range story.Events {
			kinds[e.Type] = true
		}
	}
	c.kinds = len(kinds)
	if err := r.effects(ctx, pool, stored, &c); err != nil {
		return c, err
	}
	if err := r.refunds(ctx, pool, &c); err != nil {
		return c, err
	}
	if err := r.sums(ctx, pool, &c); err != nil {
		return c, err
	}
	c.verify, err = verify(ctx, trak, r.world.Dir)
	return c, err
}

// rows say of each table what its rows are, in the words of a story's effects.
var rows = map[string]string{
	"charge":  "SELECT charge_id || ' ' || captured AS line FROM charges",
	"session": "SELECT session_id || ' ' || amount || ' ' || (paid_at > 0) AS line FROM checkout_sessions",
	"payment": "SELECT payment_intent_id || ' ' || COALESCE(invoice_id, '') || ' ' || status || ' ' || gross || ' ' || refunded || ' ' || lost AS line FROM payments",
	"refund":  "SELECT refund_id || ' ' || amount || ' ' || rank AS line FROM refunds",
	"dispute": "SELECT dispute_id || ' ' || rank || ' ' || withdrawn || ' ' || reinstated AS line FROM disputes",
	"alert":   "SELECT alert_id || ' ' || closed AS line FROM radar_alerts",
	"payout":  "SELECT payout_id || ' ' || rank AS line FROM payouts",
}

// effects looks for what each story must have left: every row once, and saying what it has to.
func (r *run) effects(ctx context.Context, pool *sql.DB, stored map[string]int, c *count) error {
	found := map[string]int{}
	for table, query := range rows {
		some, err := counts(ctx, pool, "SELECT line, count(*) FROM ("+query+") GROUP BY line", table+" ")
		if err != nil {
			return err
		}
		maps.Copy(found, some)
	}
	for _, story := range r.told {
		for _, effect := range story.Effects {
			switch n := found[effect]; {
			case n > 1:
				c.double++
			case n == 0 && complete(story, stored): // otherwise it counts as lost already
				c.half++
			}
		}
	}
	return nil
}

func complete(story rig.Told, stored map[string]int) bool {
	for _, e := range story.Events {
		if stored[e.ID] == 0 {
			return false
		}
	}
	return true
}

// sums compares what each invoice says was received and refunded with what was acknowledged for
// it. By now nothing is under way: every story that was begun was acknowledged.
func (r *run) sums(ctx context.Context, pool *sql.DB, c *count) error {
	received, err := counts(ctx, pool, "SELECT id, received FROM invoices", "")
	if err != nil {
		return err
	}
	refunded, err := counts(ctx, pool, "SELECT id, refunded FROM invoices", "")
	if err != nil {
		return err
	}
	for _, story := range r.told {
		received[story.Invoice.ID] -= int(story.Received)
		refunded[story.Invoice.ID] -= int(story.Refunded)
	}
	for _, inv := range r.world.Invoices {
		if received[inv.ID] != 0 || refunded[inv.ID] != 0 {
			c.wrong++
		}
	}
	return nil
}

// counts are the numbers that a query gives, by its first column with something before it.
func counts(ctx context.Context, pool *sql.DB, query, before string) (map[string]int, error) {
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
		m[before+key] = n
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
