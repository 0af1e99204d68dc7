package app

import (
	"context"
	"fmt"
	"sync"

	"trak/billing"
	"trak/db"
)

// countTo is where the counters of tabs stop ("999+"), so that none scans a workspace.
const countTo = 1000

// Counts are the numbers on the tabs; each stops at a thousand.
type Counts struct{ All, Open, Overdue, Paid, Drafts, Closed int64 }

// InvoiceCounts counts the workspace's invoices by tab. Members may see it.
func (a *App) InvoiceCounts(ctx context.Context, actor Actor) (Counts, error) {
	if err := a.need(ctx, actor, ViewInvoices); err != nil {
		return Counts{}, err
	}
	now := countsKey{a.ListVersion(actor), billing.Today(actor.Workspace.Location(), a.now())} // before the rows are read
	if c, ok := a.counts.get(actor.WorkspaceID, now); ok {
		return c, nil
	}
	c, err := a.countInvoices(ctx, actor, now.today)
	if err == nil {
		a.counts.put(actor.WorkspaceID, now, c)
	}
	return c, err
}

// OverdueCount is the number beside Invoices in the sidebar. Members may see it.
func (a *App) OverdueCount(ctx context.Context, actor Actor) (int64, error) {
	c, err := a.InvoiceCounts(ctx, actor)
	return c.Overdue, err
}

func (a *App) countInvoices(ctx context.Context, actor Actor, today billing.Date) (c Counts, err error) {
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		if c.All, err = q.CountInvoices(ctx, db.CountInvoicesParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live, Max: countTo}); err != nil {
			return fmt.Errorf("count invoices: %w", err)
		}
		for _, t := range []struct {
			phase billing.Phase
			n     *int64
		}{{billing.PhaseOpen, &c.Open}, {billing.PhasePaid, &c.Paid}, {billing.PhaseDraft, &c.Drafts}, {billing.PhaseClosed, &c.Closed}} {
			*t.n, err = q.CountInvoicesInPhase(ctx, db.CountInvoicesInPhaseParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live, Phase: string(t.phase), Max: countTo})
			if err != nil {
				return fmt.Errorf("count %s invoices: %w", t.phase, err)
			}
		}
		c.Overdue, err = q.CountOverdueInvoices(ctx, db.CountOverdueInvoicesParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live, Today: string(today), Max: countTo})
		if err != nil {
			return fmt.Errorf("count overdue invoices: %w", err)
		}
		return nil
	})
	return c, err
}

type countsKey struct {
	version int64 // of the list
	today   billing.Date
}

// kept keeps what was counted in each workspace until its key changes: every page shows some of
// it, and to count costs more than to read the rows.
type kept[K comparable, V any] struct {
	mu sync.Mutex
	m  map[string]keptValue[K, V]
}

type keptValue[K comparable, V any] struct {
	key   K
	value V
}

// maxKept bounds the memory: about 150 bytes each.
const maxKept = 10_000

func (k *kept[K, V]) get(workspaceID string, now K) (V, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, ok := k.m[workspaceID]
	return c.value, ok && c.key == now
}

func (k *kept[K, V]) put(workspaceID string, at K, v V) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m == nil || len(k.m) >= maxKept {
		k.m = map[string]keptValue[K, V]{}
	}
	k.m[workspaceID] = keptValue[K, V]{at, v}
}
