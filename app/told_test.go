package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76/webhook"

	"trak/app"
	"trak/billing"
	"trak/db"
)

// object is one of Stripe's, as a test wants it.
type object map[string]any

func (o object) with(key string, value any) object {
	o = maps.Clone(o)
	o[key] = value
	return o
}

// toldWorld takes events that a test signs itself.
func toldWorld(t *testing.T, own bool) (w *world, account string) {
	t.Helper()
	w = bareWorld(t, own)
	w.secrets = []string{hookSecret}
	w.begin()
	return w, w.connect()
}

// signed is a delivery of an event about an object; change changes what is around it.
func (w *world) signed(account, typ string, o object, change ...func(map[string]any)) error {
	w.t.Helper()
	e := map[string]any{
		"id": "evt_" + uuid.NewString(), "object": "event", "type": typ, "api_version": "2023-10-16", "livemode": false,
		"created": w.clock.now().Unix(), "data": map[string]any{"object": o},
	}
	if !w.own {
		e["account"] = account
	}
	for _, c := range change {
		c(e)
	}
	body, err := json.Marshal(e)
	must(w.t, err)
	header := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: hookSecret, Timestamp: w.clock.now()}).Header
	return w.app.ReceiveWebhook(context.Background(), body, header)
}

// payment is what Stripe has of a payment through an invoice's link.
type payment struct{ session, intent, charge object }

func (w *world) paymentOf(inv db.Invoice, id, currency string, amount int64) payment {
	w.t.Helper()
	w.ends(inv.ID, "active")
	link := ask[string](w, "SELECT stripe_link_id FROM payment_links WHERE invoice_id = ? AND state = 'active'", inv.ID)
	return payment{
		session: object{
			"id": "cs_test_" + id, "object": "checkout.session", "status": "complete", "payment_status": "paid", "payment_link": link,
			"payment_intent": "pi_" + id, "amount_total": amount, "currency": currency, "livemode": false,
		},
		intent: object{"id": "pi_" + id, "object": "payment_intent", "status": "succeeded", "amount": amount, "amount_received": amount, "currency": currency, "latest_charge": "ch_" + id},
		charge: object{
			"id": "ch_" + id, "object": "charge", "status": "succeeded", "payment_intent": "pi_" + id, "amount": amount, "amount_captured": amount,
			"amount_refunded": 0, "currency": currency, "created": w.clock.now().Unix(), "payment_method_details": object{"type": "card"},
		},
	}
}

func (p payment) claim(kind, id string, more object) object {
	o := object{"id": id, "object": kind, "charge": nil, "payment_intent": p.intent["id"], "currency": p.intent["currency"], "amount": p.intent["amount"], "created": p.charge["created"]}
	maps.Copy(o, more)
	return o
}

// inAnyOrder tells of each object, some of them twice, in a random order.
func (w *world) inAnyOrder(account string, list ...object) {
	w.t.Helper()
	list = append(slices.Clone(list), list[rand.IntN(len(list))])
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	var order []string
	for _, o := range list {
		order = append(order, o["id"].(string))
		must(w.t, w.signed(account, o["object"].(string)+".told", o))
	}
	w.t.Logf("told: %s", strings.Join(order, " "))
}

// Stripe may name the payment intent of a claim and leave its charge out.
func TestClaimsThatNameNoCharge(t *testing.T) {
	t.Parallel()
	w, account := toldWorld(t, false)
	for name, tt := range map[string]struct {
		claim func(payment) object
		want  billing.Standing
	}{
		"a review": {
			func(p payment) object {
				return p.claim("review", "prv_1", object{"open": true, "opened_reason": "rule"})
			},
			billing.Standing{Status: billing.Paid, Received: 10000, Flags: []string{billing.FlagInReview}},
		},
		"a warning": {
			func(p payment) object {
				return p.claim("radar.early_fraud_warning", "issfr_1", object{"actionable": true, "fraud_type": "misc"})
			},
			billing.Standing{Status: billing.Paid, Received: 10000, Flags: []string{billing.FlagFraudWarning}},
		},
		"a refund": {
			func(p payment) object {
				return p.claim("refund", "re_1", object{"status": "succeeded", "amount": 4000})
			},
			billing.Standing{Status: billing.PartiallyRefunded, Received: 10000, Refunded: 4000},
		},
		"a dispute": {
			func(p payment) object {
				return p.claim("dispute", "dp_1", object{"status": "lost", "reason": "fraudulent"})
			},
			billing.Standing{Status: billing.ChargedBack, Received: 10000, Due: 10000},
		},
	} {
		inv := w.invoice("100")
		id := strings.ReplaceAll(name, " ", "")
		p := w.paymentOf(inv, id, "eur", 10000)
		claim := tt.claim(p).with("id", "x_"+id)
		w.inAnyOrder(account, p.session, p.intent, p.charge, claim)
		got := w.detail(inv.ID).Standing
		if got.Status != tt.want.Status || got.Received != tt.want.Received || got.Refunded != tt.want.Refunded || got.Due != tt.want.Due || !slices.Equal(got.Flags, tt.want.Flags) {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
		if claim["object"] == "review" { // and once its charge is told, it counts once
			must(t, w.signed(account, "review.closed", claim.with("charge", p.charge["id"]).with("open", false)))
			if s := w.detail(inv.ID).Standing; len(s.Flags) != 0 {
				t.Errorf("%s that has ended: %+v", name, s)
			}
		}
	}
	// What concerns one payment says nothing of another, although neither has a charge.
	list, err := w.app.Attention(t.Context(), w.owner, false)
	must(t, err)
	if len(list) != 1 || list[0].Kind != app.AttentionWarning || list[0].Object != "x_awarning" {
		t.Errorf("attention %+v", list)
	}
	w.verified()
}

// What is paid in another currency than the invoice's is no payment of it, and somebody is told.
func TestPaidInAnotherCurrency(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		w, account := toldWorld(t, own)
		inv := w.invoice("100")
		p := w.paymentOf(inv, "usd", "usd", 10000)
		w.inAnyOrder(account, p.session, p.intent, p.charge)
		d := w.detail(inv.ID)
		if d.Standing.Status != billing.Open || d.Standing.Received != 0 || d.Standing.Due != 10000 || !slices.Equal(d.Standing.Flags, []string{billing.FlagCurrencyMismatch}) {
			t.Errorf("own %v: %+v", own, d.Standing)
		}
		if len(d.Payments) != 1 || d.Payments[0].Gross != 10000 || d.Payments[0].Currency != "usd" {
			t.Errorf("own %v: payments %+v", own, d.Payments)
		}
		list, err := w.app.Attention(t.Context(), w.owner, false)
		must(t, err)
		if len(list) != 1 || list[0].Kind != app.AttentionMismatch || list[0].Minor != 10000 || list[0].Currency != "usd" || list[0].InvoiceID != inv.ID {
			t.Errorf("own %v: attention %+v", own, list)
		}
		refund := p.claim("refund", "re_usd", object{"status": "succeeded", "charge": p.charge["id"]})
		w.inAnyOrder(account, refund)
		if list, err = w.app.Attention(t.Context(), w.owner, false); err != nil || len(list) != 0 {
			t.Errorf("own %v: attention after the refund %+v, %v", own, list, err)
		}
		if s := w.detail(inv.ID).Standing; s.Received != 0 || s.Refunded != 0 || s.Due != 10000 {
			t.Errorf("own %v: after the refund %+v", own, s)
		}
		w.verified()
	}
}

// A part that is recorded by hand while a bank debit for the whole is under way: both count, and what
// is too much is said.
func TestPartByHandWhileADebitIsUnderWay(t *testing.T) {
	t.Parallel()
	w, account := toldWorld(t, false)
	inv := w.invoice("100")
	p := w.paymentOf(inv, "debit", "eur", 10000)
	must(t, w.signed(account, "checkout.session.completed", p.session.with("payment_status", "unpaid")))
	w.stands(inv.ID, billing.Processing, 0, 10000)
	w.record(inv.ID, w.byTransfer("40"))
	w.stands(inv.ID, billing.PartiallyPaid, 4000, 6000)
	w.inAnyOrder(account, p.session, p.intent, p.charge)
	w.stands(inv.ID, billing.Paid, 14000, 0)
	if s := w.detail(inv.ID).Standing; !slices.Equal(s.Flags, []string{billing.FlagOverpaid}) {
		t.Errorf("flags %v", s.Flags)
	}
	list, err := w.app.Attention(t.Context(), w.owner, false)
	must(t, err)
	if len(list) != 1 || list[0].Kind != app.AttentionOverpaid || list[0].Minor != 4000 || list[0].PaymentID == "" {
		t.Errorf("attention %+v", list)
	}
	w.until("no link for more is open", func() bool { return len(w.openAt(account)) == 0 })
	w.verified()
}

// Less is captured than was authorised: Stripe lets go of the rest by a refund of nothing that came.
func TestCapturedInPart(t *testing.T) {
	t.Parallel()
	w, account := toldWorld(t, false)
	inv := w.invoice("60")
	p := w.paymentOf(inv, "part", "eur", 10000)
	authorised := p.charge.with("amount_captured", 0).with("captured", false)
	captured := p.charge.with("amount_captured", 6000).with("amount_refunded", 4000)
	w.inAnyOrder(account, authorised, captured, p.intent.with("amount_received", 6000), p.session.with("amount_total", 6000),
		p.claim("refund", "re_release", object{"status": "succeeded", "amount": 4000, "charge": p.charge["id"]}))
	if s := w.detail(inv.ID).Standing; s.Status != billing.Paid || s.Received != 6000 || s.Refunded != 0 || len(s.Flags) != 0 {
		t.Errorf("%+v", s)
	}
	w.verified()
}

// API v2 tells events without their object, and writes times as text.
func TestEventsOfAPIv2(t *testing.T) {
	t.Parallel()
	w, account := toldWorld(t, false)
	must(t, w.signed(account, "v1.billing.meter.error_report_triggered", nil, func(e map[string]any) {
		delete(e, "data")
		delete(e, "api_version")
		delete(e, "account")
		e["object"], e["created"], e["context"] = "v2.core.event", "2026-11-24T10:00:00.000Z", account
		e["related_object"] = object{"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"}
	}))
	if got := ask[string](w, "SELECT state || ' ' || created FROM stripe_webhook_events WHERE type LIKE 'v1.%'"); got != fmt.Sprintf("ignored %d", time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC).UnixMicro()) {
		t.Error(got)
	}
}

// Of what is told in another version only the id is believed. When Stripe has no such object, the
// event says so.
func TestToldInAnotherVersionAndGone(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		w, account := toldWorld(t, own)
		inv := w.invoice("100")
		p := w.paymentOf(inv, "gone", "eur", 10000)
		must(t, w.signed(account, "charge.succeeded", p.charge, func(e map[string]any) { e["api_version"] = "2019-12-03" }))
		must(t, w.signed(account, "payment_intent.succeeded", p.intent))
		w.until("it is noted", func() bool {
			w.goOn()
			return strings.Contains(ask[string](w, "SELECT outcome FROM stripe_webhook_events WHERE type = 'charge.succeeded'"), "no such object")
		})
		if got := ask[string](w, "SELECT state || outcome FROM stripe_webhook_events WHERE type = 'payment_intent.succeeded'"); got != "applied" {
			t.Errorf("own %v: the other event is %s", own, got)
		}
		if n := ask[int](w, "SELECT count(*) FROM charges"); n != 0 {
			t.Errorf("own %v: %d charges", own, n)
		}
		w.verified()
	}
}

// In own mode nobody's access can be taken back.
func TestDeauthorizationInOwnMode(t *testing.T) {
	t.Parallel()
	w, account := toldWorld(t, true)
	must(t, w.signed(account, "account.application.deauthorized", object{"id": "ca_1", "object": "application"}))
	inv := w.invoice("10")
	w.ends(inv.ID, "active")
	if n := ask[int](w, "SELECT count(*) FROM stripe_connect_accounts WHERE deauthorized_at > 0"); n != 0 {
		t.Errorf("%d accounts are gone", n)
	}
}

// An inquiry that is told in another version is found, whether or not its charge counts it.
func TestInquiryInAnotherVersion(t *testing.T) {
	t.Parallel()
	w, account := toldWorld(t, false)
	inv, p := w.paid("100", "4000000000001976")
	w.until("the inquiry is known", func() bool { return ask[int](w, "SELECT count(*) FROM disputes") == 1 })
	id := ask[string](w, "SELECT dispute_id FROM disputes")
	w.exec("DELETE FROM disputes")
	b := w.through()
	b.on("GET /v1/charges", func(rw http.ResponseWriter, res *http.Response) {
		body, _ := io.ReadAll(res.Body)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write(bytes.ReplaceAll(body, []byte(`"disputed":true`), []byte(`"disputed":false`)))
	})
	must(t, w.signed(account, "charge.dispute.created", object{"id": id, "object": "dispute", "charge": p.ChargeID}, func(e map[string]any) { e["api_version"] = "2019-12-03" }))
	w.until("it is read", func() bool {
		w.goOn()
		return ask[int](w, "SELECT count(*) FROM disputes WHERE dispute_id = ?", id) == 1
	})
	if s := w.detail(inv.ID).Standing; !slices.Equal(s.Flags, []string{billing.FlagDisputeOpen}) {
		t.Errorf("%+v", s)
	}
	if n := b.times("GET /v1/disputes/" + id); n == 0 {
		t.Error("it was not read by itself")
	}
}
