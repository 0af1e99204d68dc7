package rig

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"trak/sandbox"
)

// Event is one event of a card payment, as Stripe would deliver it.
type Event struct {
	ID      string
	Type    string
	Payload []byte
}

// Payment is a card payment of an invoice's whole amount and its events, in Stripe's order:
// payment_intent.created, charge.succeeded, payment_intent.succeeded, checkout.session.completed.
type Payment struct {
	Invoice                 Invoice
	Session, Intent, Charge string
	Events                  []Event
}

// template is the payload of an event, and the ids in it that differ from payment to payment.
type template struct {
	typ     string
	payload string
	ids     [6]string // event, session, intent, charge, link, invoice
}

// sampleEvents pays an invoice at the stand-in's checkout and takes what it would deliver.
func (w *World) sampleEvents(inv Invoice, url string) ([]template, error) {
	before := len(w.Stripe.Events(w.Account))
	session, err := w.Stripe.Checkout(url)
	if err != nil {
		return nil, err
	}
	if _, err := w.Stripe.Pay(session, sandbox.Card{Number: "4242424242424242", Email: "ana@haldenvik.example"}); err != nil {
		return nil, err
	}
	bodies := w.Stripe.Events(w.Account)[before:]
	var all []byte
	for _, b := range bodies {
		all = append(all, b...)
	}
	intent := regexp.MustCompile(`"pi_[A-Za-z0-9]+"`).Find(all)
	charge := regexp.MustCompile(`"ch_[A-Za-z0-9]+"`).Find(all)
	if intent == nil || charge == nil {
		return nil, errors.New("the events of a payment name no payment intent or no charge")
	}
	var list []template
	for _, b := range bodies {
		var envelope struct{ ID, Type string }
		if err := json.Unmarshal(b, &envelope); err != nil {
			return nil, err
		}
		list = append(list, template{envelope.Type, string(b), [6]string{
			envelope.ID, session, strings.Trim(string(intent), `"`), strings.Trim(string(charge), `"`), inv.Link, inv.ID,
		}})
	}
	return list, nil
}

// Pay makes the events of a payment of inv. n must be another one for each payment.
func (w *World) Pay(inv Invoice, n int) Payment {
	id := func(prefix string) string { return fmt.Sprintf("%s%024d", prefix, n) }
	p := Payment{Invoice: inv, Session: id("cs_test_"), Intent: id("pi_"), Charge: id("ch_")}
	for k, t := range w.events {
		event := id("evt_" + strconv.Itoa(k) + "_")
		var pairs []string
		for i, now := range [6]string{event, p.Session, p.Intent, p.Charge, inv.Link, inv.ID} {
			pairs = append(pairs, t.ids[i], now)
		}
		p.Events = append(p.Events, Event{event, t.typ, []byte(strings.NewReplacer(pairs...).Replace(t.payload))})
	}
	return p
}

// Sign makes the Stripe-Signature header of a payload.
func Sign(payload []byte, at time.Time) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(WebhookSecret))
	mac.Write([]byte(seconds + "."))
	mac.Write(payload)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Delivery is the whole HTTP request that delivers an event to addr, signed now.
func Delivery(addr string, e Event) []byte { return delivery(addr, e, Sign(e.Payload, time.Now())) }

// Forgery is Delivery by somebody who does not know the secret.
func Forgery(addr string, e Event) []byte {
	return delivery(addr, e, Sign(append([]byte("another "), e.Payload...), time.Now()))
}

func delivery(addr string, e Event, signature string) []byte {
	return fmt.Appendf(nil, "POST /api/stripe/webhook HTTP/1.1\r\nHost: %s\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"+
		"Content-Type: application/json; charset=utf-8\r\nStripe-Signature: %s\r\nContent-Length: %d\r\n\r\n%s",
		addr, signature, len(e.Payload), e.Payload)
}
