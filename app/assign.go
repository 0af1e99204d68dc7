package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"trak/billing"
	"trak/db"
)

// What people decide about a payment that nothing at Stripe says the invoice of.

// maxInvoicesForPayment is how many invoices are offered for a payment.
const maxInvoicesForPayment = 100

// Unmatched is a payment for no invoice that Trak knows of, and the open invoices of its currency
// and mode that it could be for, newest first, at most a hundred.
type Unmatched struct {
	Payment  db.Payment
	Left     billing.Money // what is still here of it
	Invoices []db.InvoicesForPaymentRow
}

// UnmatchedPayment returns a payment that can be assigned. Owners and admins may see it.
// ErrNotFound for any other.
func (a *App) UnmatchedPayment(ctx context.Context, actor Actor, paymentID string) (u Unmatched, err error) {
	if err := a.need(ctx, actor, SettleAttention); err != nil {
		return u, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		if u.Payment, err = a.findPayment(ctx, q, actor, paymentID); err != nil {
			return err
		}
		if u.Payment.InvoiceID != nil || u.Payment.Gross == 0 {
			return ErrNotFound
		}
		p := u.Payment
		u.Left = billing.Money{Minor: p.Gross - p.Refunded - p.Lost, Currency: p.Currency}
		u.Invoices, err = q.InvoicesForPayment(ctx, db.InvoicesForPaymentParams{
			WorkspaceID: actor.WorkspaceID, Livemode: a.live, Currency: p.Currency, Max: maxInvoicesForPayment,
		})
		return err
	})
	return u, err
}

// AssignPayment says which open invoice an unmatched payment is for: it counts there from now on,
// whatever Stripe tells later. Owners and admins may do it. Returns ErrNotFound for a payment or
// an invoice that is not there, FieldErrors for an invoice that can't be it, and ErrConflict for a
// payment that has another invoice by now.
func (a *App) AssignPayment(ctx context.Context, actor Actor, paymentID, invoiceID string) error {
	if err := a.need(ctx, actor, SettleAttention); err != nil {
		return err
	}
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		row, err := a.findPayment(ctx, tx.Queries, actor, paymentID)
		if err != nil {
			return err
		}
		inv, err := a.findInvoice(ctx, tx.Queries, actor, invoiceID)
		if err != nil {
			return err
		}
		switch {
		case row.InvoiceID != nil && *row.InvoiceID == inv.ID && row.AssignedAt > 0:
			return nil // the second click
		case row.InvoiceID != nil || row.Gross == 0:
			return ErrConflict
		case inv.Decided != string(billing.Open):
			return billing.FieldErrors{"invoice": "Choose an open invoice"}
		case inv.Currency != row.Currency || inv.Livemode != row.Livemode:
			return billing.FieldErrors{"invoice": "Choose an invoice in the currency of the payment"}
		}
		row.InvoiceID, row.AssignedAt = &inv.ID, tx.Now()
		return a.reassign(ctx, tx, actor, row, inv, "payment_assigned")
	})
	if err != nil {
		return err
	}
	a.tryLinks(ctx, actor.WorkspaceID, invoiceID)
	return nil
}

// UnassignPayment takes AssignPayment back: the payment is for no invoice again, and what is for none
// stays so. Owners and admins may do it. Returns ErrNotFound for a payment that is for another
// invoice or that nobody assigned, and ErrConflict when a refund of it was asked for since.
func (a *App) UnassignPayment(ctx context.Context, actor Actor, invoiceID, paymentID string) error {
	if err := a.need(ctx, actor, SettleAttention); err != nil {
		return err
	}
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		inv, err := a.findInvoice(ctx, tx.Queries, actor, invoiceID)
		if err != nil {
			return err
		}
		row, err := a.findPayment(ctx, tx.Queries, actor, paymentID)
		if err != nil {
			return err
		}
		if row.InvoiceID == nil {
			return nil // the second click
		}
		if *row.InvoiceID != inv.ID || row.AssignedAt == 0 {
			return ErrNotFound
		}
		n, err := tx.RefundsAskedSince(ctx, db.RefundsAskedSinceParams{WorkspaceID: inv.WorkspaceID, PaymentID: row.ID, Since: row.AssignedAt})
		if err != nil {
			return fmt.Errorf("look for refunds: %w", err)
		}
		if n > 0 {
			return ErrConflict
		}
		row.InvoiceID, row.AssignedAt = nil, 0
		return a.reassign(ctx, tx, actor, row, inv, "payment_unassigned")
	})
	if err != nil {
		return err
	}
	a.tryLinks(ctx, actor.WorkspaceID, invoiceID)
	return nil
}

// reassign stores which invoice a payment is for, with all that follows for the invoice.
func (a *App) reassign(ctx context.Context, tx *db.Tx, actor Actor, row db.Payment, inv db.Invoice, kind string) error {
	if err := tx.UpsertPayment(ctx, db.UpsertPaymentParams(row)); err != nil {
		return fmt.Errorf("store payment: %w", err)
	}
	s, err := a.restand(ctx, tx, inv, nil, afterFirstTry)
	if err != nil {
		return err
	}
	detail := billing.FormatMoney(billing.Money{Minor: row.Gross, Currency: row.Currency}, actor.Workspace.Locale)
	if err := a.event(ctx, tx, actor, inv.ID, kind, detail); err != nil {
		return err
	}
	after := received(s, inv.Currency)
	after["payment"] = row.ID
	return record(ctx, tx, actor, kind, inv.ID, received(standingOf(inv), inv.Currency), after)
}

// findPayment is how use-cases get at a payment at Stripe: within the actor's workspace and the
// mode that Trak runs in, or not.
func (a *App) findPayment(ctx context.Context, q *db.Queries, actor Actor, id string) (db.Payment, error) {
	row, err := q.PaymentByID(ctx, db.PaymentByIDParams{WorkspaceID: actor.WorkspaceID, ID: id})
	if errors.Is(err, sql.ErrNoRows) || err == nil && (row.Livemode != a.live || row.StripeAccountID == "") {
		return row, ErrNotFound
	}
	if err != nil {
		return row, fmt.Errorf("read payment: %w", err)
	}
	return row, nil
}
