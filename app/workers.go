package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"trak/connect"
	"trak/db"
	"trak/jobs"
)

// sweepEvery is how often expired sessions are removed.
const sweepEvery = 6 * time.Hour

// kinds is all the work that goes on in the background. Each row says itself when it is due.
func (a *App) kinds() []jobs.Kind {
	kinds := []jobs.Kind{
		{Name: "stripe account", Due: a.dueAccounts},
		{Name: "own account", Due: a.dueOwnAccount},
		{Name: "payment link", Due: a.dueLinks},
		{Name: "refund", Due: a.dueRefunds},
		{Name: "stripe read", Due: a.dueReads},
		{Name: "stripe event", Due: a.dueEvents},
		{Name: "dispute answer", Due: a.dueAnswers},
		{Name: "sync", Due: a.dueSyncs},
		{Name: "sessions", Due: a.sweepSessions()},
		{Name: "health", Due: a.dueHealth},
		{Name: "ageing", Due: a.dueAgeing},
	}
	for i := range kinds {
		kinds[i].Due = unhurried(kinds[i].Due)
	}
	return kinds
}

// unhurried has the calls to Stripe made at the pace of the background.
func unhurried(due func(context.Context, int64) ([]jobs.Task, error)) func(context.Context, int64) ([]jobs.Task, error) {
	return func(ctx context.Context, limit int64) ([]jobs.Task, error) {
		tasks, err := due(ctx, limit)
		for i, t := range tasks {
			tasks[i].Run = func(ctx context.Context) (bool, error) { return t.Run(connect.Background(ctx)) }
		}
		return tasks, err
	}
}

// claim takes a row for a worker, which holds it until the given time, and runs then, unless it is
// nil, in the same transaction. claimed is false when the row was not to be had: somebody else has
// it, or it is done.
func claim[R any](ctx context.Context, a *App, workspaceID string, take func(tx *db.Tx, now, until int64) (R, error), then func(*db.Tx, R) error) (row R, claimed bool, err error) {
	err = a.db.Update(ctx, db.Scope(workspaceID), func(tx *db.Tx) (err error) {
		row, err = take(tx, tx.Now(), tx.Now()+jobs.ClaimFor.Microseconds())
		claimed = err == nil
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return fmt.Errorf("claim: %w", err)
		case then != nil:
			return then(tx, row)
		}
		return nil
	})
	return row, claimed && err == nil, err
}

// pauseAfter is how long a failed try is left alone: longer with every one, and at least as long
// as Stripe asks for.
func pauseAfter(failure error, attempts int64) time.Duration {
	return max(jobs.Backoff(attempts), connect.RetryAfter(failure))
}

func (a *App) dueAccounts(ctx context.Context, limit int64) (tasks []jobs.Task, err error) {
	var rows []db.DueAccountsRow
	err = a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		rows, err = q.DueAccounts(ctx, db.DueAccountsParams{Livemode: a.live, Max: limit})
		return err
	})
	for _, r := range rows {
		tasks = append(tasks, jobs.Task{Key: r.ID, At: r.NextAttemptAt, Run: func(ctx context.Context) (bool, error) {
			return a.workAccount(ctx, r.WorkspaceID, r.ID)
		}})
	}
	return tasks, err
}

func (a *App) dueLinks(ctx context.Context, limit int64) (tasks []jobs.Task, err error) {
	var rows []db.DueLinksRow
	err = a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		rows, err = q.DueLinks(ctx, db.DueLinksParams{Livemode: a.live, Max: limit})
		return err
	})
	for _, r := range rows {
		tasks = append(tasks, jobs.Task{Key: r.ID, At: r.NextAttemptAt, Run: func(ctx context.Context) (bool, error) {
			return a.workLink(ctx, r.WorkspaceID, r.ID)
		}})
	}
	return tasks, err
}

func (a *App) dueRefunds(ctx context.Context, limit int64) (tasks []jobs.Task, err error) {
	var rows []db.DueRefundRequestsRow
	err = a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		rows, err = q.DueRefundRequests(ctx, db.DueRefundRequestsParams{Livemode: a.live, Max: limit})
		return err
	})
	for _, r := range rows {
		tasks = append(tasks, jobs.Task{Key: r.ID, At: r.NextAttemptAt, Run: func(ctx context.Context) (bool, error) {
			return a.workRefund(ctx, r.WorkspaceID, r.ID)
		}})
	}
	return tasks, err
}

func (a *App) dueReads(ctx context.Context, limit int64) (tasks []jobs.Task, err error) {
	var rows []db.DueReadsRow
	err = a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		rows, err = q.DueReads(ctx, db.DueReadsParams{Livemode: a.live, Max: limit})
		return err
	})
	for _, r := range rows {
		key := r.StripeAccountID + " " + r.Kind + " " + r.ObjectID
		tasks = append(tasks, jobs.Task{Key: key, At: r.NextAttemptAt, Run: func(ctx context.Context) (bool, error) {
			return a.workRead(ctx, r)
		}})
	}
	return tasks, err
}

func (a *App) dueEvents(ctx context.Context, limit int64) (tasks []jobs.Task, err error) {
	var rows []db.DueStripeEventsRow
	err = a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		rows, err = q.DueStripeEvents(ctx, limit)
		return err
	})
	for _, r := range rows {
		tasks = append(tasks, jobs.Task{Key: r.EventID, At: r.NextAttemptAt, Run: func(ctx context.Context) (bool, error) {
			return a.workEvent(ctx, r.EventID)
		}})
	}
	return tasks, err
}

// sweepSessions removes expired sessions now and then; when it did so last is worth no row.
func (a *App) sweepSessions() func(context.Context, int64) ([]jobs.Task, error) {
	var next atomic.Int64
	next.Store(a.nowMicro() + sweepEvery.Microseconds())
	return func(context.Context, int64) ([]jobs.Task, error) {
		return []jobs.Task{{Key: "expired", At: next.Load(), Run: func(ctx context.Context) (bool, error) {
			next.Store(a.nowMicro() + sweepEvery.Microseconds())
			return true, a.DeleteExpiredSessions(ctx)
		}}}, nil
	}
}
