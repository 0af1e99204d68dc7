package connect

import (
	"errors"
	"fmt"
	"time"

	"trak/billing"
)

// The types in this file hold what billing needs of Stripe's objects. Events and reads are
// decoded into the same ones, so both come to the same facts.
//
// `at` is when the event was created or, for a read, when the event that asked for it was:
// the evidence time of what is found paid (microseconds).

type sessionObject struct {
	ID            id       `json:"id"`
	PaymentLink   id       `json:"payment_link"`
	PaymentIntent id       `json:"payment_intent"`
	Status        string   `json:"status"`
	PaymentStatus string   `json:"payment_status"`
	AmountTotal   minor    `json:"amount_total"`
	Currency      text     `json:"currency"`
	Livemode      bool     `json:"livemode"`
	Metadata      metadata `json:"metadata"`
}

// facts of a paid session hold the intent too, so that the session alone is enough to show
// the invoice as paid. asyncFailed is what the object itself can't say: that the delayed
// payment of a completed session has failed.
func (s sessionObject) facts(at int64, asyncFailed bool) (billing.Facts, error) {
	fact := billing.Session{
		ID: string(s.ID), LinkID: string(s.PaymentLink), IntentID: string(s.PaymentIntent),
		Amount: int64(s.AmountTotal), Currency: string(s.Currency), Livemode: s.Livemode,
	}
	switch {
	case s.ID == "":
		return billing.Facts{}, errors.New("the checkout session has no id")
	case s.PaymentStatus == "paid", s.PaymentStatus == "no_payment_required" && s.Status == "complete":
		fact.Rank, fact.PaidAt = billing.SessionPaid, at
	case s.Status == "complete" && s.PaymentStatus == "unpaid" && asyncFailed:
		fact.Rank = billing.SessionAsyncFailed
	case s.Status == "complete" && s.PaymentStatus == "unpaid":
		fact.Rank = billing.SessionCompleteUnpaid
	case s.Status == "expired":
		fact.Rank = billing.SessionExpired
	case s.Status == "open":
		fact.Rank = billing.SessionOpen
	default:
		return billing.Facts{}, fmt.Errorf("checkout session %s: unknown status %q, payment %q", s.ID, s.Status, s.PaymentStatus)
	}
	facts := billing.Facts{Sessions: []billing.Session{fact}}
	if fact.Rank == billing.SessionPaid && s.PaymentIntent != "" {
		facts.Intents = []billing.Intent{{
			ID: string(s.PaymentIntent), Currency: string(s.Currency), Livemode: s.Livemode,
			Provisional: int64(s.AmountTotal), InvoiceHint: string(s.Metadata.InvoiceID), PaidAt: at,
		}}
	}
	return facts, nil
}

type intentObject struct {
	ID               id       `json:"id"`
	Status           string   `json:"status"`
	Amount           minor    `json:"amount"`
	AmountReceived   minor    `json:"amount_received"`
	Currency         text     `json:"currency"`
	Livemode         bool     `json:"livemode"`
	LatestCharge     id       `json:"latest_charge"`
	Metadata         metadata `json:"metadata"`
	LastPaymentError *struct {
		Charge      id   `json:"charge"`
		Code        text `json:"code"`
		DeclineCode text `json:"decline_code"`
		Message     text `json:"message"`
	} `json:"last_payment_error"`
}

// facts of an intent hold what it says about its charges: the one that is under way, and the
// one that failed last. A failure without a charge (3-D Secure not passed) leaves none.
func (p intentObject) facts(at int64) (billing.Facts, error) {
	if p.ID == "" {
		return billing.Facts{}, errors.New("the payment intent has no id")
	}
	fact := billing.Intent{
		ID: string(p.ID), Currency: string(p.Currency), Livemode: p.Livemode,
		Provisional: int64(p.AmountReceived), InvoiceHint: string(p.Metadata.InvoiceID),
	}
	if p.AmountReceived > 0 {
		fact.PaidAt = at
	}
	facts := billing.Facts{Intents: []billing.Intent{fact}}

	charge := billing.Charge{
		IntentID: string(p.ID), Amount: int64(p.Amount), Currency: string(p.Currency), Livemode: p.Livemode,
	}
	if p.Status == "processing" && p.LatestCharge != "" {
		pending := charge
		pending.ID, pending.Rank = string(p.LatestCharge), billing.ChargePending
		facts.Charges = append(facts.Charges, pending)
	}
	if e := p.LastPaymentError; e != nil && e.Charge != "" {
		failed := charge
		failed.ID, failed.Rank = string(e.Charge), billing.ChargeFailed
		failed.FailureCode, failed.FailureMessage = string(first(e.DeclineCode, e.Code)), string(e.Message)
		facts.Charges = append(facts.Charges, failed)
	} else if p.Status == "requires_payment_method" && p.LatestCharge != "" {
		// The latest attempt failed; what the error says may be of another one.
		failed := charge
		failed.ID, failed.Rank = string(p.LatestCharge), billing.ChargeFailed
		facts.Charges = append(facts.Charges, failed)
	}
	return facts, nil
}

// failed reports whether the intent waits for another attempt or for none: no delayed payment
// is under way.
func (p intentObject) failed() bool {
	return p.Status == "requires_payment_method" || p.Status == "canceled"
}

type chargeObject struct {
	ID             id      `json:"id"`
	PaymentIntent  id      `json:"payment_intent"`
	Status         string  `json:"status"`
	Amount         minor   `json:"amount"`
	AmountCaptured minor   `json:"amount_captured"`
	AmountRefunded minor   `json:"amount_refunded"`
	Currency       text    `json:"currency"`
	Livemode       bool    `json:"livemode"`
	Disputed       bool    `json:"disputed"`
	Review         id      `json:"review"`
	Created        seconds `json:"created"`
	FailureCode    text    `json:"failure_code"`
	FailureMessage text    `json:"failure_message"`
	Outcome        *struct {
		Type   text `json:"type"`
		Reason text `json:"reason"`
	} `json:"outcome"`
	Method  method `json:"payment_method_details"`
	Refunds *struct {
		Data    []refundObject `json:"data"`
		HasMore bool           `json:"has_more"`
	} `json:"refunds"`
}

var chargeRanks = map[string]billing.Rank{
	"pending": billing.ChargePending, "failed": billing.ChargeFailed, "succeeded": billing.ChargeSucceeded,
}

// facts of a charge hold the refunds that are listed inside it, if any are.
func (ch chargeObject) facts(at int64) (billing.Facts, error) {
	rank, known := chargeRanks[ch.Status]
	switch {
	case ch.ID == "":
		return billing.Facts{}, errors.New("the charge has no id")
	case !known:
		return billing.Facts{}, fmt.Errorf("charge %s: unknown status %q", ch.ID, ch.Status)
	}
	fact := billing.Charge{
		ID: string(ch.ID), IntentID: string(ch.PaymentIntent), Rank: rank,
		Amount: int64(ch.Amount), Currency: string(ch.Currency), Livemode: ch.Livemode,
		Method: string(ch.Method.kind), Brand: string(ch.Method.brand), Last4: string(ch.Method.last4),
		FailureCode: string(ch.declineCode()), FailureMessage: string(ch.FailureMessage),
		RefundHint: int64(ch.AmountRefunded), RefundHintAt: at, CreatedAt: ch.Created.micros(),
	}
	if rank == billing.ChargeSucceeded {
		fact.Captured, fact.PaidAt = int64(ch.AmountCaptured), at
	}
	facts := billing.Facts{Charges: []billing.Charge{fact}}
	if ch.Refunds != nil {
		for _, r := range ch.Refunds.Data {
			refund, err := r.fact()
			if err != nil {
				return billing.Facts{}, err
			}
			facts.Refunds = append(facts.Refunds, refund)
		}
	}
	return facts, nil
}

// refundsKnown reports whether the refunds inside the charge explain what it says was
// refunded. Since 2022-11-15 Stripe leaves the list out unless it is asked for.
func (ch chargeObject) refundsKnown() bool {
	if ch.AmountRefunded == 0 {
		return true
	}
	if ch.Refunds == nil || ch.Refunds.HasMore {
		return false
	}
	var sum minor
	for _, r := range ch.Refunds.Data {
		if refundRanks[r.Status] <= billing.RefundSucceeded {
			sum += r.Amount
		}
	}
	return sum == ch.AmountRefunded
}

// declineCode is the bank's reason where Stripe's own code only says that there was one, as
// in the decline_code of a payment intent's last error.
func (ch chargeObject) declineCode() text {
	if ch.FailureCode == "card_declined" && ch.Outcome != nil && ch.Outcome.Type == "issuer_declined" {
		return first(ch.Outcome.Reason, ch.FailureCode)
	}
	return ch.FailureCode
}

type refundObject struct {
	ID            id       `json:"id"`
	Charge        id       `json:"charge"`
	PaymentIntent id       `json:"payment_intent"`
	Status        string   `json:"status"`
	Amount        minor    `json:"amount"`
	Currency      text     `json:"currency"`
	Reason        text     `json:"reason"`
	FailureReason text     `json:"failure_reason"`
	Created       seconds  `json:"created"`
	Metadata      metadata `json:"metadata"`
}

// Of the oldest refunds Stripe says no status: they were made.
var refundRanks = map[string]billing.Rank{
	"": billing.RefundSucceeded, "pending": billing.RefundPending, "requires_action": billing.RefundRequiresAction,
	"succeeded": billing.RefundSucceeded, "canceled": billing.RefundCanceled, "failed": billing.RefundFailed,
}

func (r refundObject) fact() (billing.Refund, error) {
	rank, known := refundRanks[r.Status]
	switch {
	case r.ID == "":
		return billing.Refund{}, errors.New("the refund has no id")
	case !known:
		return billing.Refund{}, fmt.Errorf("refund %s: unknown status %q", r.ID, r.Status)
	}
	return billing.Refund{
		ID: string(r.ID), ChargeID: string(r.Charge), IntentID: string(r.PaymentIntent), Rank: rank,
		Amount: int64(r.Amount), Currency: string(r.Currency), Reason: string(r.Reason),
		FailureReason: string(r.FailureReason), CreatedAt: r.Created.micros(), RequestHint: string(r.Metadata.RefundID),
	}, nil
}

type disputeObject struct {
	ID              id      `json:"id"`
	Charge          id      `json:"charge"`
	PaymentIntent   id      `json:"payment_intent"`
	Status          string  `json:"status"`
	Amount          minor   `json:"amount"`
	Currency        text    `json:"currency"`
	Livemode        bool    `json:"livemode"`
	Reason          text    `json:"reason"`
	Created         seconds `json:"created"`
	EvidenceDetails struct {
		DueBy           seconds `json:"due_by"`
		SubmissionCount minor   `json:"submission_count"`
	} `json:"evidence_details"`
	BalanceTransactions []struct {
		Amount signed `json:"amount"`
		Fee    signed `json:"fee"`
	} `json:"balance_transactions"`
}

var disputeRanks = map[string]billing.Rank{
	"warning_needs_response": billing.DisputeWarningNeedsResponse,
	"warning_under_review":   billing.DisputeWarningUnderReview,
	"warning_closed":         billing.DisputeWarningClosed,
	"needs_response":         billing.DisputeNeedsResponse,
	"under_review":           billing.DisputeUnderReview,
	"won":                    billing.DisputeWon,
	"lost":                   billing.DisputeLost,
	// Settled before the bank decided: whether that cost the money, its transactions say.
	"prevented":       billing.DisputeWon,
	"charge_refunded": billing.DisputeWon,
}

// fact: at is when it was said, which tells the later of two decisions.
func (d disputeObject) fact(at int64) (billing.Dispute, error) {
	rank, known := disputeRanks[d.Status]
	switch {
	case d.ID == "":
		return billing.Dispute{}, errors.New("the dispute has no id")
	case !known:
		return billing.Dispute{}, fmt.Errorf("dispute %s: unknown status %q", d.ID, d.Status)
	}
	fact := billing.Dispute{
		ID: string(d.ID), ChargeID: string(d.Charge), IntentID: string(d.PaymentIntent), Rank: rank,
		Amount: int64(d.Amount), Currency: string(d.Currency), Livemode: d.Livemode, Reason: string(d.Reason),
		DueBy: d.EvidenceDetails.DueBy.micros(), Submissions: int64(d.EvidenceDetails.SubmissionCount), CreatedAt: d.Created.micros(),
	}
	for _, t := range d.BalanceTransactions {
		if t.Amount < 0 {
			fact.Withdrawn -= int64(t.Amount)
		} else {
			fact.Reinstated += int64(t.Amount)
		}
		// A fee given back is left out, or an event that came before would say more than a read.
		fact.Fee += max(0, int64(t.Fee))
	}
	if fact.Decided() {
		fact.RankAt = at
		if d.Status != "won" && fact.Withdrawn > fact.Reinstated {
			fact.Rank = billing.DisputeLost
		}
	}
	return fact, nil
}

type warningObject struct {
	ID            id      `json:"id"`
	Charge        id      `json:"charge"`
	PaymentIntent id      `json:"payment_intent"`
	Actionable    bool    `json:"actionable"`
	FraudType     text    `json:"fraud_type"`
	Livemode      bool    `json:"livemode"`
	Created       seconds `json:"created"`
}

func (w warningObject) fact() (billing.Alert, error) {
	if w.ID == "" {
		return billing.Alert{}, errors.New("the early fraud warning has no id")
	}
	return billing.Alert{
		ID: string(w.ID), Kind: billing.AlertFraudWarning, ChargeID: string(w.Charge), IntentID: string(w.PaymentIntent),
		Closed: !w.Actionable, Reason: string(w.FraudType), Livemode: w.Livemode, CreatedAt: w.Created.micros(),
	}, nil
}

type reviewObject struct {
	ID            id      `json:"id"`
	Charge        id      `json:"charge"`
	PaymentIntent id      `json:"payment_intent"`
	Open          bool    `json:"open"`
	OpenedReason  text    `json:"opened_reason"`
	ClosedReason  text    `json:"closed_reason"`
	Livemode      bool    `json:"livemode"`
	Created       seconds `json:"created"`
}

func (r reviewObject) fact() (billing.Alert, error) {
	if r.ID == "" {
		return billing.Alert{}, errors.New("the review has no id")
	}
	return billing.Alert{
		ID: string(r.ID), Kind: billing.AlertReview, ChargeID: string(r.Charge), IntentID: string(r.PaymentIntent),
		Closed: !r.Open, Reason: string(r.OpenedReason), ClosedReason: string(r.ClosedReason), Livemode: r.Livemode, CreatedAt: r.Created.micros(),
	}, nil
}

type payoutObject struct {
	ID             id      `json:"id"`
	Status         string  `json:"status"`
	Amount         signed  `json:"amount"` // negative when Stripe takes money from the bank
	Currency       text    `json:"currency"`
	Livemode       bool    `json:"livemode"`
	Automatic      bool    `json:"automatic"`
	ArrivalDate    seconds `json:"arrival_date"`
	FailureCode    text    `json:"failure_code"`
	FailureMessage text    `json:"failure_message"`
	Created        seconds `json:"created"`
}

var payoutRanks = map[string]billing.Rank{
	"pending": billing.PayoutPending, "in_transit": billing.PayoutInTransit, "paid": billing.PayoutPaid,
	"canceled": billing.PayoutCanceled, "failed": billing.PayoutFailed,
}

func (p payoutObject) fact() (billing.Payout, error) {
	rank, known := payoutRanks[p.Status]
	switch {
	case p.ID == "":
		return billing.Payout{}, errors.New("the payout has no id")
	case !known:
		return billing.Payout{}, fmt.Errorf("payout %s: unknown status %q", p.ID, p.Status)
	}
	fact := billing.Payout{
		ID: string(p.ID), Rank: rank, Amount: int64(p.Amount), Currency: string(p.Currency), Livemode: p.Livemode, Automatic: p.Automatic,
		FailureCode: string(p.FailureCode), FailureMessage: string(p.FailureMessage), CreatedAt: p.Created.micros(),
	}
	if at := p.ArrivalDate.micros(); at > 0 {
		fact.ArrivalDate = time.UnixMicro(at).UTC().Format(time.DateOnly)
	}
	return fact, nil
}

type transactionObject struct {
	ID          id      `json:"id"`
	Type        text    `json:"type"`
	Source      id      `json:"source"`
	Amount      signed  `json:"amount"`
	Fee         signed  `json:"fee"`
	Net         signed  `json:"net"`
	Currency    text    `json:"currency"`
	Created     seconds `json:"created"`
	AvailableOn seconds `json:"available_on"`
}

// fact: payout is the one in whose list the transaction stands, empty in any other list. The object
// itself says neither that nor its mode, which is the key's.
func (t transactionObject) fact(payout string, live bool) (billing.Transaction, error) {
	if t.ID == "" {
		return billing.Transaction{}, errors.New("the balance transaction has no id")
	}
	return billing.Transaction{
		ID: string(t.ID), Type: string(t.Type), SourceID: string(t.Source), Amount: int64(t.Amount), Fee: int64(t.Fee), Net: int64(t.Net),
		Currency: string(t.Currency), Livemode: live, PayoutID: payout, CreatedAt: t.Created.micros(), AvailableAt: t.AvailableOn.micros(),
	}, nil
}
