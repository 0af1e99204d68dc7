package sandbox_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"trak/sandbox"
)

// TestAnswers holds each question about which Stripe says nothing against both of its answers.
func TestAnswers(t *testing.T) {
	t.Parallel()
	type check func(t *testing.T, w *world, account string) (other bool)
	pay := func(t *testing.T, w *world, session, number string) error {
		t.Helper()
		_, err := w.Pay(session, sandbox.Card{Number: number})
		if err != nil && !errors.Is(err, sandbox.ErrClosed) {
			t.Fatal(err)
		}
		return err
	}
	for name, isOther := range map[string]check{
		"DeactivatedLinkClosesSessions": func(t *testing.T, w *world, account string) bool {
			link := w.link(t, account, 500, "usd")
			session := w.opened(t, link.ID)
			params := &stripe.PaymentLinkParams{Active: stripe.Bool(false)}
			params.SetStripeAccount(account)
			if _, err := w.api.PaymentLinks.Update(link.ID, params); err != nil {
				t.Fatal(err)
			}
			return pay(t, w, session, "4242424242424242") != nil
		},
		"FailedDebitFreesLink": func(t *testing.T, w *world, account string) bool {
			link := w.link(t, account, 500, "usd")
			if err := pay(t, w, w.opened(t, link.ID), "000222222227"); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Checkout(link.ID); !errors.Is(err, sandbox.ErrUsedUp) {
				t.Errorf("the link of a debit that is under way: %v", err)
			}
			w.SettleBankDebits()
			_, err := w.Checkout(link.ID)
			return err == nil
		},
		"LimitHoldsAtCompletion": func(t *testing.T, w *world, account string) bool {
			link := w.link(t, account, 500, "usd")
			one, two := w.opened(t, link.ID), w.opened(t, link.ID)
			if err := pay(t, w, one, "4242424242424242"); err != nil {
				t.Fatal(err)
			}
			return pay(t, w, two, "4242424242424242") != nil
		},
		"ZeroFeeIsTaken": func(t *testing.T, w *world, account string) bool {
			_, price, _ := w.send(t, "POST", "/v1/prices", priceForm("500", "usd"), "Stripe-Account", account)
			status, _, _ := w.send(t, "POST", "/v1/payment_links", url.Values{
				"line_items[0][price]": {price["id"].(string)}, "line_items[0][quantity]": {"1"}, "application_fee_amount": {"0"},
			}, "Stripe-Account", account)
			return status == 200
		},
		"ExpressStaysConnected": func(t *testing.T, w *world, account string) bool {
			return errors.Is(w.Deauthorize(account), sandbox.ErrStays)
		},
		"FailedRefundStaysCounted": func(t *testing.T, w *world, account string) bool {
			session := w.paid(t, account, "4000000000005126")
			if _, err := w.Refund(w.session(t, account, session).PaymentIntent.LatestCharge.ID, 500); err != nil {
				t.Fatal(err)
			}
			w.SettleRefunds()
			return w.session(t, account, session).PaymentIntent.LatestCharge.AmountRefunded == 500
		},
		"EventsInRequestVersion": func(t *testing.T, w *world, account string) bool {
			w.SetKnobs(sandbox.Knobs{Version: "2022-11-15"})
			w.link(t, account, 500, "usd")
			_, list, _ := w.send(t, "GET", "/v1/events?type=payment_link.created", nil, "Stripe-Account", account, "Stripe-Version", "2023-10-16")
			return list["data"].([]any)[0].(map[string]any)["api_version"] == "2023-10-16"
		},
		"LongReferenceIsRefused": func(t *testing.T, w *world, account string) bool {
			status, _, _, _ := browser{t, w.URL()}.do("GET", strings.TrimPrefix(w.link(t, account, 500, "usd").URL, w.URL())+"?client_reference_id=a%20b", nil)
			return status >= 400
		},
		"FailuresAreForgotten": func(t *testing.T, w *world, account string) bool {
			w.SetKnobs(sandbox.Knobs{Fail: sandbox.FailServer, FailMethod: "POST"})
			var status int
			for range 2 {
				status, _, _ = w.send(t, "POST", "/v1/prices", priceForm("500", "usd"), "Stripe-Account", account, "Idempotency-Key", "k")
			}
			return status == 200
		},
	} {
		for _, other := range []bool{false, true} {
			t.Run(name+map[bool]string{false: "/no", true: "/yes"}[other], func(t *testing.T) {
				t.Parallel()
				w := setup(t)
				if other {
					answers, err := sandbox.ParseAnswers(name)
					if err != nil {
						t.Fatal(err)
					}
					w.SetAnswers(answers)
				}
				if got := isOther(t, w, w.account(t)); got != other {
					t.Errorf("answered %v", got)
				}
			})
		}
	}
	for _, name := range sandbox.AnswerNames() {
		if a, err := sandbox.ParseAnswers(name); err != nil || a == (sandbox.Answers{}) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	if _, err := sandbox.ParseAnswers("ZeroFeeIsTaken, nonsense"); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("an unknown answer: %v", err)
	}
}

// TestClock moves it: a session's day is over, and with it the day of an idempotency key.
func TestClock(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	session := w.opened(t, w.link(t, account, 500, "usd").ID)
	post := func() any {
		_, price, _ := w.send(t, "POST", "/v1/prices", priceForm("500", "usd"), "Stripe-Account", account, "Idempotency-Key", "k")
		return price["id"]
	}
	first := post()
	w.Advance(23 * time.Hour)
	if s := w.session(t, account, session); s.Status != "open" || post() != first {
		t.Errorf("within a day: the session is %s", s.Status)
	}
	w.Advance(2 * time.Hour)
	if s := w.session(t, account, session); s.Status != "expired" || post() == first {
		t.Errorf("after a day: the session is %s", s.Status)
	}
}
