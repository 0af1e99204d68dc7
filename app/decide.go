package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"trak/billing"
	"trak/db"
)

// What people decide about an invoice that has been sent: to withdraw it, to give up on it, and
// to take that back.

// VoidInvoice ends an open invoice: it keeps its number, and its link is closed. That is final
// here at once; Stripe is told until it agrees, and money that still arrives is kept and
// shown. Members may do it. Returns ErrConflict when the invoice is not open (any more), or
// has been paid.
func (a *App) VoidInvoice(ctx context.Context, actor Actor, id string) error {
	return a.decide(ctx, actor, id, billing.Void, "voided", func(tx *db.Tx, inv db.Invoice) error {
		if inv.Decided != string(billing.Open) || inv.Received > 0 {
			return ErrConflict
		}
		_, err := tx.VoidInvoice(ctx, db.VoidInvoiceParams{WorkspaceID: inv.WorkspaceID, ID: inv.ID, VoidedAt: tx.Now(), UpdatedAt: tx.Now()})
		return err
	})
}

// MarkUncollectible gives up on what is still due of an open invoice: its link is closed, and it
// counts as outstanding no longer. Money that still arrives is kept and shown. Members may do
// it. Returns ErrConflict when the invoice is not open (any more), or nothing is due.
func (a *App) MarkUncollectible(ctx context.Context, actor Actor, id string) error {
	return a.decide(ctx, actor, id, billing.Uncollectible, "uncollectible", func(tx *db.Tx, inv db.Invoice) error {
		if inv.Decided != string(billing.Open) || inv.Due == 0 {
			return ErrConflict
		}
		_, err := tx.MarkUncollectible(ctx, db.MarkUncollectibleParams{WorkspaceID: inv.WorkspaceID, ID: inv.ID, UncollectibleAt: tx.Now()})
		return err
	})
}

// ReopenInvoice takes MarkUncollectible back: what is due gets a link again. Members may do it.
// Returns ErrConflict for an invoice that is not uncollectible.
func (a *App) ReopenInvoice(ctx context.Context, actor Actor, id string) error {
	err := a.decide(ctx, actor, id, billing.Open, "reopened", func(tx *db.Tx, inv db.Invoice) error {
		if inv.Decided != string(billing.Uncollectible) {
			return ErrConflict
		}
		_, err := tx.ReopenInvoice(ctx, db.ReopenInvoiceParams{WorkspaceID: inv.WorkspaceID, ID: inv.ID, UpdatedAt: tx.Now()})
		return err
	})
	if err != nil {
		return err
	}
	a.tryLinks(ctx, actor.WorkspaceID, id)
	return nil
}

// decide stores a decision, unless it stands already, and what follows from it: the standing, and
// the links.
func (a *App) decide(ctx context.Context, actor Actor, id string, to billing.Status, kind string, store func(*db.Tx, db.Invoice) error) error {
	if err := a.need(ctx, actor, EditInvoices); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		was, err := a.findInvoice(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		if was.Decided == string(to) {
			return nil
		}
		if err := store(tx, was); err != nil {
			return err
		}
		inv, err := a.findInvoice(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		pause := time.Duration(0)
		if to == billing.Open {
			pause = afterFirstTry // ReopenInvoice tries first
		}
		if _, err := a.restand(ctx, tx, inv, nil, pause); err != nil {
			return err
		}
		if err := a.event(ctx, tx, actor, inv.ID, kind, ""); err != nil {
			return err
		}
		return record(ctx, tx, actor, "invoice."+kind, inv.ID, summary(was), summary(inv))
	})
}

// DuplicateInvoice writes a new draft that says the same as an invoice: client and project, unless
// they were put away, lines, note, order number and time to pay. draftID is chosen when the button
// is shown, so that a second click makes no second one. Members may do it.
func (a *App) DuplicateInvoice(ctx context.Context, actor Actor, id, draftID string) (inv db.Invoice, err error) {
	if err := a.need(ctx, actor, EditInvoices); err != nil {
		return inv, err
	}
	err = a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		from, err := a.findInvoice(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		client, project, err := stillInUse(ctx, tx, from)
		if err != nil {
			return err
		}
		terms := from.TermsDays
		if terms < 0 {
			terms = actor.Workspace.TermsDays
		}
		n, err := tx.InsertInvoice(ctx, db.InsertInvoiceParams{
			ID: draftID, WorkspaceID: actor.WorkspaceID, ClientID: client, ProjectID: project, Livemode: a.live, Currency: from.Currency,
			Subtotal: from.Subtotal, Discount: from.Discount, Tax: from.Tax, Total: from.Total, TermsDays: terms,
			PoNumber: from.PoNumber, Note: from.Note, Token: newToken(), CreatedBy: actor.UserID, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
		})
		if err != nil {
			return fmt.Errorf("insert invoice: %w", err)
		}
		if inv, err = a.findInvoice(ctx, tx.Queries, actor, draftID); err != nil || n == 0 {
			return err // the second click, or an id that is another workspace's
		}
		lines, err := tx.LinesOfInvoice(ctx, db.LinesOfInvoiceParams{WorkspaceID: actor.WorkspaceID, InvoiceID: id})
		if err != nil {
			return fmt.Errorf("read lines: %w", err)
		}
		for _, l := range lines {
			l.ID, l.InvoiceID = newID(), draftID
			if err := tx.InsertLine(ctx, db.InsertLineParams(l)); err != nil {
				return fmt.Errorf("copy line: %w", err)
			}
		}
		if err := a.event(ctx, tx, actor, draftID, "duplicated", nameOf(from)); err != nil {
			return err
		}
		a.changed(tx, inv)
		return record(ctx, tx, actor, "invoice.duplicate", draftID, nil, map[string]string{"from": id})
	})
	return inv, err
}

// stillInUse are client and project of an invoice that were not put away.
func stillInUse(ctx context.Context, tx *db.Tx, inv db.Invoice) (client, project *string, err error) {
	if inv.ClientID != nil {
		c, err := tx.ClientByID(ctx, db.ClientByIDParams{WorkspaceID: inv.WorkspaceID, ID: *inv.ClientID})
		if err != nil {
			return nil, nil, fmt.Errorf("read client: %w", err)
		}
		if c.ArchivedAt == 0 {
			client = inv.ClientID
		}
	}
	if inv.ProjectID != nil {
		p, err := tx.ProjectByID(ctx, db.ProjectByIDParams{WorkspaceID: inv.WorkspaceID, ID: *inv.ProjectID})
		if err != nil {
			return nil, nil, fmt.Errorf("read project: %w", err)
		}
		if p.ArchivedAt == 0 {
			project = inv.ProjectID
		}
	}
	return client, project, nil
}

// nameOf is what people call an invoice.
func nameOf(inv db.Invoice) string {
	if inv.Number != nil {
		return *inv.Number
	}
	return "a draft"
}

// LastEditor is the name of whoever made the latest change to a draft, "" when nobody is known.
// Members may see it.
func (a *App) LastEditor(ctx context.Context, actor Actor, inv db.Invoice) (name string, err error) {
	if err := a.need(ctx, actor, ViewInvoices); err != nil {
		return "", err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		name, err = q.WhoChanged(ctx, db.WhoChangedParams{WorkspaceID: &actor.WorkspaceID, At: inv.UpdatedAt, Subject: inv.ID})
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return name, err
}
