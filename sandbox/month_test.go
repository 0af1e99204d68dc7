package sandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trak/sandbox"
)

// direct makes a call to the API without a network in between.
func direct(tb testing.TB, s *sandbox.Server, method, path, account string, form url.Values) map[string]any {
	tb.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Stripe-Account", account)
	if method == http.MethodPost {
		r.Header.Set("Idempotency-Key", form.Encode())
	}
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, r)
	var body map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil || answer.Code != http.StatusOK {
		tb.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
	}
	return body
}

// BenchmarkMonth is a month of 50 accounts: 5,000 invoices with price, link, page and payment, looked
// at as often as a program does that trusts no event, with refunds, disputes and daily payouts; in the
// end everything is listed.
func BenchmarkMonth(b *testing.B) {
	const accounts, days, each = 50, 25, 4 // invoices of an account on each day
	numbers := []string{
		"4242424242424242", "4242424242424242", "4242424242424242", "4000000000000077", "4000000000000259",
		"000123456789", "4000000000005126", "4000000000005423", "4000000000009235", "4000000000000002",
	}
	for b.Loop() {
		s := sandbox.New(sandbox.Options{Seed: 1, Answers: &sandbox.Answers{}})
		var made []string
		for range accounts {
			account := direct(b, s, "POST", "/v1/accounts", "", url.Values{
				"type": {"express"}, "capabilities[transfers][requested]": {"true"}, "metadata[n]": {fmt.Sprint(len(made))},
				"capabilities[card_payments][requested]": {"true"},
			})["id"].(string)
			if err := s.Onboard(account, sandbox.OnboardComplete); err != nil {
				b.Fatal(err)
			}
			made = append(made, account)
		}
		for day := range days {
			for n := range accounts * each {
				account := made[n%accounts]
				name := fmt.Sprintf("INV-%d-%d", day, n)
				price := direct(b, s, "POST", "/v1/prices", account, url.Values{"currency": {"usd"}, "unit_amount": {"12345"}, "product_data[name]": {name}})
				link := direct(b, s, "POST", "/v1/payment_links", account, url.Values{
					"line_items[0][price]": {price["id"].(string)}, "line_items[0][quantity]": {"1"}, "metadata[invoice]": {name},
					"restrictions[completed_sessions][limit]": {"1"}, "payment_intent_data[metadata][invoice]": {name},
				})["id"].(string)
				session, err := s.Checkout(link)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Pay(session, sandbox.Card{Number: numbers[n%len(numbers)]}); err != nil {
					b.Fatal(err)
				}
				direct(b, s, "GET", "/v1/checkout/sessions?payment_link="+link+"&limit=100", account, nil)
				got := direct(b, s, "GET", "/v1/checkout/sessions/"+session+"?expand[]=payment_intent.latest_charge.balance_transaction", account, nil)
				charge := got["payment_intent"].(map[string]any)["latest_charge"].(map[string]any)
				direct(b, s, "GET", "/v1/refunds?charge="+charge["id"].(string), account, nil)
				direct(b, s, "GET", "/v1/disputes?charge="+charge["id"].(string), account, nil)
				if n%7 == 0 && charge["status"] == "succeeded" && charge["disputed"] == false {
					if _, err := s.Refund(charge["id"].(string), 345); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := s.Checkout(link); err == nil && n%len(numbers) != 9 {
					b.Fatal("a link that was paid is open")
				}
			}
			s.SettleBankDebits()
			s.SettleRefunds()
			s.PayOutAll()
			s.SettlePayouts(false)
			s.Advance(24 * time.Hour)
		}
		events, listed := 0, 0
		for _, account := range made {
			events += len(s.Events(account))
			for _, path := range []string{"charges", "payment_intents", "refunds", "disputes", "payouts", "balance_transactions", "checkout/sessions", "events"} {
				for after, more := "", true; more; {
					page := direct(b, s, "GET", "/v1/"+path+"?limit=100"+after, account, nil)
					data := page["data"].([]any)
					if listed += len(data); len(data) > 0 {
						after = "&starting_after=" + data[len(data)-1].(map[string]any)["id"].(string)
					}
					more = page["has_more"] == true
				}
			}
		}
		b.ReportMetric(float64(events), "events")
		b.ReportMetric(float64(listed), "listed")
		var memory runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&memory)
		b.ReportMetric(float64(memory.HeapAlloc)/1e6, "MB-kept")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeliveries sends signed events to an endpoint that takes everything.
func BenchmarkDeliveries(b *testing.B) {
	s := sandbox.New(sandbox.Options{Seed: 1, Answers: &sandbox.Answers{}})
	if err := s.Start("127.0.0.1:0"); err != nil {
		b.Fatal(err)
	}
	var received atomic.Int64
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { received.Add(1) }))
	defer receiver.Close()
	defer s.Close()
	direct(b, s, "POST", "/v1/webhook_endpoints", "", url.Values{"url": {receiver.URL}, "enabled_events[]": {"*"}})
	thing := map[string]any{"id": "ch_1", "object": "charge", "description": strings.Repeat("x", 3000)}
	s.SetKnobs(sandbox.Knobs{Hold: true})
	for range b.N {
		s.Emit("", "charge.succeeded", thing)
	}
	b.ResetTimer()
	s.SetKnobs(sandbox.Knobs{})
	if err := s.Settle(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	if got := received.Load(); got != int64(b.N) {
		b.Errorf("%d events came of %d", got, b.N)
	}
}
