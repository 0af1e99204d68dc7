package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"trak/db"
)

// Limits of how late events may come, half of the last ones.
const (
	lateWarns = 5 * time.Minute
	lateFails = time.Hour
)

// Limits of how long ago accounts were read to their end, where the period is not longer.
const (
	syncWarns = 10 * time.Minute
	syncFails = time.Hour
)

// lateOf is how many webhooks the delay is taken from, lookBack among how many events.
const (
	lateOf   = 20
	lookBack = 50
)

const failedFix = "Open Webhook events, Failed, to see why: Trak tries again by itself, and at once after an update that can."

// checkWorkspace looks at what is of one workspace. states are those of all accounts.
func (a *App) checkWorkspace(ctx context.Context, q *db.Queries, id string, states []SyncState) ([]Check, error) {
	last, err := a.lastEvents(ctx, q, id)
	if err != nil {
		return nil, err
	}
	failed, err := q.FailedStripeEvents(ctx, db.FailedStripeEventsParams{WorkspaceID: &id, Livemode: a.live})
	if err != nil {
		return nil, fmt.Errorf("count failed events: %w", err)
	}
	own := slices.DeleteFunc(slices.Clone(states), func(s SyncState) bool { return s.workspaceID != id })
	return []Check{a.checkDelay(last), a.checkFailed(failed.N, failed.FirstAt), a.checkSync(own)}, nil
}

// checkSync says how long ago accounts were read, the one that waits longest. The time in which
// Trak did not run does not count: its start begins with reading.
func (a *App) checkSync(states []SyncState) Check {
	c := Check{Key: "sync", Name: "Sync"}
	var oldest SyncState
	var missed int64
	for _, s := range states {
		missed += s.Missed
		if s.LastStarted > 0 && (oldest.Account == "" || s.LastDone < oldest.LastDone) {
			oldest = s
		}
	}
	if oldest.Account == "" {
		return c.well("No account has been read yet.")
	}
	now := a.now()
	text := "What Stripe has was never read to its end."
	if oldest.LastDone > 0 {
		text = "All was read from Stripe " + before(time.UnixMicro(oldest.LastDone), now) + "."
	}
	if len(states) > 1 {
		text = oldest.Account + " waits longest. " + text
	}
	if oldest.Error != "" {
		text += " " + oldest.Error
	}
	if missed > 0 {
		text += " " + several(int(missed), "event was", "events were") + " brought by this alone so far."
	}
	const fix = "Trak tries again by itself; \"trak sync\" does it now and says what stands in the way."
	switch wait := now.Sub(time.UnixMicro(max(oldest.LastDone, a.health.since.Load()))); {
	case !a.health.serving.Load():
	case wait > max(syncFails, 6*a.SyncPeriod()):
		return c.failed(text, fix)
	case wait > max(syncWarns, 3*a.SyncPeriod()):
		return c.warned(text, fix)
	}
	return c.well(text)
}

// checkAllEvents looks at the events of all workspaces, and at those that belong to none.
func (a *App) checkAllEvents(ctx context.Context) (checks []Check, err error) {
	states, err := a.SyncStates(ctx)
	if err != nil {
		return nil, err
	}
	err = a.db.View(ctx, db.System, func(q *db.Queries) error {
		workspaces, err := q.AllWorkspaces(ctx)
		if err != nil {
			return fmt.Errorf("list workspaces: %w", err)
		}
		var last []db.LastStripeEventsRow
		for _, w := range workspaces {
			rows, err := a.lastEvents(ctx, q, w.ID)
			if err != nil {
				return err
			}
			last = append(last, rows...)
		}
		failed, err := q.AllFailedStripeEvents(ctx, a.live)
		if err != nil {
			return fmt.Errorf("count failed events: %w", err)
		}
		unmatched, err := q.UnmatchedStripeEvents(ctx, a.live)
		if err != nil {
			return fmt.Errorf("count unmatched events: %w", err)
		}
		checks = []Check{a.checkDelay(last), a.checkFailed(failed.N, failed.FirstAt), a.checkUnmatched(unmatched), a.checkSync(states)}
		return nil
	})
	return checks, err
}

func (a *App) lastEvents(ctx context.Context, q *db.Queries, workspaceID string) ([]db.LastStripeEventsRow, error) {
	rows, err := q.LastStripeEvents(ctx, db.LastStripeEventsParams{WorkspaceID: &workspaceID, Livemode: a.live, Max: lookBack})
	if err != nil {
		return nil, fmt.Errorf("read the last events: %w", err)
	}
	return rows, nil
}

// checkDelay says when the last event came, and how late they come.
func (a *App) checkDelay(events []db.LastStripeEventsRow) Check {
	c := Check{Key: "events", Name: "Events"}
	if len(events) == 0 {
		return c.well("None has come yet.")
	}
	slices.SortFunc(events, func(x, y db.LastStripeEventsRow) int { return int(y.ReceivedAt - x.ReceivedAt) })
	var late []int64
	for _, e := range events {
		if e.Source == sourceWebhook && len(late) < lateOf {
			late = append(late, max(0, e.ReceivedAt-e.Created))
		}
	}
	text := "The last one came " + before(time.UnixMicro(events[0].ReceivedAt), a.now()) + "."
	if len(late) == 0 {
		return c.well(text + " Webhooks brought none of the last ones: Trak read them from Stripe.")
	}
	slices.Sort(late)
	median := time.Duration(late[len(late)/2]) * time.Microsecond
	text += fmt.Sprintf(" Half of the last %d webhooks took %s or less.", len(late), span(median))
	const fix = "Look in Stripe's dashboard, under Workbench, Webhooks, at what the endpoint answered."
	switch {
	case median >= lateFails:
		return c.failed(text, fix)
	case median >= lateWarns:
		return c.warned(text, fix)
	}
	return c.well(text)
}

func (a *App) checkFailed(n, first int64) Check {
	c := Check{Key: "failed", Name: "Failed events"}
	if n == 0 {
		return c.well("None.")
	}
	return c.failed(fmt.Sprintf("%s can't be applied, the oldest of them received %s.", several(int(n), "event", "events"), before(time.UnixMicro(first), a.now())), failedFix)
}

// checkUnmatched tells of events of accounts that nobody here has connected.
func (a *App) checkUnmatched(u db.UnmatchedStripeEventsRow) Check {
	c := Check{Key: "unmatched", Name: "Unknown accounts"}
	if u.N == 0 {
		return c.well("No event is of an account that Trak does not know.")
	}
	name := "an account that is not connected here"
	if u.AnAccount != "" {
		name = u.AnAccount + " or others that are not connected here"
	}
	return c.warned(
		fmt.Sprintf("%s of %s, the oldest received %s.", several(int(u.N), "event is", "events are"), name, before(time.UnixMicro(u.FirstAt), a.now())),
		"Connect the account in its workspace, and they are worked through; nothing needs to be done when another program uses the same platform.")
}
