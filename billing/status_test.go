package billing

import (
	"slices"
	"strings"
	"testing"
)

// What a payment is, from what Stripe told of it: the specification.
func TestPaymentOf(t *testing.T) {
	t.Parallel()
	intent := Intent{ID: "pi_1", Currency: "eur", Provisional: 1000, PaidAt: 90}
	session := Session{ID: "cs_1", IntentID: "pi_1", Rank: SessionPaid, Amount: 1000, Currency: "eur", PaidAt: 80}
	charge := Charge{ID: "ch_1", IntentID: "pi_1", Rank: ChargeSucceeded, Amount: 1000, Captured: 1000, Currency: "eur", CreatedAt: 60, PaidAt: 70}
	declined := Charge{ID: "ch_0", IntentID: "pi_1", Rank: ChargeFailed, Amount: 1000, Currency: "eur", CreatedAt: 50, FailureCode: "card_declined"}
	pending := Charge{ID: "py_1", IntentID: "pi_1", Rank: ChargePending, Amount: 1000, Currency: "eur", CreatedAt: 60}
	refund := func(amount int64, rank Rank) Refund {
		return Refund{ID: "re_" + string(rune('a'+amount%26)), ChargeID: "ch_1", IntentID: "pi_1", Amount: amount, Rank: rank}
	}
	owed := func(r Refund) Refund { r.StillOwed = true; return r }
	dispute := func(amount int64, rank Rank) Dispute {
		return Dispute{ID: "dp_1", ChargeID: "ch_1", IntentID: "pi_1", Amount: amount, Rank: rank}
	}
	with := func(c Charge, change func(*Charge)) Charge { change(&c); return c }

	for _, tt := range []struct {
		name  string
		facts PaymentFacts
		want  Payment // Currency is eur, and Charge is compared by id
	}{
		{"nothing yet", PaymentFacts{Intent: Intent{ID: "pi_1", Currency: "eur"}}, Payment{Status: Incomplete}},
		{"the session alone is enough", PaymentFacts{Sessions: []Session{session}}, Payment{Status: Succeeded, Gross: 1000, HappenedAt: 80}},
		{"the intent alone is enough", PaymentFacts{Intent: intent}, Payment{Status: Succeeded, Gross: 1000, HappenedAt: 90}},
		{"the charge alone is enough", PaymentFacts{Charges: []Charge{charge}}, Payment{Status: Succeeded, Gross: 1000, HappenedAt: 70, Charge: charge}},
		{"session, intent and charge of one payment never add up", PaymentFacts{Intent: intent, Sessions: []Session{session}, Charges: []Charge{charge}},
			Payment{Status: Succeeded, Gross: 1000, HappenedAt: 70, Charge: charge}},
		{"two charges of one intent add up", PaymentFacts{Intent: intent, Charges: []Charge{charge, with(charge, func(c *Charge) { c.ID, c.CreatedAt = "ch_2", 65 })}},
			Payment{Status: Succeeded, Gross: 2000, HappenedAt: 70, Charge: with(charge, func(c *Charge) { c.ID = "ch_2" })}},
		{"more received than one charge shows yet", PaymentFacts{Intent: intent, Charges: []Charge{with(charge, func(c *Charge) { c.Captured = 400 })}},
			Payment{Status: Succeeded, Gross: 1000, HappenedAt: 70, Charge: charge}},
		{"declined", PaymentFacts{Charges: []Charge{declined}}, Payment{Status: Failed, HappenedAt: 50, Charge: declined}},
		{"declined, then paid", PaymentFacts{Intent: intent, Charges: []Charge{declined, charge}}, Payment{Status: Succeeded, Gross: 1000, HappenedAt: 70, Charge: charge}},
		{"paid, and declined later: the money is what counts", PaymentFacts{Charges: []Charge{charge, with(declined, func(c *Charge) { c.CreatedAt = 99 })}},
			Payment{Status: Succeeded, Gross: 1000, HappenedAt: 70, Charge: charge}},
		{"an expired session says nothing", PaymentFacts{Sessions: []Session{{ID: "cs_1", Rank: SessionExpired, Amount: 1000, Currency: "eur"}}}, Payment{Status: Incomplete}},
		{"a bank debit is under way", PaymentFacts{Sessions: []Session{{ID: "cs_1", Rank: SessionCompleteUnpaid, Amount: 1000, Currency: "eur"}}},
			Payment{Status: Processing, Processing: true}},
		{"a charge is pending", PaymentFacts{Charges: []Charge{pending}}, Payment{Status: Processing, Processing: true, HappenedAt: 60, Charge: pending}},
		{"a bank debit has failed", PaymentFacts{Sessions: []Session{{ID: "cs_1", Rank: SessionAsyncFailed, Amount: 1000, Currency: "eur"}},
			Charges: []Charge{with(pending, func(c *Charge) { c.Rank = ChargeFailed })}}, Payment{Status: Failed, HappenedAt: 60, Charge: pending}},
		{"paid is not under way any more", PaymentFacts{Intent: intent, Charges: []Charge{pending}}, Payment{Status: Succeeded, Gross: 1000, HappenedAt: 90, Charge: pending}},

		{"refunded in part", PaymentFacts{Charges: []Charge{charge}, Refunds: []Refund{refund(300, RefundSucceeded)}},
			Payment{Status: PartiallyRefunded, Gross: 1000, Refunded: 300, HappenedAt: 70, Charge: charge}},
		{"refunds add up", PaymentFacts{Charges: []Charge{charge}, Refunds: []Refund{refund(300, RefundSucceeded), refund(700, RefundSucceeded)}},
			Payment{Status: Refunded, Gross: 1000, Refunded: 1000, HappenedAt: 70, Charge: charge}},
		{"a pending refund counts", PaymentFacts{Charges: []Charge{charge}, Refunds: []Refund{refund(1000, RefundPending)}},
			Payment{Status: Refunded, Gross: 1000, Refunded: 1000, RefundPending: true, HappenedAt: 70, Charge: charge}},
		{"a refund that waits for the client counts", PaymentFacts{Charges: []Charge{charge}, Refunds: []Refund{refund(1000, RefundRequiresAction)}},
			Payment{Status: Refunded, Gross: 1000, Refunded: 1000, RefundPending: true, HappenedAt: 70, Charge: charge}},
		{"a refund that failed counts no more", PaymentFacts{Charges: []Charge{charge}, Refunds: []Refund{refund(1000, RefundFailed)}},
			Payment{Status: Succeeded, Gross: 1000, RefundFailed: true, HappenedAt: 70, Charge: charge}},
		{"a refund that was canceled counts no more", PaymentFacts{Charges: []Charge{charge}, Refunds: []Refund{refund(1000, RefundCanceled)}},
			Payment{Status: Succeeded, Gross: 1000, RefundFailed: true, HappenedAt: 70, Charge: charge}},
		{"given back and still owed is not counted as refunded", PaymentFacts{Charges: []Charge{charge}, Refunds: []Refund{owed(refund(1000, RefundSucceeded))}},
			Payment{Status: Refunded, Gross: 1000, StillOwed: 1000, HappenedAt: 70, Charge: charge}},
		{"a failed refund is not owed again", PaymentFacts{Charges: []Charge{charge}, Refunds: []Refund{owed(refund(1000, RefundFailed))}},
			Payment{Status: Succeeded, Gross: 1000, RefundFailed: true, HappenedAt: 70, Charge: charge}},
		{"a refund that comes before its charge waits for it", PaymentFacts{Refunds: []Refund{refund(300, RefundSucceeded)}, Intent: Intent{ID: "pi_1", Currency: "eur"}},
			Payment{Status: Incomplete, Refunded: 300}},
		{"Stripe speaks of a refund that is not known", PaymentFacts{Charges: []Charge{with(charge, func(c *Charge) { c.RefundHint = 300 })}},
			Payment{Status: Succeeded, Gross: 1000, NeedsSync: true, HappenedAt: 70, Charge: charge}},
		{"Stripe speaks of the refund that is known", PaymentFacts{Charges: []Charge{with(charge, func(c *Charge) { c.RefundHint = 300 })}, Refunds: []Refund{refund(300, RefundSucceeded)}},
			Payment{Status: PartiallyRefunded, Gross: 1000, Refunded: 300, HappenedAt: 70, Charge: charge}},

		{"captured in part: what was let go was never there to give back", PaymentFacts{Charges: []Charge{with(charge, func(c *Charge) { c.Captured, c.RefundHint = 600, 400 })},
			Refunds: []Refund{refund(400, RefundSucceeded)}}, Payment{Status: Succeeded, Gross: 600, HappenedAt: 70, Charge: charge}},
		{"captured in part, and a part of that refunded", PaymentFacts{Charges: []Charge{with(charge, func(c *Charge) { c.Captured, c.RefundHint = 600, 500 })},
			Refunds: []Refund{refund(400, RefundSucceeded), refund(100, RefundSucceeded)}}, Payment{Status: PartiallyRefunded, Gross: 600, Refunded: 100, HappenedAt: 70, Charge: charge}},
		{"captured in part, and as much refunded as was let go", PaymentFacts{Charges: []Charge{with(charge, func(c *Charge) { c.Captured = 600 })}, Refunds: []Refund{
			{ID: "re_2", ChargeID: "ch_1", Amount: 400, Rank: RefundSucceeded, CreatedAt: 90}, {ID: "re_1", ChargeID: "ch_1", Amount: 400, Rank: RefundSucceeded, CreatedAt: 80}}},
			Payment{Status: PartiallyRefunded, Gross: 600, Refunded: 400, HappenedAt: 70, Charge: charge}},
		{"captured in part, told in a version that lets go without a refund", PaymentFacts{Charges: []Charge{with(charge, func(c *Charge) { c.Captured = 600 })}, Refunds: []Refund{refund(100, RefundSucceeded)}},
			Payment{Status: PartiallyRefunded, Gross: 600, Refunded: 100, HappenedAt: 70, Charge: charge}},
		{"authorised and never captured", PaymentFacts{Charges: []Charge{with(charge, func(c *Charge) { c.Captured = 0 })}}, Payment{Status: Incomplete, HappenedAt: 70, Charge: charge}},
		{"authorised and let go", PaymentFacts{Charges: []Charge{with(charge, func(c *Charge) { c.Captured, c.RefundHint = 0, 1000 })}, Refunds: []Refund{refund(1000, RefundSucceeded)}},
			Payment{Status: Incomplete, HappenedAt: 70, Charge: charge}},
		{"refunded before its charge says that it was captured", PaymentFacts{Intent: intent, Charges: []Charge{with(charge, func(c *Charge) { c.Captured = 0 })}, Refunds: []Refund{refund(1000, RefundSucceeded)}},
			Payment{Status: Refunded, Gross: 1000, Refunded: 1000, HappenedAt: 70, Charge: charge}},

		{"an inquiry moves no money", PaymentFacts{Charges: []Charge{charge}, Disputes: []Dispute{dispute(1000, DisputeWarningNeedsResponse)}},
			Payment{Status: Succeeded, Gross: 1000, DisputeOpen: true, HappenedAt: 70, Charge: charge}},
		{"an inquiry is closed", PaymentFacts{Charges: []Charge{charge}, Disputes: []Dispute{dispute(1000, DisputeWarningClosed)}},
			Payment{Status: Succeeded, Gross: 1000, HappenedAt: 70, Charge: charge}},
		{"disputed", PaymentFacts{Charges: []Charge{charge}, Disputes: []Dispute{dispute(1000, DisputeUnderReview)}},
			Payment{Status: Succeeded, Gross: 1000, DisputeOpen: true, HappenedAt: 70, Charge: charge}},
		{"a dispute is won", PaymentFacts{Charges: []Charge{charge}, Disputes: []Dispute{dispute(1000, DisputeWon)}},
			Payment{Status: Succeeded, Gross: 1000, HappenedAt: 70, Charge: charge}},
		{"a dispute is lost", PaymentFacts{Charges: []Charge{charge}, Disputes: []Dispute{dispute(1000, DisputeLost)}},
			Payment{Status: ChargedBack, Gross: 1000, Lost: 1000, HappenedAt: 70, Charge: charge}},
		{"a dispute is lost in part", PaymentFacts{Charges: []Charge{charge}, Disputes: []Dispute{dispute(400, DisputeLost)}},
			Payment{Status: Succeeded, Gross: 1000, Lost: 400, HappenedAt: 70, Charge: charge}},
		{"refunded in part, and the rest lost", PaymentFacts{Charges: []Charge{charge}, Refunds: []Refund{refund(600, RefundSucceeded)}, Disputes: []Dispute{dispute(400, DisputeLost)}},
			Payment{Status: ChargedBack, Gross: 1000, Refunded: 600, Lost: 400, HappenedAt: 70, Charge: charge}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := PaymentOf(tt.facts)
			if got.Charge.ID != tt.want.Charge.ID {
				t.Errorf("shows charge %q, want %q", got.Charge.ID, tt.want.Charge.ID)
			}
			got.Charge, tt.want.Charge, tt.want.Currency = Charge{}, Charge{}, "eur"
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

// What an invoice over 1000 is, from its payments: the specification, in the order in which
// the statuses are looked for.
func TestStandingOf(t *testing.T) {
	t.Parallel()
	paid := func(gross int64, changes ...func(*Payment)) Payment {
		p := Payment{Currency: "eur", Gross: gross, Status: Succeeded, HappenedAt: 10}
		for _, change := range changes {
			change(&p)
		}
		return p
	}
	refunded := func(n int64) func(*Payment) { return func(p *Payment) { p.Refunded = n } }
	owed := func(n int64) func(*Payment) { return func(p *Payment) { p.StillOwed = n } }
	lost := func(n int64) func(*Payment) { return func(p *Payment) { p.Lost = n } }
	pending := Payment{Currency: "eur", Status: Processing, Processing: true, HappenedAt: 20}
	failed := Payment{Currency: "eur", Status: Failed, HappenedAt: 30}
	unpaid := Payment{Currency: "eur", Status: Incomplete}
	dollars := paid(1000, func(p *Payment) { p.Currency = "usd" })
	live := paid(1000, func(p *Payment) { p.Livemode = true })

	for _, tt := range []struct {
		name     string
		decided  Status
		payments []Payment
		want     Standing
		flags    string
	}{
		{"draft", Draft, nil, Standing{Status: Draft, Phase: PhaseDraft}, ""},
		{"open", Open, nil, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, ""},
		{"open, a payment was begun", Open, []Payment{unpaid}, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, ""},
		{"open, the last attempt failed", Open, []Payment{failed}, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, "payment_failed"},
		{"open, one attempt of the last second failed", Open, []Payment{failed, {Currency: "eur", Status: Incomplete, HappenedAt: 30}}, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, "payment_failed"},
		{"open, an attempt failed before the last", Open, []Payment{failed, {Currency: "eur", Status: Incomplete, HappenedAt: 40}}, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, ""},
		{"uncollectible", Uncollectible, nil, Standing{Status: Uncollectible, Phase: PhaseClosed, Due: 1000}, ""},
		{"void", Void, nil, Standing{Status: Void, Phase: PhaseClosed}, ""},
		{"void, an attempt failed", Void, []Payment{failed}, Standing{Status: Void, Phase: PhaseClosed}, ""},
		{"processing", Open, []Payment{pending}, Standing{Status: Processing, Phase: PhaseOpen, Due: 1000}, ""},
		{"processing after an attempt that failed", Open, []Payment{failed, pending}, Standing{Status: Processing, Phase: PhaseOpen, Due: 1000}, ""},
		{"partially paid", Open, []Payment{paid(400)}, Standing{Status: PartiallyPaid, Phase: PhaseOpen, Received: 400, Due: 600}, ""},
		{"partially paid comes before processing", Open, []Payment{paid(400), pending}, Standing{Status: PartiallyPaid, Phase: PhaseOpen, Received: 400, Due: 600}, ""},
		{"paid", Open, []Payment{paid(1000)}, Standing{Status: Paid, Phase: PhasePaid, Received: 1000}, ""},
		{"paid after an attempt that failed later", Open, []Payment{paid(1000), failed}, Standing{Status: Paid, Phase: PhasePaid, Received: 1000}, ""},
		{"paid in two parts", Open, []Payment{paid(400), paid(600)}, Standing{Status: Paid, Phase: PhasePaid, Received: 1000}, ""},
		{"paid though written off", Uncollectible, []Payment{paid(1000)}, Standing{Status: Paid, Phase: PhasePaid, Received: 1000}, ""},
		{"paid twice", Open, []Payment{paid(1000), paid(1000)}, Standing{Status: Paid, Phase: PhasePaid, Received: 2000}, "overpaid"},
		{"paid after void", Void, []Payment{paid(1000)}, Standing{Status: Paid, Phase: PhasePaid, Received: 1000}, "paid_after_void"},
		{"paid in part after void waits for nothing", Void, []Payment{paid(400)}, Standing{Status: PartiallyPaid, Phase: PhaseClosed, Received: 400}, "paid_after_void"},
		{"processing after void waits for nothing", Void, []Payment{pending}, Standing{Status: Processing, Phase: PhaseClosed}, ""},
		{"paid in part and written off waits for nothing", Uncollectible, []Payment{paid(400)}, Standing{Status: PartiallyPaid, Phase: PhaseClosed, Received: 400, Due: 600}, ""},

		{"a refund reopens nothing", Open, []Payment{paid(1000, refunded(300))}, Standing{Status: PartiallyRefunded, Phase: PhasePaid, Received: 1000, Refunded: 300}, ""},
		{"a whole refund reopens nothing", Open, []Payment{paid(1000, refunded(1000))}, Standing{Status: Refunded, Phase: PhasePaid, Received: 1000, Refunded: 1000}, ""},
		{"paid in part, and a part of that refunded", Open, []Payment{paid(400, refunded(100))}, Standing{Status: PartiallyPaid, Phase: PhaseOpen, Received: 400, Refunded: 100, Due: 600}, ""},
		{"paid in part, and all of that refunded", Open, []Payment{paid(400, refunded(400))}, Standing{Status: Refunded, Phase: PhaseOpen, Received: 400, Refunded: 400, Due: 600}, ""},
		{"paid in part, all of that refunded, and written off", Uncollectible, []Payment{paid(400, refunded(400))}, Standing{Status: Refunded, Phase: PhasePaid, Received: 400, Refunded: 400, Due: 600}, ""},
		{"paid in part after void, and all of that refunded", Void, []Payment{paid(400, refunded(400))}, Standing{Status: Refunded, Phase: PhasePaid, Received: 400, Refunded: 400}, "paid_after_void"},
		{"one half refunded and still owed, the other refunded", Open, []Payment{paid(500, owed(500)), paid(500, refunded(500))}, Standing{Status: Refunded, Phase: PhaseOpen, Received: 500, Refunded: 500, Due: 500}, ""},
		{"one of two payments refunded", Open, []Payment{paid(1000), paid(1000, refunded(1000))}, Standing{Status: PartiallyRefunded, Phase: PhasePaid, Received: 2000, Refunded: 1000}, "overpaid"},
		{"a refund that is still owed makes it due again", Open, []Payment{paid(1000, owed(300))}, Standing{Status: PartiallyPaid, Phase: PhaseOpen, Received: 700, Due: 300}, ""},
		{"all given back and still owed is open", Open, []Payment{paid(1000, owed(1000))}, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, ""},
		{"still owed, and paid again", Open, []Payment{paid(1000, owed(1000)), paid(1000)}, Standing{Status: Paid, Phase: PhasePaid, Received: 1000}, ""},
		{"a refund that comes before its payment changes nothing", Open, []Payment{{Currency: "eur", Status: Incomplete, Refunded: 300}}, Standing{Status: Open, Phase: PhaseOpen, Refunded: 300, Due: 1000}, ""},
		{"a refund still owed that comes before its payment makes no more due than the whole", Open, []Payment{{Currency: "eur", Status: Incomplete, StillOwed: 300}}, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, ""},

		{"a lost dispute makes it due again, and the word is charged back", Open, []Payment{paid(1000, lost(1000))}, Standing{Status: ChargedBack, Phase: PhaseOpen, Received: 1000, Due: 1000}, ""},
		{"lost in part: due again, and the word stays paid", Open, []Payment{paid(1000, lost(400))}, Standing{Status: Paid, Phase: PhaseOpen, Received: 1000, Due: 400}, "dispute_lost"},
		{"lost, and paid again", Open, []Payment{paid(1000, lost(1000)), paid(1000)}, Standing{Status: Paid, Phase: PhasePaid, Received: 2000}, "dispute_lost overpaid"},
		{"charged back comes before refunded", Open, []Payment{paid(1000, refunded(600), lost(400))}, Standing{Status: ChargedBack, Phase: PhaseOpen, Received: 1000, Refunded: 600, Due: 400}, ""},
		{"lost after void is not due", Void, []Payment{paid(1000, lost(1000))}, Standing{Status: ChargedBack, Phase: PhaseClosed, Received: 1000}, "paid_after_void"},
		{"a dispute lost before its payment is known makes no more due than the whole", Open, []Payment{{Currency: "eur", Status: Incomplete, Lost: 400}}, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, "dispute_lost"},

		{"another currency is no payment of this invoice", Open, []Payment{dollars}, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, "currency_mismatch"},
		{"another mode is no payment of this invoice", Open, []Payment{live}, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, "currency_mismatch"},
		{"another currency under way is no payment of this invoice", Open, []Payment{{Currency: "usd", Status: Processing, Processing: true}}, Standing{Status: Open, Phase: PhaseOpen, Due: 1000}, "currency_mismatch"},
		{"another currency beside the right one", Open, []Payment{dollars, paid(1000)}, Standing{Status: Paid, Phase: PhasePaid, Received: 1000}, "currency_mismatch"},
		{"what a payment says is said of the invoice", Open, []Payment{paid(1000, func(p *Payment) {
			p.DisputeOpen, p.RefundPending, p.RefundFailed, p.NeedsSync = true, true, true, true
		})}, Standing{Status: Paid, Phase: PhasePaid, Received: 1000}, "dispute_open needs_sync refund_failed refund_pending"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // the other way round the second time
				got := StandingOf(InvoiceFacts{Decided: tt.decided, Currency: "eur", Total: 1000, Payments: tt.payments})
				if flags := strings.Join(got.Flags, " "); flags != tt.flags {
					t.Errorf("flags %q, want %q", flags, tt.flags)
				}
				got.Flags = nil
				if got.Status != tt.want.Status || got.Phase != tt.want.Phase || got.Received != tt.want.Received || got.Refunded != tt.want.Refunded || got.Due != tt.want.Due {
					t.Errorf("got  %+v\nwant %+v", got, tt.want)
				}
				tt.payments = slices.Clone(tt.payments)
				slices.Reverse(tt.payments)
			}
		})
	}
}

func TestStandingOfWhatWasCredited(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		total, credited int64
		gross           int64
		status          Status
		due             int64
		flags           string
	}{
		{"credited in part", 1000, 300, 0, Open, 700, ""},
		{"credited in part and paid", 1000, 300, 700, Paid, 0, ""},
		{"wholly credited reads paid", 1000, 1000, 0, Paid, 0, ""},
		{"over nothing reads paid", 0, 0, 0, Paid, 0, ""},
		{"paid, then credited", 1000, 300, 1000, Paid, 0, "overpaid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := InvoiceFacts{Decided: Open, Currency: "eur", Total: tt.total, Credited: tt.credited}
			if tt.gross > 0 {
				f.Payments = []Payment{{Currency: "eur", Gross: tt.gross, Status: Succeeded}}
			}
			got := StandingOf(f)
			if got.Status != tt.status || got.Due != tt.due || strings.Join(got.Flags, " ") != tt.flags {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestFinal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status Status
		phase  Phase
		flags  []string
		want   bool
	}{
		{Draft, PhaseDraft, nil, false},
		{Open, PhaseOpen, nil, false},
		{PartiallyPaid, PhaseOpen, nil, false},
		{Processing, PhaseOpen, nil, false},
		{Processing, PhaseClosed, nil, false}, // money is on its way to a void invoice
		{Paid, PhasePaid, nil, true},
		{Paid, PhasePaid, []string{FlagOverpaid}, true},
		{Paid, PhasePaid, []string{FlagDisputeOpen}, false},
		{Paid, PhasePaid, []string{FlagNeedsSync}, false},
		{PartiallyRefunded, PhasePaid, []string{FlagRefundPending}, false},
		{PartiallyRefunded, PhasePaid, nil, true},
		{Refunded, PhasePaid, nil, true},
		{ChargedBack, PhaseClosed, nil, true},
		{Void, PhaseClosed, nil, true},
		{Uncollectible, PhaseClosed, nil, true},
	} {
		if got := (Standing{Status: tt.status, Phase: tt.phase, Flags: tt.flags}).Final(); got != tt.want {
			t.Errorf("%s %v is final: %v, want %v", tt.status, tt.flags, got, tt.want)
		}
	}
}
