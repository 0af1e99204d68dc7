package app

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"trak/connect"
	"trak/db"
	"trak/jobs"
)

const (
	// ageEvery is how often old payloads are looked for.
	ageEvery = 6 * time.Hour
	// ageAtOnce is how many payloads are masked in one transaction.
	ageAtOnce = 100
)

// ageing says when old payloads are looked for next, in Unix microseconds; 0 is at once. When that
// was done last is worth no row.
type ageing struct{ next atomic.Int64 }

// age has old payloads looked for at once.
func (a *App) age() {
	a.ageing.next.Store(0)
	a.jobs.Wake()
}

func (a *App) dueAgeing(context.Context, int64) ([]jobs.Task, error) {
	return []jobs.Task{{Key: "payloads", At: a.ageing.next.Load(), Run: func(ctx context.Context) (bool, error) {
		a.ageing.next.Store(a.nowMicro() + ageEvery.Microseconds())
		return true, a.AgePayloads(ctx)
	}}}, nil
}

// AgePayloads takes personal data out of the payloads that are older than they may be, and of all
// those of deleted workspaces. What connect.Masked shows stays, the ids included, and so do the facts.
func (a *App) AgePayloads(ctx context.Context) error {
	var workspaces []db.Workspace
	err := a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		workspaces, err = q.AllWorkspaces(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("list workspaces: %w", err)
	}
	old := int64(0) // nothing is older
	if a.payloadAge > 0 {
		old = a.now().Add(-a.payloadAge).UnixMicro()
	}
	for _, w := range workspaces {
		before := old
		if w.DeletedAt > 0 {
			before = math.MaxInt64
		}
		err := a.agePayloads(ctx, db.Scope(w.ID), func(q *db.Queries) ([]db.OldPayloadsRow, error) {
			return q.OldPayloads(ctx, db.OldPayloadsParams{WorkspaceID: &w.ID, Before: before, Max: ageAtOnce})
		})
		if err != nil {
			return fmt.Errorf("mask payloads of %s: %w", w.Slug, err)
		}
	}
	err = a.agePayloads(ctx, db.System, func(q *db.Queries) ([]db.OldPayloadsRow, error) {
		rows, err := q.OldStrayPayloads(ctx, db.OldStrayPayloadsParams{Before: old, Max: ageAtOnce})
		return convert(rows, func(r db.OldStrayPayloadsRow) db.OldPayloadsRow { return db.OldPayloadsRow(r) }), err
	})
	if err != nil {
		return fmt.Errorf("mask payloads of nobody's: %w", err)
	}
	return nil
}

func (a *App) agePayloads(ctx context.Context, scope db.Scope, find func(*db.Queries) ([]db.OldPayloadsRow, error)) error {
	for ctx.Err() == nil {
		var rows []db.OldPayloadsRow
		err := a.db.View(ctx, scope, func(q *db.Queries) (err error) {
			rows, err = find(q)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		for i := range rows {
			rows[i].Payload = connect.Masked(rows[i].Payload)
		}
		err = a.db.Update(ctx, scope, func(tx *db.Tx) error {
			for _, r := range rows {
				if err := tx.MaskPayload(ctx, db.MaskPayloadParams{EventID: r.EventID, Payload: r.Payload, MaskedAt: tx.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
