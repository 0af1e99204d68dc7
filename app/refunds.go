package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"trak/billing"
	"trak/connect"
	"trak/db"
)

// States of a refund that was asked for here. What became of it at Stripe is a fact.
const (
	refundAsking  = "asking"
	refundAsked   = "asked"
	refundRefused = "refused"
)

// RefundReasons are what Stripe takes for a reason, beside none.
var RefundReasons = []string{"requested_by_customer", "duplicate", "fraudulent"}

const maxRefundNote = 500 // characters

// RefundInput is what somebody wants to give back.
type RefundInput struct {
	FormKey   string // chosen when the form is shown: twice the same is one refund
	Amount    string // as typed, in the payment's currency
	Reason    string // one of RefundReasons, or empty
	Note      string // for the team alone
	StillOwed bool   // the client still owes the amount
}

// Refundable is a payment with what is left of it.
type Refundable struct {
	Payment db.RefundablePaymentRow
	// Left is what Stripe says is left, less what is being asked for already.
	Left billing.Money
	// Asking is what Trak has asked for and Stripe has not answered yet.
	Asking billing.Money
	// Disputed says that the client's bank has taken the money back, or may: Stripe refunds nothing
	// meanwhile.
	Disputed bool
}

// Refundable asks Stripe what is left of a payment. Owners and admins may do it. ErrNotFound for
// a payment that did not come through Stripe; a *connect.Error when Stripe does not say.
func (a *App) Refundable(ctx context.Context, actor Actor, paymentID string) (r Refundable, err error) {
	if err := a.need(ctx, actor, Refund); err != nil {
		return r, err
	}
	if r.Payment, err = a.RefundablePayment(ctx, actor, paymentID); err != nil {
		return r, err
	}
	patience, cancel := context.WithTimeout(ctx, firstTry)
	defer cancel()
	if r.Left, err = a.leftAtStripe(patience, r.Payment); err != nil {
		return r, err
	}
	// After the call, so that what was answered meanwhile is not counted twice.
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		left, asking, err := leftHere(ctx, q, r.Payment)
		r.Asking = billing.Money{Minor: asking, Currency: r.Payment.Currency}
		r.Left.Minor = min(max(0, r.Left.Minor-asking), left)
		if err != nil {
			return err
		}
		r.Disputed, err = isDisputed(ctx, q, r.Payment)
		return err
	})
	return r, err
}

// RefundablePayment is a payment that came through Stripe. Owners and admins may see it for refunds.
func (a *App) RefundablePayment(ctx context.Context, actor Actor, id string) (p db.RefundablePaymentRow, err error) {
	if err := a.need(ctx, actor, Refund); err != nil {
		return p, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		p, err = a.refundablePayment(ctx, q, actor, id)
		return err
	})
	return p, err
}

func isDisputed(ctx context.Context, q *db.Queries, p db.RefundablePaymentRow) (bool, error) {
	disputes, err := q.DisputesOfCharge(ctx, db.DisputesOfChargeParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, ChargeID: p.ChargeID})
	if err != nil {
		return false, fmt.Errorf("read disputes: %w", err)
	}
	return slices.ContainsFunc(disputes, func(d db.Dispute) bool { return disputeOf(d).TookMoney() }), nil
}

func (a *App) refundablePayment(ctx context.Context, q *db.Queries, actor Actor, id string) (db.RefundablePaymentRow, error) {
	p, err := q.RefundablePayment(ctx, db.RefundablePaymentParams{WorkspaceID: actor.WorkspaceID, ID: id, Livemode: a.live})
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("read payment: %w", err)
	}
	return p, nil
}

// leftAtStripe is what Stripe says is left of a payment, and nothing of one that brought none.
func (a *App) leftAtStripe(ctx context.Context, p db.RefundablePaymentRow) (billing.Money, error) {
	if p.ChargeID == "" || p.Gross == 0 {
		return billing.Money{Currency: p.Currency}, nil
	}
	return a.stripe.Refundable(ctx, p.StripeAccountID, p.ChargeID)
}

// leftHere is what the facts leave of a payment's charge after what is being asked for. Stripe may
// have refunded more than is known here, never less.
func leftHere(ctx context.Context, q *db.Queries, p db.RefundablePaymentRow) (left, asking int64, err error) {
	charge, err := q.ChargeByID(ctx, db.ChargeByIDParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, ChargeID: p.ChargeID})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read charge: %w", err)
	}
	asking, err = q.AskingOfCharge(ctx, db.AskingOfChargeParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, ChargeID: p.ChargeID})
	if err != nil {
		return 0, 0, fmt.Errorf("read refunds asked for: %w", err)
	}
	refunds, err := q.RefundsOfCharge(ctx, db.RefundsOfChargeParams{WorkspaceID: p.WorkspaceID, StripeAccountID: p.StripeAccountID, ChargeID: p.ChargeID})
	if err != nil {
		return 0, 0, fmt.Errorf("read refunds: %w", err)
	}
	facts := convert(refunds, refundOf)
	release := billing.ReleaseOf(chargeOf(charge), facts)
	left = charge.Captured - asking
	for _, r := range facts {
		if r.Rank <= billing.RefundSucceeded && r.ID != release {
			left -= r.Amount
		}
	}
	return max(0, left), asking, nil
}

// RefundPayment gives a payment back, wholly or in part, as often as something is left of it. What
// was asked for is written down first; Stripe is then tried at once, and by the worker until it has
// answered. Owners and admins may do it. Returns billing.FieldErrors for bad input and for what
// Stripe refuses, and a *connect.Error, with nothing done, when Stripe does not say what is left.
func (a *App) RefundPayment(ctx context.Context, actor Actor, paymentID string, in RefundInput) (r db.RefundRequest, err error) {
	if err := a.need(ctx, actor, Refund); err != nil {
		return r, err
	}
	var p db.RefundablePaymentRow
	amount, sent := int64(0), false
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		if p, err = a.refundablePayment(ctx, q, actor, paymentID); err != nil {
			return err
		}
		if amount, err = in.check(p.Currency, actor.Workspace.Locale); err != nil {
			return err
		}
		r, sent, err = refundSentBefore(ctx, q, p, in, amount)
		return err
	})
	if err != nil {
		return r, err
	}
	patience, cancel := context.WithTimeout(ctx, firstTry) // of the person, with all calls to Stripe
	defer cancel()
	if !sent {
		left, err := a.leftAtStripe(patience, p)
		if err != nil {
			return r, err
		}
		if r, err = a.askRefund(ctx, actor, p, in, amount, left.Minor); err != nil {
			return r, err
		}
	}
	if r.State == refundAsking {
		if _, err := a.workRefund(patience, r.WorkspaceID, r.ID); err != nil {
			a.log.Error("ask for refund", "refund", r.ID, "error", err)
		}
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		r, err = q.RefundRequestByID(ctx, db.RefundRequestByIDParams{WorkspaceID: r.WorkspaceID, ID: r.ID})
		return err
	})
	if err == nil && r.State == refundRefused {
		err = billing.FieldErrors{"amount": r.LastError}
	}
	return r, err
}

// refundSentBefore finds what an earlier click on the same form asked for. It returns FieldErrors when
// something else was asked for then: neither may count unseen.
func refundSentBefore(ctx context.Context, q *db.Queries, p db.RefundablePaymentRow, in RefundInput, amount int64) (db.RefundRequest, bool, error) {
	r, err := q.RefundRequestByFormKey(ctx, db.RefundRequestByFormKeyParams{WorkspaceID: p.WorkspaceID, FormKey: in.FormKey})
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("look for the same form: %w", err)
	}
	switch {
	case r.PaymentID != p.ID:
		return r, false, ErrConflict // a form of another payment's page
	case r.Amount != amount || r.Reason != in.Reason || r.StillOwed != in.StillOwed:
		return r, false, billing.FieldErrors{"amount": "This form was sent before, for something else. Look at what is refunded by now, and send it again if this is to come on top"}
	}
	return r, true, nil
}

// askRefund writes down that a refund is wanted, if so much is left: at Stripe, as it was just now,
// and by the facts, as they are in this transaction.
func (a *App) askRefund(ctx context.Context, actor Actor, p db.RefundablePaymentRow, in RefundInput, amount, atStripe int64) (r db.RefundRequest, err error) {
	id := newID()
	err = a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		var sent bool
		if r, sent, err = refundSentBefore(ctx, tx.Queries, p, in, amount); err != nil || sent {
			return err
		}
		here, asking, err := leftHere(ctx, tx.Queries, p)
		if err != nil {
			return err
		}
		left := min(here, max(0, atStripe-asking))
		if amount > left {
			return billing.FieldErrors{"amount": tooMuchToRefund(billing.Money{Minor: left, Currency: p.Currency}, actor.Workspace.Locale)}
		}
		_, err = tx.InsertRefundRequest(ctx, db.InsertRefundRequestParams{
			ID: id, WorkspaceID: p.WorkspaceID, PaymentID: p.ID, StripeAccountID: p.StripeAccountID, Livemode: p.Livemode, ChargeID: p.ChargeID,
			Amount: amount, Currency: p.Currency, Reason: in.Reason, Note: in.Note, StillOwed: in.StillOwed,
			IdempotencyKey: "trak:" + a.install + ":refund:" + id, FormKey: in.FormKey,
			NextAttemptAt: tx.Now() + afterFirstTry.Microseconds(), CreatedBy: actor.UserID, CreatedAt: tx.Now(),
		})
		if err != nil {
			return fmt.Errorf("insert refund request: %w", err)
		}
		if r, err = tx.RefundRequestByID(ctx, db.RefundRequestByIDParams{WorkspaceID: p.WorkspaceID, ID: id}); err != nil {
			return fmt.Errorf("read refund request: %w", err)
		}
		if p.InvoiceID != nil {
			money := billing.FormatMoney(billing.Money{Minor: amount, Currency: p.Currency}, actor.Workspace.Locale)
			if err := a.event(ctx, tx, actor, *p.InvoiceID, "refund_asked", money); err != nil {
				return err
			}
			if err := a.restandByID(ctx, tx, p.WorkspaceID, *p.InvoiceID, nil); err != nil {
				return err
			}
		}
		tx.AfterCommit(a.jobs.Wake)
		return record(ctx, tx, actor, "payment.refund", p.ID, nil, map[string]any{
			"refund": id, "amount": amount, "currency": p.Currency, "reason": in.Reason, "note": in.Note, "still_owed": in.StillOwed,
		})
	})
	return r, err
}

func (in RefundInput) check(currency, locale string) (amount int64, err error) {
	errs := billing.FieldErrors{}
	amount, err = billing.ParseAmount(in.Amount, currency, locale)
	errs.Check("amount", err)
	if in.Reason != "" && !slices.Contains(RefundReasons, in.Reason) {
		errs.Add("reason", "Choose a reason from the list")
	}
	errs.CheckLength("note", in.Note, maxRefundNote)
	return amount, errs.Err()
}

func tooMuchToRefund(left billing.Money, locale string) string {
	if left.Minor == 0 {
		return "Nothing is left of this payment to refund"
	}
	return "At most " + billing.FormatMoney(left, locale) + " is left to refund"
}

// RetryRefunds asks Stripe at once for the refunds of a payment that it has not answered yet, instead
// of when their next try is due. Owners and admins may do it.
func (a *App) RetryRefunds(ctx context.Context, actor Actor, paymentID string) error {
	if err := a.need(ctx, actor, Refund); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		p, err := a.refundablePayment(ctx, tx.Queries, actor, paymentID)
		if err != nil {
			return err
		}
		requests, err := tx.RefundRequestsOfPayment(ctx, db.RefundRequestsOfPaymentParams{WorkspaceID: p.WorkspaceID, PaymentID: p.ID})
		if err != nil {
			return fmt.Errorf("read refund requests: %w", err)
		}
		for _, r := range requests {
			if r.ClaimedUntil > tx.Now() {
				continue // it is being asked for right now
			}
			_, err := tx.SetRefundRetry(ctx, db.SetRefundRetryParams{WorkspaceID: r.WorkspaceID, ID: r.ID, NextAttemptAt: tx.Now(), LastError: r.LastError})
			if err != nil {
				return fmt.Errorf("retry refund: %w", err)
			}
		}
		tx.AfterCommit(a.jobs.Wake)
		return record(ctx, tx, actor, "refund.retry", "payment "+p.ID, nil, nil)
	})
}

// workRefund claims a refund request and asks Stripe for it. It reports false when there was
// nothing to claim. A refusal of Stripe's is the request's state, not an error of this function.
func (a *App) workRefund(ctx context.Context, workspaceID, id string) (bool, error) {
	r, claimed, err := claim(ctx, a, workspaceID, func(tx *db.Tx, now, until int64) (db.RefundRequest, error) {
		return tx.ClaimRefundRequest(ctx, db.ClaimRefundRequestParams{WorkspaceID: workspaceID, ID: id, Now: now, ClaimedUntil: until})
	}, nil)
	if err != nil || !claimed {
		return false, err
	}
	refund, err := a.refundAtStripe(ctx, r)
	return true, a.storeRefund(context.WithoutCancel(ctx), r, refund, err)
}

// refundAtStripe may be repeated: the key is the same, and once it is too old or used up, what may
// have been made is looked for first.
func (a *App) refundAtStripe(ctx context.Context, r db.RefundRequest) (billing.Refund, error) {
	request := connect.RefundRequest{
		Account: r.StripeAccountID, Charge: r.ChargeID, Amount: r.Amount, Reason: r.Reason, RefundID: r.ID, Key: keyOf(r.IdempotencyKey, r.KeysSpent),
	}
	if a.now().Sub(time.UnixMicro(r.FirstAttemptAt)) > keyAge || r.KeysSpent > 0 {
		refund, found, err := a.stripe.FindRefund(ctx, request)
		if err != nil || found {
			return refund, err
		}
	}
	return a.stripe.CreateRefund(ctx, request)
}

func (a *App) storeRefund(ctx context.Context, r db.RefundRequest, refund billing.Refund, failure error) error {
	return a.db.Update(ctx, db.Scope(r.WorkspaceID), func(tx *db.Tx) error {
		account, err := tx.AccountByStripeID(ctx, &r.StripeAccountID)
		if err != nil {
			return fmt.Errorf("read account of refund: %w", err)
		}
		tx.AfterCommit(a.jobs.Wake)
		if failure == nil {
			refund.RequestHint = r.ID // what makes it the answer: see fold.answers
			return a.applyRead(ctx, tx, account, billing.Facts{Refunds: []billing.Refund{refund}})
		}
		p, err := tx.RefundablePayment(ctx, db.RefundablePaymentParams{WorkspaceID: r.WorkspaceID, ID: r.PaymentID, Livemode: r.Livemode})
		if err != nil {
			return fmt.Errorf("read payment of refund: %w", err)
		}
		switch {
		case mayPass(failure) || tellsNothing(r, failure):
			a.log.Warn("refund not made yet", "refund", r.ID, "attempt", r.Attempts, "error", failure)
			_, err = tx.SetRefundRetry(ctx, db.SetRefundRetryParams{
				WorkspaceID: r.WorkspaceID, ID: r.ID, LastError: connect.UserMessage(failure), Spent: spent(failure),
				NextAttemptAt: tx.Now() + pauseAfter(failure, r.Attempts).Microseconds(),
			})
		default:
			a.log.Warn("refund refused", "refund", r.ID, "error", failure)
			err = a.refuseRefund(ctx, tx, account, p, r, failure)
		}
		if err != nil {
			return fmt.Errorf("store outcome of refund %s: %w", r.ID, err)
		}
		if p.InvoiceID == nil {
			return nil
		}
		return a.restandByID(ctx, tx, r.WorkspaceID, *p.InvoiceID, nil)
	})
}

// refuseRefund ends a request that Stripe did not follow. What Stripe knows better about the charge
// is read again.
func (a *App) refuseRefund(ctx context.Context, tx *db.Tx, account db.Account, p db.RefundablePaymentRow, r db.RefundRequest, failure error) error {
	why := connect.UserMessage(failure)
	n, err := tx.SetRefundRefused(ctx, db.SetRefundRefusedParams{WorkspaceID: r.WorkspaceID, ID: r.ID, LastError: why})
	if err != nil || n == 0 {
		return err
	}
	if p.InvoiceID != nil {
		if err := a.event(ctx, tx, Actor{WorkspaceID: r.WorkspaceID}, *p.InvoiceID, "refund_refused", why); err != nil {
			return err
		}
	}
	if connect.IsAccountGone(failure) {
		return a.askAccountRead(ctx, tx, r.WorkspaceID, r.StripeAccountID)
	}
	return a.askRead(ctx, tx, account, billing.Read{Kind: billing.ReadCharge, ID: r.ChargeID, At: tx.Now()}, 0)
}

// tellsNothing says that Stripe refused the key and not the refund, after a try whose answer was
// lost: that one may have been followed.
func tellsNothing(r db.RefundRequest, failure error) bool {
	return r.Attempts > 1 && (connect.IsKeyRefused(failure) || connect.IsForbidden(failure))
}

// answers completes what is told of a refund with what its request knows: whether the client still
// owes the amount. The first word of it, from the call, an event or a read, answers the request. It
// reports whether this one did.
func (x *fold) answers(ctx context.Context, said *billing.Refund) (bool, error) {
	hint := said.RequestHint
	said.RequestHint = ""
	if hint == "" {
		return false, nil
	}
	r, err := x.tx.RefundRequestByID(ctx, db.RefundRequestByIDParams{WorkspaceID: x.account.WorkspaceID, ID: hint})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read request of refund %s: %w", said.ID, err)
	}
	// Whoever owns the account can write anything into metadata.
	if r.StripeAccountID != x.acct || r.ChargeID != said.ChargeID || r.RefundID != "" && r.RefundID != said.ID {
		return false, nil
	}
	said.StillOwed = said.StillOwed || r.StillOwed
	if r.State == refundAsked {
		return false, nil
	}
	n, err := x.tx.SetRefundAsked(ctx, db.SetRefundAskedParams{WorkspaceID: r.WorkspaceID, ID: r.ID, RefundID: said.ID})
	if err != nil {
		return false, fmt.Errorf("answer the request of refund %s: %w", said.ID, err)
	}
	return n > 0, nil
}
