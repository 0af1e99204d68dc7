package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"trak/sandbox"
)

// history is what happened at Stripe to one invoice.
type history struct {
	name     string
	currency string
	// happen makes it happen, with the address of the invoice's link and its id.
	happen func(in *inbox, link, id string)
	want   string // what Trak has to say in the end, see inbox.standing
	untold string // events with this in their type are never delivered
}

var histories = []history{
	{"a card pays", "eur", func(in *inbox, link, _ string) { in.pay(link, "4242424242424242") },
		"paid received 50000 due 0 payments 1", ""},
	{"a declined card, then another on the same intent", "eur", func(in *inbox, link, _ string) {
		session := in.open(link)
		in.submit(session, "4000000000000002")
		in.advance(5 * time.Second)
		in.submit(session, "4000000000009995")
		in.advance(5 * time.Second)
		in.submit(session, "4242424242424242")
	}, "paid received 50000 due 0 payments 1", ""},
	{"3-D Secure, failed and then passed", "eur", func(in *inbox, link, _ string) {
		session := in.open(link)
		for _, passed := range []bool{false, true} {
			in.submit(session, "4000002760003184")
			in.advance(5 * time.Second)
			_, err := in.sandbox.Authenticate(session, passed)
			must(in.t, err)
		}
	}, "paid received 50000 due 0 payments 1", ""},
	{"refunded in part, twice", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4242424242424242") })
		for _, amount := range []int64{12000, 500} {
			in.advance(time.Minute)
			in.refund(intent, amount)
		}
	}, "partially_refunded received 50000 due 0 payments 1", ""},
	{"refunded whole", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4242424242424242") })
		in.advance(time.Minute)
		in.refund(intent, 0)
	}, "refunded received 50000 due 0 payments 1", ""},
	{"refunded in part, and only the charge says so, without its refunds", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4242424242424242") })
		in.advance(time.Minute)
		in.refund(intent, 12000)
	}, "partially_refunded received 50000 due 0 payments 1", "refund."},
	{"a refund that fails after it succeeded", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4000000000005126") })
		in.refund(intent, 7000)
		in.advance(time.Hour)
		in.sandbox.SettleRefunds()
	}, "paid received 50000 due 0 payments 1 refund_failed", ""},
	{"a bank debit that settles", "usd", func(in *inbox, link, _ string) {
		in.pay(link, "000123456789")
		in.advance(time.Hour)
		in.sandbox.SettleBankDebits()
	}, "paid received 50000 due 0 payments 1", ""},
	{"a bank debit that fails, then a card through the next link", "usd", func(in *inbox, link, id string) {
		n := len(in.events(0))
		in.pay(link, "000222222227")
		in.advance(time.Hour)
		in.sandbox.SettleBankDebits()
		// Only once Trak knows is there another link.
		in.delivered(in.events(n)...)
		in.advance(time.Hour)
		in.pay(in.link(in.owner, id), "4242424242424242")
	}, "paid received 50000 due 0 payments 2", ""},
	{"two checkouts that were open at once", "eur", func(in *inbox, link, _ string) {
		defer in.answers(func(a *sandbox.Answers) { a.DeactivatedLinkClosesSessions, a.LimitHoldsAtCompletion = false, false })()
		one, two := in.open(link), in.open(link)
		in.submit(one, "4242424242424242")
		in.advance(time.Second)
		in.submit(two, "4242424242424242")
	}, "paid received 100000 due 0 payments 2 overpaid", ""},
	{"two checkouts that were open at once, of which Stripe lets one complete", "eur", func(in *inbox, link, _ string) {
		defer in.answers(func(a *sandbox.Answers) { a.LimitHoldsAtCompletion = true })()
		one, two := in.open(link), in.open(link)
		in.submit(one, "4242424242424242")
		in.advance(time.Second)
		if _, err := in.sandbox.Pay(two, sandbox.Card{Number: "4242424242424242"}); !errors.Is(err, sandbox.ErrClosed) {
			in.t.Errorf("the second: %v", err)
		}
	}, "paid received 50000 due 0 payments 1", ""},
	{"paid after it was voided", "eur", func(in *inbox, link, id string) {
		in.pay(link, "4242424242424242")
		must(in.t, in.app.VoidInvoice(context.Background(), in.owner, id))
	}, "paid received 50000 due 0 payments 1 paid_after_void", ""},
	{"paid after it was given up on", "eur", func(in *inbox, link, id string) {
		in.pay(link, "4242424242424242")
		must(in.t, in.app.MarkUncollectible(context.Background(), in.owner, id))
	}, "paid received 50000 due 0 payments 1", ""},
	{"a bank debit that fails after it was given up on", "usd", func(in *inbox, link, id string) {
		in.pay(link, "000222222227")
		must(in.t, in.app.MarkUncollectible(context.Background(), in.owner, id))
		in.advance(time.Hour)
		in.sandbox.SettleBankDebits()
	}, "uncollectible received 0 due 50000 payments 1", ""},
	{"given up on, reopened, then paid", "eur", func(in *inbox, link, id string) {
		must(in.t, in.app.MarkUncollectible(context.Background(), in.owner, id))
		must(in.t, in.app.ReopenInvoice(context.Background(), in.owner, id))
		in.pay(in.link(in.owner, id), "4242424242424242")
	}, "paid received 50000 due 0 payments 1", ""},
	{"a checkout that expired, then one that was paid", "eur", func(in *inbox, link, _ string) {
		session := in.open(link)
		in.submit(session, "4000000000000002")
		in.advance(25 * time.Hour)
		in.pay(link, "4242424242424242")
	}, "paid received 50000 due 0 payments 2", ""},
	{"a checkout that was declined, and expired", "eur", func(in *inbox, link, _ string) {
		in.submit(in.open(link), "4000000000000002")
		in.advance(25 * time.Hour)
		must(in.t, ignore(in.sandbox.Checkout(link))) // its time passes when somebody looks
	}, "open received 0 due 50000 payments 1 payment_failed", ""},
	{"a card pays, and the charge learns of its fee", "eur", func(in *inbox, link, _ string) {
		n := len(in.events(0))
		in.pay(link, "4242424242424242")
		in.sandbox.Emit(in.where(), "charge.updated", objectOf(ofType(in.t, in.events(n), "charge.succeeded")))
	}, "paid received 50000 due 0 payments 1", ""},
	{"a refund that failed, which the newest API says by another event", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4000000000005126") })
		in.refund(intent, 50000)
		in.advance(time.Hour)
		n := len(in.events(0))
		in.sandbox.SettleRefunds()
		in.sandbox.Emit(in.where(), "refund.failed", objectOf(ofType(in.t, in.events(n), "charge.refund.updated")))
	}, "paid received 50000 due 0 payments 1 refund_failed", ""},
	{"a refund that stays pending for days", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4000000000007726") })
		in.refund(intent, 20000)
		in.advance(72 * time.Hour)
		in.sandbox.SettleRefunds()
	}, "partially_refunded received 50000 due 0 payments 1", ""},
	{"a refund that was called off", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4000000000007726") })
		id := in.refund(intent, 20000)
		in.advance(time.Hour)
		in.call("/v1/refunds/" + id + "/cancel")
	}, "paid received 50000 due 0 payments 1 refund_failed", ""},
	{"two checkouts that were open at once, and the second was given back", "eur", func(in *inbox, link, _ string) {
		defer in.answers(func(a *sandbox.Answers) { a.DeactivatedLinkClosesSessions, a.LimitHoldsAtCompletion = false, false })()
		one, two := in.open(link), in.open(link)
		in.submit(one, "4242424242424242")
		in.advance(time.Second)
		in.refund(in.intent(func() { in.submit(two, "4242424242424242") }), 0)
	}, "partially_refunded received 100000 due 0 payments 2 overpaid", ""},
	{"disputed, and lost", "eur", func(in *inbox, link, _ string) {
		dispute := in.made("charge.dispute.created", func() { in.pay(link, "4000000000000259") })
		in.advance(48 * time.Hour)
		must(in.t, in.sandbox.CloseDispute(dispute, false))
	}, "charged_back received 50000 due 50000 payments 1", ""},
	{"disputed, answered and won", "eur", func(in *inbox, link, _ string) {
		dispute := in.made("charge.dispute.created", func() { in.pay(link, "4000000000002685") })
		in.advance(48 * time.Hour)
		in.call("/v1/disputes/"+dispute, "evidence[uncategorized_text]", "winning_evidence")
	}, "paid received 50000 due 0 payments 1", ""},
	{"an inquiry that was closed", "eur", func(in *inbox, link, _ string) {
		dispute := in.made("charge.dispute.created", func() { in.pay(link, "4000000000001976") })
		in.advance(48 * time.Hour)
		must(in.t, in.sandbox.CloseDispute(dispute, true))
	}, "paid received 50000 due 0 payments 1", ""},
	{"an inquiry that became a dispute, and was lost", "eur", func(in *inbox, link, _ string) {
		dispute := in.made("charge.dispute.created", func() { in.pay(link, "4000000000001976") })
		in.advance(48 * time.Hour)
		must(in.t, in.sandbox.EscalateInquiry(dispute))
		in.advance(48 * time.Hour)
		must(in.t, in.sandbox.CloseDispute(dispute, false))
	}, "charged_back received 50000 due 50000 payments 1", ""},
	{"refunded in part, and the rest disputed and lost", "eur", func(in *inbox, link, _ string) {
		charge := in.made("charge.succeeded", func() { in.pay(link, "4242424242424242") })
		in.refund(charge, 20000)
		in.advance(time.Hour)
		dispute, err := in.sandbox.Dispute(charge, "fraudulent", 30000)
		must(in.t, err)
		in.advance(time.Hour)
		must(in.t, in.sandbox.CloseDispute(dispute, false))
	}, "charged_back received 50000 due 30000 payments 1", ""},
	{"disputed twice, and lost in part", "eur", func(in *inbox, link, _ string) {
		n := len(in.events(0))
		in.pay(link, "4000000404000079")
		in.advance(time.Hour)
		for _, e := range in.events(n) {
			if typeOf(e) == "charge.dispute.created" {
				must(in.t, in.sandbox.CloseDispute(idOf(objectOf(e)), bytes.Contains(e, []byte(`"reason":"fraudulent"`))))
			}
		}
	}, "paid received 50000 due 25000 payments 1 dispute_lost", ""},
	{"warned of fraud", "eur", func(in *inbox, link, _ string) { in.pay(link, "4000000000005423") },
		"paid received 50000 due 0 payments 1 early_fraud_warning", ""},
	{"warned of fraud, and refunded in time", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4000000000005423") })
		in.advance(time.Hour)
		in.refund(intent, 0)
	}, "refunded received 50000 due 0 payments 1", ""},
	{"warned of fraud, and disputed, and won", "eur", func(in *inbox, link, _ string) {
		charge := in.made("charge.succeeded", func() { in.pay(link, "4000000000005423") })
		in.advance(time.Hour)
		dispute, err := in.sandbox.Dispute(charge, "fraudulent", 0)
		must(in.t, err)
		in.advance(time.Hour)
		must(in.t, in.sandbox.CloseDispute(dispute, true)) // an open one would be lost in time
	}, "paid received 50000 due 0 payments 1", ""},
	{"reviewed, and approved", "eur", func(in *inbox, link, _ string) {
		review := in.made("review.opened", func() { in.pay(link, "4000000000009235") })
		in.advance(time.Hour)
		must(in.t, in.sandbox.ApproveReview(review))
	}, "paid received 50000 due 0 payments 1", ""},
	{"reviewed, and refunded", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4000000000009235") })
		in.advance(time.Hour)
		in.refund(intent, 0)
	}, "refunded received 50000 due 0 payments 1", ""},
	{"paid out", "eur", func(in *inbox, link, _ string) {
		in.pay(link, "4242424242424242")
		in.advance(72 * time.Hour)
		in.payOut()
		in.advance(48 * time.Hour)
		in.sandbox.SettlePayouts(false)
	}, "paid received 50000 due 0 payments 1", ""},
	{"paid out, which came back after it had arrived", "eur", func(in *inbox, link, _ string) {
		in.pay(link, "4242424242424242")
		in.advance(72 * time.Hour)
		payouts := in.payOut()
		in.sandbox.SettlePayouts(false)
		in.advance(72 * time.Hour)
		must(in.t, in.sandbox.FailPayout(payouts[0]))
		must(in.t, ignore(in.sandbox.AddBank(in.where())))
	}, "paid received 50000 due 0 payments 1", ""},
	{"paid out, and called off", "eur", func(in *inbox, link, _ string) {
		in.pay(link, "4242424242424242")
		in.advance(72 * time.Hour)
		must(in.t, in.sandbox.CancelPayout(in.payOut()[0]))
	}, "paid received 50000 due 0 payments 1", ""},
	{"paid, and somebody else paid in Stripe's dashboard", "eur", func(in *inbox, link, _ string) {
		in.pay(link, "4242424242424242")
		must(in.t, ignore(in.sandbox.PayInDashboard(in.where(), "4242424242424242", "eur", 50000, "A friend")))
	}, "paid received 50000 due 0 payments 1", ""},
}

// answers changes what Stripe's open questions are answered with, until restore is called.
func (in *inbox) answers(change func(*sandbox.Answers)) (restore func()) {
	before := in.sandbox.Answers()
	now := before
	change(&now)
	in.sandbox.SetAnswers(now)
	return func() { in.sandbox.SetAnswers(before) }
}

func (in *inbox) open(link string) string {
	in.t.Helper()
	session, err := in.sandbox.Checkout(link)
	must(in.t, err)
	return session
}

// intent is the payment intent that a payment was made with.
func (in *inbox) intent(pay func()) string {
	in.t.Helper()
	n := len(in.events(0))
	pay()
	var e struct {
		Data struct{ Object struct{ ID string } }
	}
	must(in.t, json.Unmarshal(ofType(in.t, in.events(n), "payment_intent.succeeded"), &e))
	return e.Data.Object.ID
}

// made is the id of the object that an event of this type tells of first while something happens.
func (in *inbox) made(typ string, happen func()) string {
	in.t.Helper()
	n := len(in.events(0))
	happen()
	return idOf(objectOf(ofType(in.t, in.events(n), typ)))
}

func objectOf(event []byte) json.RawMessage {
	var e struct {
		Data struct{ Object json.RawMessage }
	}
	_ = json.Unmarshal(event, &e)
	return e.Data.Object
}

// refund gives money of a charge or payment intent back, in Stripe's dashboard; 0 is all.
func (in *inbox) refund(payment string, amount int64) (id string) {
	in.t.Helper()
	id, err := in.sandbox.Refund(payment, amount)
	must(in.t, err)
	return id
}

// where is the account as the sandbox names it: the platform's own one has no name.
func (in *inbox) where() string {
	if in.own {
		return ""
	}
	return in.account
}

func (in *inbox) payOut() []string {
	in.t.Helper()
	payouts, err := in.sandbox.PayOut(in.where())
	must(in.t, err)
	if len(payouts) == 0 {
		in.t.Fatal("nothing was paid out")
	}
	return payouts
}

// call posts something to Stripe that no use-case of Trak's does, as pairs of name and value.
func (in *inbox) call(path string, pairs ...string) {
	in.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, in.sandbox.URL()+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer sk_test_sandbox")
	if !in.own {
		r.Header.Set("Stripe-Account", in.account)
	}
	answer := httptest.NewRecorder()
	in.sandbox.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		in.t.Fatalf("%s: %s", path, answer.Body)
	}
}
