package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"trak/app"
	"trak/connect"
	"trak/db"
	"trak/sandbox"
)

// Story is what can happen to an invoice, with everything that Stripe tells of it.
type Story struct {
	Name     string
	card     string
	happen   func(s *scene) error // after the payment; nil = nothing
	effects  []string
	received int64 // of the invoice, minor units
	refunded int64
	scene    *scene
}

// scene is a story that happened once, at the stand-in.
type scene struct {
	stripe  *sandbox.Server
	account string
	events  []json.RawMessage
	ids     map[string]string // of the objects, by kind: the first of each
	invoice Invoice
}

// Told is a story as it happens to one invoice: its events, and what each of them must leave behind,
// as lines that the judge finds by SQL.
type Told struct {
	Invoice            Invoice
	Events             []Event
	Effects            []string
	Received, Refunded int64
}

// stories are all kinds of events that Trak subscribes to. An effect is a table's name, an object's id
// and what its row must say. Refunds that people ask for in Trak, and a sync beside the webhooks,
// belong here as well: their effects are rows of the same tables.
func stories() []*Story {
	const paid = "payment {payment_intent} {invoice} succeeded 12000 0 0"
	charge, session := "charge {charge} 12000", "session {checkout.session} 12000 1"
	return []*Story{
		{Name: "paid", card: "4242424242424242", effects: []string{charge, session, paid}},
		{Name: "declined first", card: "4242424242424242", happen: func(s *scene) error {
			return s.emitLike("payment_intent.succeeded", "payment_intent.payment_failed", map[string]any{"amount_received": 0, "status": "requires_payment_method", "latest_charge": nil})
		}, effects: []string{charge, session, paid}},
		{Name: "refunded in part", card: "4242424242424242", happen: func(s *scene) error {
			return second(s.stripe.Refund(s.ids["charge"], 5000))
		}, effects: []string{charge, session, "refund {refund} 5000 3", "payment {payment_intent} {invoice} partially_refunded 12000 5000 0"}, refunded: 5000},
		{Name: "a refund that fails", card: "4000000000005126", happen: func(s *scene) error {
			err := second(s.stripe.Refund(s.ids["charge"], 5000))
			s.stripe.SettleRefunds()
			return err
		}, effects: []string{charge, session, "refund {refund} 5000 5", paid}},
		{Name: "disputed and lost", card: "4000000000000259", happen: func(s *scene) error {
			return s.stripe.CloseDispute(s.ids["dispute"], false)
		}, effects: []string{charge, session, "dispute {dispute} 7 12000 0", "payment {payment_intent} {invoice} charged_back 12000 0 12000"}},
		{Name: "disputed and won", card: "4000000000000259", happen: func(s *scene) error {
			return s.stripe.CloseDispute(s.ids["dispute"], true)
		}, effects: []string{charge, session, "dispute {dispute} 6 12000 12000", paid}},
		{Name: "an inquiry that was closed", card: "4000000000001976", happen: func(s *scene) error {
			return s.stripe.CloseDispute(s.ids["dispute"], true)
		}, effects: []string{charge, session, "dispute {dispute} 3 0 0", paid}},
		{Name: "warned of fraud, and refunded", card: "4000000000005423", happen: func(s *scene) error {
			return second(s.stripe.Refund(s.ids["charge"], 0))
		}, effects: []string{charge, session, "alert {radar.early_fraud_warning} 1", "refund {refund} 12000 3", "payment {payment_intent} {invoice} refunded 12000 12000 0"}, refunded: 12000},
		{Name: "reviewed", card: "4000000000009235", happen: func(s *scene) error {
			return s.stripe.ApproveReview(s.ids["review"])
		}, effects: []string{charge, session, "alert {review} 1", paid}},
		{Name: "paid out", card: "4242424242424242", happen: func(s *scene) error {
			_, err := s.payOut()
			return err
		}, effects: []string{charge, session, paid, "payout {payout} 3"}},
		{Name: "paid out, and it came back", card: "4242424242424242", happen: func(s *scene) error {
			payout, err := s.payOut()
			if err != nil {
				return err
			}
			if err := s.stripe.FailPayout(payout); err != nil {
				return err
			}
			return second(s.stripe.AddBank(s.account))
		}, effects: []string{charge, session, paid, "payout {payout} 5"}},
		{Name: "the account and a link are to be read", card: "4242424242424242", happen: func(s *scene) error {
			s.stripe.Emit(s.account, "account.updated", map[string]any{"id": s.account, "object": "account"})
			s.stripe.Emit(s.account, "payment_link.updated", map[string]any{"id": s.invoice.Link, "object": "payment_link", "active": true})
			return nil
		}, effects: []string{charge, session, paid}},
	}
}

func second[T any](_ T, err error) error { return err }

// payOut sends what there is to the bank, where it arrives. Refunds and disputes of other stories may
// have left nothing, so something is put in before.
func (s *scene) payOut() (payout string, err error) {
	if _, err := s.stripe.Adjust(s.account, "eur", 100*Amount, "Goodwill"); err != nil {
		return "", err
	}
	payouts, err := s.stripe.PayOut(s.account)
	if err == nil && len(payouts) != 1 {
		err = fmt.Errorf("%d payouts", len(payouts))
	}
	if err != nil {
		return "", err
	}
	s.stripe.SettlePayouts(false)
	return payouts[0], nil
}

// sampleStories makes each story happen once, to an invoice of its own, and keeps its events.
func (w *World) sampleStories(ctx context.Context, database *db.DB, a *app.App, owner app.Actor) error {
	for _, story := range stories() {
		inv, url, err := newInvoice(ctx, database, a, owner)
		if err != nil {
			return err
		}
		if err := w.sample(story, inv, url); err != nil {
			return fmt.Errorf("%s: %w", story.Name, err)
		}
		w.stories = append(w.stories, story)
	}
	return nil
}

func (w *World) sample(story *Story, inv Invoice, url string) error {
	story.received = Amount
	s := &scene{stripe: w.Stripe, account: w.Account, ids: map[string]string{}, invoice: inv}
	story.scene = s
	before := len(w.Stripe.Events(w.Account))
	session, err := w.Stripe.Checkout(url)
	if err != nil {
		return err
	}
	if _, err := w.Stripe.Pay(session, sandbox.Card{Number: story.card, Email: "ana@haldenvik.example"}); err != nil {
		return err
	}
	if err := s.take(before); err != nil || story.happen == nil {
		return err
	}
	if err := story.happen(s); err != nil {
		return err
	}
	return s.take(before)
}

// take keeps the events since there were n of them, and the first id of each kind of object.
func (s *scene) take(n int) error {
	s.events = nil
	wanted := connect.WantedEvents()
	for _, body := range s.stripe.Events(s.account)[n:] {
		var e struct {
			Type string
			Data struct{ Object struct{ ID, Object string } }
		}
		if err := json.Unmarshal(body, &e); err != nil {
			return err
		}
		if !slices.Contains(wanted, e.Type) {
			continue
		}
		s.events = append(s.events, body)
		if o := e.Data.Object; s.ids[o.Object] == "" {
			s.ids[o.Object] = o.ID
		}
	}
	return nil
}

// emitLike tells of another event about the object of one that there was, with some of it changed.
func (s *scene) emitLike(like, typ string, change map[string]any) error {
	for _, body := range s.events {
		var e struct {
			Type string
			Data struct{ Object map[string]any }
		}
		if err := json.Unmarshal(body, &e); err != nil {
			return err
		}
		if e.Type != like {
			continue
		}
		for key, value := range change {
			e.Data.Object[key] = value
		}
		s.stripe.Emit(s.account, typ, e.Data.Object)
		return nil
	}
	return fmt.Errorf("there was no %s", like)
}

// renamed are the ids that differ from one telling to the next.
var (
	renamed   = regexp.MustCompile(`"((?:evt|pi|ch|cs|re|dp|issfr|prv|po|txn)_[A-Za-z0-9_]+)"`)
	forEffect = regexp.MustCompile(`\{([a-z_.]+)\}`)
)

// Tell makes a story happen to an invoice. n must be another one for each telling.
func (w *World) Tell(inv Invoice, n int) Told {
	story := w.stories[n%len(w.stories)]
	s := story.scene
	mark := fmt.Sprintf("n%d", n)
	told := Told{Invoice: inv, Received: story.received, Refunded: story.refunded}
	toInvoice := strings.NewReplacer(s.invoice.ID, inv.ID, s.invoice.Link, inv.Link)
	for _, body := range s.events {
		var e Event
		e.Payload = renamed.ReplaceAll([]byte(toInvoice.Replace(string(body))), []byte(`"${1}`+mark+`"`))
		var envelope struct{ ID, Type string }
		_ = json.Unmarshal(e.Payload, &envelope) // it was read before
		e.ID, e.Type = envelope.ID, envelope.Type
		told.Events = append(told.Events, e)
	}
	for _, effect := range story.effects {
		told.Effects = append(told.Effects, forEffect.ReplaceAllStringFunc(effect, func(kind string) string {
			if kind == "{invoice}" {
				return inv.ID
			}
			return s.ids[strings.Trim(kind, "{}")] + mark
		}))
	}
	return told
}
