package billing

import "slices"

// Status is the one word that says where an invoice, or a payment, stands.
type Status string

// The statuses of an invoice, in the order in which StandingOf looks for them.
const (
	ChargedBack       Status = "charged_back"
	Refunded          Status = "refunded"
	PartiallyRefunded Status = "partially_refunded"
	Paid              Status = "paid"
	PartiallyPaid     Status = "partially_paid"
	Processing        Status = "processing"
	Void              Status = "void"
	Uncollectible     Status = "uncollectible"
	Open              Status = "open"
	Draft             Status = "draft"
)

// The statuses that only a payment has.
const (
	Succeeded  Status = "succeeded"
	Failed     Status = "failed"
	Incomplete Status = "incomplete" // begun, and nothing came of it yet
	TakenBack  Status = "taken_back" // recorded by a person, and nothing is left of it
)

// The statuses of a refund, beside Refunded.
const (
	RefundAsking  Status = "refund_asking"  // asked for here; Stripe has not answered yet
	RefundOnWay   Status = "refund_pending" // the bank has not taken it yet
	RefundFailing Status = "refund_failed"
	RefundRefused Status = "refund_refused" // by Stripe, which did nothing
)

// StatusOfRefund is the word for a refund that Stripe knows.
func StatusOfRefund(rank Rank) Status {
	switch {
	case rank > RefundSucceeded:
		return RefundFailing
	case rank < RefundSucceeded:
		return RefundOnWay
	}
	return Refunded
}

// Phase is the tab of the list that an invoice is under.
type Phase string

// Phases. Only an invoice in PhaseOpen waits for money.
const (
	PhaseDraft  Phase = "draft"
	PhaseOpen   Phase = "open"
	PhasePaid   Phase = "paid"
	PhaseClosed Phase = "closed"
)

// Flags stand beside the status: what a person should know or do.
const (
	FlagOverpaid         = "overpaid"
	FlagPaidAfterVoid    = "paid_after_void"
	FlagDisputeOpen      = "dispute_open"
	FlagDisputeLost      = "dispute_lost" // in part: something is left
	FlagCurrencyMismatch = "currency_mismatch"
	FlagRefundFailed     = "refund_failed"
	FlagRefundPending    = "refund_pending"
	FlagPaymentFailed    = "payment_failed" // the last attempt
	FlagNeedsSync        = "needs_sync"
	FlagFraudWarning     = "early_fraud_warning"
	FlagInReview         = "in_review"
)

// PaymentFacts is all that is known of one payment: of a payment intent, or of the entries that
// people made of money that came outside Stripe.
type PaymentFacts struct {
	Entries  []Entry
	Intent   Intent
	Sessions []Session
	Charges  []Charge
	Refunds  []Refund
	Disputes []Dispute
	Alerts   []Alert
	// RefundAsked says that a refund was asked for, and Stripe has not answered yet.
	RefundAsked bool
}

// Payment is what the facts of one payment intent add up to. Amounts are minor units.
type Payment struct {
	Currency string
	Livemode bool
	Status   Status
	// Gross is what the client paid. Session, intent and charge all tell of the same money, so
	// the largest of them counts, never their sum; only several charges of one intent add up.
	Gross     int64
	Refunded  int64 // given back and settled with that
	StillOwed int64 // given back, and due again
	Lost      int64 // taken back by a bank
	// Charge is the one to show: the succeeded one, else the latest attempt.
	Charge        Charge
	HappenedAt    int64
	Processing    bool
	RefundPending bool
	RefundFailed  bool
	DisputeOpen   bool
	FraudWarning  bool // a refund may still avoid a dispute
	InReview      bool
	NeedsSync     bool // Stripe speaks of more refunds than are known
}

// PaymentOf computes a payment from its facts.
func PaymentOf(f PaymentFacts) Payment {
	if len(f.Entries) > 0 {
		return paymentByHand(f)
	}
	p := Payment{Currency: f.Intent.Currency, Livemode: f.Intent.Livemode}
	p.RefundPending = f.RefundAsked
	provisional, paidAt := f.Intent.Provisional, f.Intent.PaidAt
	unpaid := false
	for _, s := range f.Sessions {
		switch s.Rank {
		case SessionPaid:
			provisional = max(provisional, s.Amount)
			paidAt = earlier(paidAt, s.PaidAt)
		case SessionCompleteUnpaid:
			unpaid = true
		}
		p.Currency = max(p.Currency, s.Currency)
	}
	var captured, triedAt int64
	pending, failed := false, false
	for _, c := range f.Charges {
		switch c.Rank {
		case ChargeSucceeded:
			captured += c.Captured
			paidAt = earlier(paidAt, c.PaidAt)
		case ChargePending:
			pending = true
		case ChargeFailed:
			failed = true
		}
		if known := refundsOf(c.ID, f.Refunds); c.RefundHint > known {
			p.NeedsSync = true
		}
		triedAt = max(triedAt, c.CreatedAt)
		p.Charge = shown(p.Charge, c)
		p.Currency = max(p.Currency, c.Currency)
	}
	p.Gross = max(captured, provisional)
	released := map[string]bool{}
	for _, c := range f.Charges {
		c.Captured = max(c.Captured, provisional) // it may not have said it yet
		released[ReleaseOf(c, f.Refunds)] = true
	}
	p.Processing = p.Gross == 0 && (pending || unpaid)
	for _, r := range f.Refunds {
		switch {
		case released[r.ID]:
			continue
		case r.Rank > RefundSucceeded:
			p.RefundFailed = true
			continue
		case r.StillOwed:
			p.StillOwed += r.Amount
		default:
			p.Refunded += r.Amount
		}
		p.RefundPending = p.RefundPending || r.Rank < RefundSucceeded
	}
	for _, d := range f.Disputes {
		if d.Rank == DisputeLost {
			p.Lost += d.Amount
		}
		p.DisputeOpen = p.DisputeOpen || d.Open()
	}
	for _, alert := range f.Alerts {
		if !alert.Closed {
			p.FraudWarning = p.FraudWarning || alert.Kind == AlertFraudWarning
			p.InReview = p.InReview || alert.Kind == AlertReview
		}
	}
	// What has been given back or disputed already is past a warning.
	if len(f.Disputes) > 0 || p.Refunded+p.StillOwed >= p.Gross {
		p.FraudWarning = false
	}
	p.HappenedAt = paidAt
	if p.Gross == 0 || paidAt == 0 {
		p.HappenedAt = max(triedAt, paidAt)
	}
	p.Status = paymentStatus(p, failed)
	return p
}

// paymentByHand adds up what people recorded: what was taken back was never received.
func paymentByHand(f PaymentFacts) Payment {
	p := Payment{Currency: f.Intent.Currency, Livemode: f.Intent.Livemode, Status: Succeeded}
	for _, e := range f.Entries {
		p.Gross += e.Amount
		p.Currency = max(p.Currency, e.Currency)
		if e.Amount > 0 {
			p.Charge.Method = max(p.Charge.Method, e.Method)
			p.HappenedAt = earlier(p.HappenedAt, e.ReceivedAt)
		}
	}
	if p.Gross <= 0 {
		p.Gross, p.Status = 0, TakenBack
	}
	return p
}

func paymentStatus(p Payment, failed bool) Status {
	kept := p.Gross - p.StillOwed
	switch {
	case p.Gross > 0 && p.Lost > 0 && kept-p.Refunded-p.Lost <= 0:
		return ChargedBack
	case p.Gross > 0 && p.Refunded+p.StillOwed >= p.Gross:
		return Refunded
	case p.Gross > 0 && p.Refunded+p.StillOwed > 0:
		return PartiallyRefunded
	case p.Gross > 0:
		return Succeeded
	case p.Processing:
		return Processing
	case failed:
		return Failed
	}
	return Incomplete
}

// ReleaseOf is the id of the refund by which Stripe let go of what it authorised and did not take
// when less was captured than asked for, or nothing at all; "" = there is none. It gave no money
// back. API versions since 2025-03-31 make none, so it is known by its amount alone.
func ReleaseOf(c Charge, refunds []Refund) string {
	var release Refund
	for _, r := range refunds {
		if c.Rank != ChargeSucceeded || r.ChargeID != c.ID || r.Rank > RefundSucceeded || r.Amount != c.Amount-c.Captured {
			continue
		}
		if release.ID == "" || r.CreatedAt < release.CreatedAt || r.CreatedAt == release.CreatedAt && r.ID < release.ID {
			release = r
		}
	}
	return release.ID
}

func refundsOf(charge string, refunds []Refund) (sum int64) {
	for _, r := range refunds {
		if r.ChargeID == charge {
			sum += r.Amount
		}
	}
	return sum
}

// shown prefers a charge of higher rank, then a later one.
func shown(a, b Charge) Charge {
	if a.ID == "" || b.Rank == ChargeSucceeded && a.Rank != ChargeSucceeded {
		return b
	}
	if a.Rank == ChargeSucceeded && b.Rank != ChargeSucceeded {
		return a
	}
	if b.CreatedAt > a.CreatedAt || b.CreatedAt == a.CreatedAt && b.ID > a.ID {
		return b
	}
	return a
}

// InvoiceFacts is all that an invoice's standing depends on.
type InvoiceFacts struct {
	Decided  Status // Draft, Open, Void or Uncollectible
	Currency string
	Livemode bool
	Total    int64
	Credited int64
	Payments []Payment
}

// Standing is what an invoice's facts add up to; the database keeps it beside the invoice.
type Standing struct {
	Status   Status
	Phase    Phase
	Flags    []string // sorted
	Received int64    // gross, refunds ticked "still owed" taken off
	Refunded int64
	Due      int64
}

// StandingOf computes an invoice's standing from its facts. The first status that applies is
// its word; docs/architecture.md has the table.
func StandingOf(f InvoiceFacts) Standing {
	var s Standing
	// What is left of the payments for due. A refund or a dispute may be known before its
	// payment is: it never makes more due than the whole.
	var kept int64
	var lost int64
	var lastTried int64
	processing, lastFailed := false, false
	flags := map[string]bool{}
	for _, p := range f.Payments {
		flags[FlagRefundPending] = flags[FlagRefundPending] || p.RefundPending
		flags[FlagRefundFailed] = flags[FlagRefundFailed] || p.RefundFailed
		if (p.Gross > 0 || p.Processing) && (p.Currency != f.Currency || p.Livemode != f.Livemode) {
			flags[FlagCurrencyMismatch] = true
			continue
		}
		s.Received += max(0, p.Gross-p.StillOwed)
		kept += max(0, p.Gross-p.StillOwed-p.Lost)
		s.Refunded += p.Refunded
		lost += p.Lost
		processing = processing || p.Processing
		flags[FlagDisputeOpen] = flags[FlagDisputeOpen] || p.DisputeOpen
		flags[FlagNeedsSync] = flags[FlagNeedsSync] || p.NeedsSync
		flags[FlagFraudWarning] = flags[FlagFraudWarning] || p.FraudWarning
		flags[FlagInReview] = flags[FlagInReview] || p.InReview
		if p.HappenedAt > lastTried {
			lastTried, lastFailed = p.HappenedAt, false
		}
		lastFailed = lastFailed || p.HappenedAt == lastTried && p.Status == Failed
	}
	total := f.Total - f.Credited
	net := s.Received - s.Refunded - lost
	finalized := f.Decided != Draft

	switch {
	case s.Received > 0 && lost > 0 && net <= 0:
		s.Status = ChargedBack
	case s.Received > 0 && s.Refunded >= s.Received:
		s.Status = Refunded
	case finalized && s.Received >= total && s.Refunded > 0:
		s.Status = PartiallyRefunded
	case finalized && s.Received >= total && (s.Received > 0 || f.Decided == Open):
		s.Status = Paid
	case s.Received > 0:
		s.Status = PartiallyPaid
	case processing:
		s.Status = Processing
	default:
		s.Status = f.Decided
	}
	if f.Decided == Open || f.Decided == Uncollectible {
		s.Due = max(0, total-kept)
	}
	s.Phase = phaseOf(s, f.Decided)
	flags[FlagOverpaid] = finalized && f.Decided != Void && s.Received > total
	flags[FlagPaidAfterVoid] = f.Decided == Void && s.Received > 0
	flags[FlagDisputeLost] = lost > 0 && s.Status != ChargedBack
	flags[FlagPaymentFailed] = lastFailed && s.Received == 0 && !processing && s.Status == Open
	for name, on := range flags {
		if on {
			s.Flags = append(s.Flags, name)
		}
	}
	slices.Sort(s.Flags)
	return s
}

// phaseOf: an open invoice waits for money as long as something is due, also when its word says
// what became of a part: all that was paid was given back, or lost to a dispute.
func phaseOf(s Standing, decided Status) Phase {
	if decided == Open && s.Due > 0 {
		return PhaseOpen
	}
	switch s.Status {
	case Draft:
		return PhaseDraft
	case Paid, PartiallyRefunded, Refunded:
		return PhasePaid
	case Open, PartiallyPaid, Processing:
		if decided == Open || decided == Draft {
			return PhaseOpen
		}
		// Money came, or is coming, for one that was voided or written off: nobody waits for the rest.
	}
	return PhaseClosed
}

// Final says that nothing more is expected to change, so that a page may stop asking.
func (s Standing) Final() bool {
	for _, f := range []string{FlagDisputeOpen, FlagRefundPending, FlagNeedsSync} {
		if slices.Contains(s.Flags, f) {
			return false
		}
	}
	return s.Status != Processing && (s.Phase == PhasePaid || s.Phase == PhaseClosed)
}
