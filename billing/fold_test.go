package billing

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// telling is what one event says: one fact, and of which payment intent it is.
type telling struct {
	intent string
	fact   any // Session, Intent, Charge, Refund, Dispute or Alert
}

// history is what happened to one invoice, told in the order in which it happened.
type history struct {
	decided Status
	total   int64
	told    []telling
	// What came of it at last, counted while it happened and not by the code under test.
	gross, refunded, stillOwed, lost int64
	mismatch, warned, inReview       bool
}

// drawHistory makes up to three payments: declined, delayed, paid in full, in part or in another
// currency, doubted (a warning, a review), refunded (some of it failing, some still owed), disputed,
// disputed again after an inquiry, and decided anew.
func drawHistory(t *rapid.T) history {
	h := history{
		decided: rapid.SampledFrom([]Status{Open, Open, Open, Void, Uncollectible}).Draw(t, "decided"),
		total:   rapid.Int64Range(1, 2000).Draw(t, "total"),
	}
	now := int64(1_000)
	tick := func() int64 { now += rapid.Int64Range(0, 2).Draw(t, "tick"); return now } // Stripe's seconds: many things at once
	for n := range rapid.IntRange(1, 3).Draw(t, "payments") {
		id := fmt.Sprintf("pi_%d", n)
		tell := func(facts ...any) {
			for _, f := range facts {
				h.told = append(h.told, telling{id, f})
			}
		}
		currency := rapid.SampledFrom([]string{"eur", "eur", "eur", "eur", "eur", "usd"}).Draw(t, "currency")
		ours := currency == "eur"
		amount := h.total
		if rapid.Bool().Draw(t, "another amount") {
			amount = rapid.Int64Range(1, 2000).Draw(t, "amount")
		}
		session := Session{ID: "cs_" + id, LinkID: "plink_1", Amount: amount, Currency: currency, Rank: SessionOpen}
		tell(session, Intent{ID: id, Currency: currency, InvoiceHint: "inv_1"})
		session.IntentID = id
		for k := range rapid.IntRange(0, 2).Draw(t, "declines") {
			tell(Charge{ID: fmt.Sprintf("ch_%s_%d", id, k), IntentID: id, Rank: ChargeFailed, Amount: amount, Currency: currency, CreatedAt: tick(), FailureCode: "card_declined"})
		}
		charge := Charge{ID: "ch_" + id, IntentID: id, Rank: ChargePending, Amount: amount, Currency: currency, CreatedAt: tick(), Method: "card"}
		if rapid.Bool().Draw(t, "delayed") {
			session.Rank = SessionCompleteUnpaid
			tell(charge, session)
		}
		switch rapid.SampledFrom([]string{"paid", "paid", "paid", "failed", "abandoned"}).Draw(t, "outcome") {
		case "failed":
			charge.Rank, session.Rank = ChargeFailed, SessionAsyncFailed
			tell(charge, session)
			continue
		case "abandoned":
			if session.Rank == SessionOpen {
				session.Rank = SessionExpired
				tell(session)
			} else {
				h.mismatch = h.mismatch || !ours // it is still processing
			}
			continue
		}
		charge.Rank, charge.Captured, charge.PaidAt = ChargeSucceeded, amount, tick()
		session.Rank, session.PaidAt = SessionPaid, charge.PaidAt
		// Any one of the three is enough, should the others be lost.
		told := []any{charge, session, Intent{ID: id, Currency: currency, Provisional: amount, PaidAt: charge.PaidAt}}
		tell(told[rapid.IntRange(0, 2).Draw(t, "surely told")])
		for _, fact := range told {
			if rapid.IntRange(0, 3).Draw(t, "told") > 0 {
				tell(fact)
			}
		}
		count := func(sum *int64, amount int64) {
			if ours {
				*sum += amount
			}
		}
		count(&h.gross, amount)
		h.mismatch = h.mismatch || !ours

		warned := rapid.IntRange(0, 3).Draw(t, "warned") == 0
		warning := Alert{ID: "issfr_" + id, Kind: AlertFraudWarning, ChargeID: charge.ID, IntentID: id, Reason: "made_with_stolen_card", CreatedAt: tick()}
		if warned {
			tell(warning)
		}
		if rapid.IntRange(0, 3).Draw(t, "reviewed") == 0 {
			review := Alert{ID: "prv_" + id, Kind: AlertReview, ChargeID: charge.ID, IntentID: id, Reason: "rule", CreatedAt: tick()}
			tell(review)
			if rapid.Bool().Draw(t, "review ends") {
				review.Closed, review.ClosedReason = true, "approved"
				tell(review)
			}
			h.inReview = h.inReview || ours && !review.Closed
		}
		left := amount
		for k := 0; left > 0 && k < rapid.IntRange(0, 3).Draw(t, "refunds"); k++ {
			refund := Refund{
				ID: fmt.Sprintf("re_%s_%d", id, k), ChargeID: charge.ID, IntentID: id, Currency: currency, CreatedAt: tick(), Rank: RefundPending,
				Amount: rapid.Int64Range(1, left).Draw(t, "refund"), StillOwed: rapid.Bool().Draw(t, "still owed"),
			}
			tell(refund)
			charge.RefundHint, charge.RefundHintAt = charge.RefundHint+refund.Amount, tick()
			tell(charge)
			fails := rapid.IntRange(0, 3).Draw(t, "fails") == 0
			if rapid.Bool().Draw(t, "succeeds") {
				refund.Rank = RefundSucceeded
				tell(refund)
			}
			switch {
			case fails:
				refund.Rank, refund.FailureReason = RefundFailed, "lost_or_stolen_card"
				charge.RefundHint, charge.RefundHintAt = charge.RefundHint-refund.Amount, tick()
				tell(refund, charge)
			case refund.StillOwed:
				left -= refund.Amount
				count(&h.stillOwed, refund.Amount)
			default:
				left -= refund.Amount
				count(&h.refunded, refund.Amount)
			}
		}
		disputed := left > 0 && rapid.Bool().Draw(t, "disputed")
		if disputed {
			dispute := Dispute{ID: "dp_" + id, ChargeID: charge.ID, IntentID: id, Currency: currency, CreatedAt: tick(), Amount: rapid.Int64Range(1, left).Draw(t, "dispute")}
			steps := rapid.SampledFrom([][]Rank{
				{DisputeWarningNeedsResponse}, {DisputeWarningNeedsResponse, DisputeWarningUnderReview, DisputeWarningClosed},
				{DisputeNeedsResponse}, {DisputeNeedsResponse, DisputeUnderReview},
				{DisputeWarningNeedsResponse, DisputeNeedsResponse, DisputeUnderReview, DisputeWon},
				{DisputeNeedsResponse, DisputeLost}, {DisputeNeedsResponse, DisputeUnderReview, DisputeWon, DisputeLost},
				{DisputeNeedsResponse, DisputeUnderReview, DisputeLost, DisputeWon}, {DisputeNeedsResponse, DisputeWon, DisputeLost, DisputeWon},
			}).Draw(t, "dispute's way")
			for _, dispute.Rank = range steps {
				told := dispute // before its money moved
				switch {
				case dispute.Rank == DisputeNeedsResponse, dispute.Rank == DisputeLost && dispute.Reinstated > 0:
					dispute.Withdrawn, dispute.Fee = dispute.Withdrawn+dispute.Amount, 1500
				case dispute.Rank == DisputeUnderReview:
					dispute.Submissions++
				case dispute.Rank == DisputeWon:
					dispute.Reinstated += dispute.Amount
				}
				if dispute.Decided() {
					now++
					dispute.RankAt, told.RankAt = now, now
				}
				tell(told, dispute)
			}
			if dispute.Rank == DisputeLost {
				count(&h.lost, dispute.Amount)
			}
		}
		if warned && (disputed || left == 0) {
			warning.Closed = true
			if rapid.Bool().Draw(t, "warning ends") { // it may be that nobody says so
				tell(warning)
			}
		}
		h.warned = h.warned || ours && warned && !warning.Closed
	}
	return h
}

// merges are the six ways to merge; the tests of the tests put worse ones in.
type merges struct {
	session func(a, b Session) Session
	intent  func(a, b Intent) Intent
	charge  func(a, b Charge) Charge
	refund  func(a, b Refund) Refund
	dispute func(a, b Dispute) Dispute
	alert   func(a, b Alert) Alert
}

var proper = merges{MergeSession, MergeIntent, MergeCharge, MergeRefund, MergeDispute, MergeAlert}

// result is what a fold of tellings comes to.
type result struct {
	Payments map[string]Payment
	Disputes map[string]Dispute
	Standing Standing
}

// fold applies tellings in the order given, as the database does: each is merged into what is
// stored, then everything is computed again.
func (h history) fold(told []telling, m merges) result {
	sessions, intents, charges := map[string]Session{}, map[string]Intent{}, map[string]Charge{}
	refunds, disputes, alerts := map[string]Refund{}, map[string]Dispute{}, map[string]Alert{}
	var order []string
	for _, x := range told {
		if _, ok := intents[x.intent]; !ok {
			intents[x.intent] = Intent{ID: x.intent}
			order = append(order, x.intent)
		}
		switch f := x.fact.(type) {
		case Session:
			put(sessions, f.ID, f, m.session)
		case Intent:
			put(intents, f.ID, f, m.intent)
		case Charge:
			put(charges, f.ID, f, m.charge)
		case Refund:
			put(refunds, f.ID, f, m.refund)
		case Dispute:
			put(disputes, f.ID, f, m.dispute)
		case Alert:
			put(alerts, f.ID, f, m.alert)
		}
	}
	r := result{Payments: map[string]Payment{}, Disputes: disputes}
	facts := InvoiceFacts{Decided: h.decided, Currency: "eur", Total: h.total}
	for _, id := range order { // of arrival
		f := PaymentFacts{Intent: intents[id]}
		// Maps give their elements in any order, which must not matter either.
		f.Sessions = slices.Collect(filter(maps.Values(sessions), func(s Session) bool { return s.IntentID == id }))
		f.Charges = slices.Collect(filter(maps.Values(charges), func(c Charge) bool { return c.IntentID == id }))
		f.Refunds = slices.Collect(filter(maps.Values(refunds), func(r Refund) bool { return r.IntentID == id }))
		f.Disputes = slices.Collect(filter(maps.Values(disputes), func(d Dispute) bool { return d.IntentID == id }))
		f.Alerts = slices.Collect(filter(maps.Values(alerts), func(a Alert) bool { return a.IntentID == id }))
		r.Payments[id] = PaymentOf(f)
		facts.Payments = append(facts.Payments, r.Payments[id])
	}
	r.Standing = StandingOf(facts)
	return r
}

func put[T any](stored map[string]T, id string, said T, merge func(a, b T) T) {
	if was, ok := stored[id]; ok {
		said = merge(was, said)
	}
	stored[id] = said
}

func filter[T any](seq func(func(T) bool), keep func(T) bool) func(func(T) bool) {
	return func(yield func(T) bool) {
		for x := range seq {
			if keep(x) && !yield(x) {
				return
			}
		}
	}
}

// shuffled is the tellings in a random order, some of them several times.
func (h history) shuffled(rnd *rand.Rand) []telling {
	told := slices.Clone(h.told)
	for range rnd.IntN(10) {
		told = append(told, h.told[rnd.IntN(len(h.told))])
	}
	rnd.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
	return told
}

// 100,000 deliveries of random histories: a thousand orders, with duplicates, of each of a
// hundred histories.
func TestOrderAndNumberOfDeliveriesDoNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		want := h.fold(h.told, proper)
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range 1000 {
			told := h.shuffled(rnd)
			if got := h.fold(told, proper); !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %+v\nwant %+v\nfor %+v", got, want, told)
			}
		}
	})
}

// Had a fold one of the usual bugs, the test above would find it.
func TestTheUsualBugsOfAFoldAreFound(t *testing.T) {
	t.Parallel()
	for name, planted := range map[string]func(*merges){
		"the last telling of a session wins": func(m *merges) { m.session = func(_, b Session) Session { return b } },
		"the last telling of an intent wins": func(m *merges) { m.intent = func(_, b Intent) Intent { return b } },
		"the last telling of a charge wins":  func(m *merges) { m.charge = func(_, b Charge) Charge { return b } },
		"the last telling of a refund wins":  func(m *merges) { m.refund = func(_, b Refund) Refund { return b } },
		"the last telling of a dispute wins": func(m *merges) { m.dispute = func(_, b Dispute) Dispute { return b } },
		"the last telling of an alert wins":  func(m *merges) { m.alert = func(_, b Alert) Alert { return b } },
		"a dispute once lost stays lost, and once won can be lost": func(m *merges) {
			m.dispute = func(a, b Dispute) Dispute {
				d := MergeDispute(a, b)
				if d.Decided() && a.Decided() {
					d.Rank = b.Rank // in the order of arrival
				}
				return d
			}
		},
		"the latest sum withdrawn wins": func(m *merges) {
			m.dispute = func(a, b Dispute) Dispute {
				d := MergeDispute(a, b)
				d.Withdrawn, d.Reinstated = b.Withdrawn, b.Reinstated
				return d
			}
		},
		"refunds told twice add up": func(m *merges) {
			m.refund = func(a, b Refund) Refund { b.Amount += a.Amount; return b }
		},
		"received money told twice adds up": func(m *merges) {
			m.intent = func(a, b Intent) Intent { b.Provisional += a.Provisional; return b }
		},
		"the first telling of a charge stays": func(m *merges) { m.charge = func(a, _ Charge) Charge { return a } },
		"the hint that came last wins": func(m *merges) {
			m.charge = func(a, b Charge) Charge {
				c := MergeCharge(a, b)
				c.RefundHint, c.RefundHintAt = b.RefundHint, b.RefundHintAt
				return c
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := proper
			planted(&m)
			for seed := range 400 {
				h := rapid.Custom(drawHistory).Example(seed)
				want := h.fold(h.told, m)
				rnd := rand.New(rand.NewPCG(uint64(seed), 1))
				for range 20 {
					if !reflect.DeepEqual(h.fold(h.shuffled(rnd), m), want) {
						return
					}
				}
			}
			t.Error("not found")
		})
	}
}

// Reading every object again at the end tells the same as all the events did on the way.
func TestEventsAndReadingAgainAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		last := map[string]telling{}
		var ids []string
		for _, x := range h.told {
			id := reflect.ValueOf(x.fact).FieldByName("ID").String()
			if _, ok := last[id]; !ok {
				ids = append(ids, id)
			}
			last[id] = x
		}
		var read []telling
		for _, id := range ids {
			read = append(read, last[id])
		}
		events, again := h.fold(h.told, proper), h.fold(read, proper)
		for _, r := range []result{events, again} {
			for id, p := range r.Payments { // of two hints of one second the larger is kept: it is only a hint
				p.Charge.RefundHint, p.Charge.RefundHintAt = 0, 0
				r.Payments[id] = p
			}
		}
		if !reflect.DeepEqual(events, again) {
			t.Fatalf("events:     %+v\nread again: %+v", events, again)
		}
	})
}

// The sums of every invoice are those of what happened, and the rules about money hold for
// every part of a history, in whatever order it comes.
func TestMoneyOfAHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		s := h.fold(h.told, proper).Standing
		kept := h.gross - h.stillOwed
		if s.Received != kept || s.Refunded != h.refunded {
			t.Fatalf("received %d, want %d; refunded %d, want %d", s.Received, kept, s.Refunded, h.refunded)
		}
		due := max(0, h.total-(kept-h.lost))
		if h.decided == Void {
			due = 0
		}
		if s.Due != due {
			t.Fatalf("due %d, want %d", s.Due, due)
		}
		if got, want := slices.Contains(s.Flags, FlagOverpaid), h.decided != Void && kept > h.total; got != want {
			t.Fatalf("overpaid: %v, want %v", got, want)
		}
		if got, want := slices.Contains(s.Flags, FlagPaidAfterVoid), h.decided == Void && kept > 0; got != want {
			t.Fatalf("paid after void: %v, want %v", got, want)
		}
		for name, want := range map[string]bool{FlagCurrencyMismatch: h.mismatch, FlagFraudWarning: h.warned, FlagInReview: h.inReview} {
			if slices.Contains(s.Flags, name) != want {
				t.Fatalf("%s: %v, want %v", name, !want, want)
			}
		}
		if kept > 0 && (s.Status == Open || s.Status == Void || s.Status == Uncollectible || s.Status == Processing) {
			t.Fatalf("%d received, and the status is %s", kept, s.Status)
		}

		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		told := h.shuffled(rnd)
		for n := range told {
			r := h.fold(told[:n+1], proper)
			s := r.Standing
			if s.Due < 0 || s.Due > h.total || s.Received < 0 || s.Received > h.gross || s.Refunded < 0 {
				t.Fatalf("after %d tellings: %+v", n+1, r)
			}
			for id, p := range r.Payments {
				if p.Gross < 0 || p.Currency == "eur" && p.Gross > h.gross || p.Processing && p.Gross > 0 {
					t.Fatalf("after %d tellings, payment %s: %+v", n+1, id, p)
				}
			}
			// A refund that is settled reopens nothing.
			if without := h.fold(settledRefundsLeftOut(told[:n+1]), proper).Standing; without.Due != s.Due {
				t.Fatalf("refunds changed what is due from %d to %d", without.Due, s.Due)
			}
		}
	})
}

func settledRefundsLeftOut(told []telling) (rest []telling) {
	for _, x := range told {
		if r, ok := x.fact.(Refund); ok && !r.StillOwed {
			continue
		}
		rest = append(rest, x)
	}
	return rest
}
