package rig

import (
	"context"
	"fmt"
	"time"

	"trak/app"
	"trak/db"
	"trak/sandbox"
)

// refundable is how many payments there are to give back.
const refundable = 8

// makeRefundable pays some invoices and tells Trak all of it.
func (w *World) makeRefundable(ctx context.Context, database *db.DB, a *app.App, owner app.Actor) error {
	for range refundable {
		inv, url, err := newInvoice(ctx, database, a, owner)
		if err != nil {
			return err
		}
		before := len(w.Stripe.Events(w.Account))
		session, err := w.Stripe.Checkout(url)
		if err != nil {
			return err
		}
		if _, err := w.Stripe.Pay(session, sandbox.Card{Number: "4242424242424242", Email: "ana@haldenvik.example"}); err != nil {
			return err
		}
		for _, body := range w.Stripe.Events(w.Account)[before:] {
			if err := a.ReceiveWebhook(ctx, body, Sign(body, time.Now())); err != nil {
				return err
			}
		}
		err = database.View(ctx, db.Scope(owner.WorkspaceID), func(q *db.Queries) error {
			payments, err := q.PaymentsOfInvoice(ctx, db.PaymentsOfInvoiceParams{WorkspaceID: owner.WorkspaceID, InvoiceID: &inv.ID})
			if err == nil && len(payments) != 1 {
				err = fmt.Errorf("invoice %s has %d payments", inv.ID, len(payments))
			}
			if err == nil {
				w.Refundable = append(w.Refundable, payments[0].ID)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
