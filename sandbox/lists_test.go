package sandbox_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// ids are those of a list, page by page, newest first.
func (w *world) ids(t *testing.T, account, path string) (ids []string) {
	t.Helper()
	glue := "?"
	if strings.Contains(path, "?") {
		glue = "&"
	}
	for after := ""; ; after = "&starting_after=" + ids[len(ids)-1] {
		status, body, _ := w.send(t, "GET", path+glue+"limit=2"+after, nil, "Stripe-Account", account)
		if status != 200 {
			t.Fatalf("%s%s: %d %v", path, after, status, body)
		}
		for i := range body["data"].([]any) {
			ids = append(ids, idOf(body, i))
		}
		if body["has_more"] != true {
			return ids
		}
	}
}

// TestWholeAccount lists all that an account has, as somebody does who reconciles it: by pages,
// by time, and by what things belong to.
func TestWholeAccount(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	const pay = 5
	var first, last string // charges
	var middle int64
	for i := range pay {
		charge := w.session(t, account, w.paid(t, account, "4000000000000077")).PaymentIntent.LatestCharge
		switch i {
		case 0:
			first = charge.ID
		case 2:
			middle = charge.Created
		case pay - 1:
			last = charge.ID
		}
		if _, err := w.Refund(charge.ID, 100); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Refund(charge.ID, 50); err != nil {
			t.Fatal(err)
		}
		if _, err := w.WarnOfFraud(charge.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Dispute(charge.ID, "general", 500); err != nil {
			t.Fatal(err)
		}
		if _, err := w.OpenReview(charge.ID); err != nil { // a dispute would close it, and closed ones are not listed
			t.Fatal(err)
		}
		if status, body, _ := w.send(t, "POST", "/v1/payouts", url.Values{"amount": {"100"}, "currency": {"usd"}}, "Stripe-Account", account); status != 200 {
			t.Fatal(body)
		}
		w.Advance(time.Hour)
	}
	_, charge, _ := w.send(t, "GET", "/v1/charges/"+first, nil, "Stripe-Account", account)
	intent := charge["payment_intent"].(string)
	for path, each := range map[string]int{
		"/v1/charges": 1, "/v1/payment_intents": 1, "/v1/refunds": 2, "/v1/disputes": 1, "/v1/payouts": 1, "/v1/checkout/sessions": 1,
		"/v1/radar/early_fraud_warnings": 1, "/v1/reviews": 1, "/v1/balance_transactions": 5, "/v1/balance_transactions?type=refund": 2,
	} {
		all := w.ids(t, account, path)
		if len(all) != each*pay || len(slices.Compact(slices.Sorted(slices.Values(all)))) != len(all) {
			t.Errorf("%s lists %v, want %d", path, all, each*pay)
		}
		glue := "?"
		if strings.Contains(path, "?") {
			glue = "&"
		}
		for filter, want := range map[string][]string{
			"gte": all[:3*each], "gt": all[:2*each], "lt": all[3*each:], "lte": all[2*each:],
		} {
			if got := w.ids(t, account, fmt.Sprintf("%s%screated[%s]=%d", path, glue, filter, middle)); !slices.Equal(got, want) {
				t.Errorf("%s created[%s]: %v, want %v", path, filter, got, want)
			}
		}
		if got := w.ids(t, account, fmt.Sprintf("%s%screated=%d", path, glue, middle)); !slices.Equal(got, all[2*each:3*each]) {
			t.Errorf("%s at one time: %v", path, got)
		}
		_, older, _ := w.send(t, "GET", fmt.Sprintf("%s%slimit=1&starting_after=%s&created[lt]=%d", path, glue, all[0], middle), nil, "Stripe-Account", account)
		if idOf(older, 0) != all[3*each] {
			t.Errorf("%s after what is too late for it: %v", path, older)
		}
		_, before, _ := w.send(t, "GET", path+glue+"limit=1&ending_before="+all[2], nil, "Stripe-Account", account)
		if idOf(before, 0) != all[1] || before["has_more"] != true {
			t.Errorf("%s before %s: %v", path, all[2], before)
		}
	}
	for path, want := range map[string]int{
		"/v1/charges?payment_intent=" + intent: 1, "/v1/refunds?charge=" + first: 2, "/v1/refunds?payment_intent=" + intent: 2,
		"/v1/disputes?charge=" + last: 1, "/v1/disputes?payment_intent=" + intent: 1, "/v1/checkout/sessions?payment_intent=" + intent: 1,
		"/v1/checkout/sessions?status=complete": pay, "/v1/checkout/sessions?status=open": 0,
		"/v1/radar/early_fraud_warnings?charge=" + last: 1, "/v1/radar/early_fraud_warnings?payment_intent=" + intent: 1,
		"/v1/balance_transactions?source=" + first: 1, "/v1/balance_transactions?currency=eur": 0, "/v1/refunds?charge=ch_none": 0,
	} {
		if got := w.ids(t, account, path); len(got) != want {
			t.Errorf("%s: %v, want %d", path, got, want)
		}
	}
	charges := w.ids(t, account, "/v1/charges")
	if charges[0] != last || charges[pay-1] != first {
		t.Errorf("charges %v are not newest first", charges)
	}
	_, page, _ := w.send(t, "GET", "/v1/refunds?charge="+first+"&limit=1&starting_after="+w.ids(t, account, "/v1/refunds?charge="+first)[0], nil, "Stripe-Account", account)
	if page["has_more"] != false || len(page["data"].([]any)) != 1 {
		t.Errorf("the second page of a charge's refunds: %v", page)
	}
}

// TestEventsList is what recovery after lost webhooks reads.
func TestEventsList(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	w.paid(t, account, "4242424242424242")
	old := w.ids(t, account, "/v1/events?type=charge.succeeded")
	w.Advance(29 * 24 * time.Hour)
	w.paid(t, account, "4242424242424242")
	if got := w.ids(t, account, "/v1/events?types[]=charge.succeeded&types[]=payment_intent.succeeded"); len(got) != 4 {
		t.Errorf("of two types: %v", got)
	}
	w.Advance(2 * 24 * time.Hour)
	if got := w.ids(t, account, "/v1/events?type=charge.succeeded"); len(got) != 1 || got[0] == old[0] {
		t.Errorf("after 31 days: %v", got)
	}
	if got := w.ids(t, account, "/v1/events?created[gte]=1&type=charge.succeeded"); len(got) != 1 {
		t.Errorf("after 31 days, asked for all times: %v", got)
	}
	if status, _, _ := w.send(t, "GET", "/v1/events/"+old[0], nil, "Stripe-Account", account); status != 404 {
		t.Errorf("an event of 31 days ago: %d", status)
	}
	many := "/v1/events?"
	for range 21 {
		many += "types[]=charge.succeeded&"
	}
	for _, path := range []string{many, "/v1/events?type=charge.succeeded&types[]=charge.failed"} {
		if status, body, _ := w.send(t, "GET", path, nil, "Stripe-Account", account); status != 400 {
			t.Errorf("%s: %d %v", path, status, body)
		}
	}
}

// TestFraudWarningsEnd has warnings and reviews end with what happens to their charge.
func TestFraudWarningsEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	for name, c := range map[string]struct {
		happens func(charge string) error
		closed  string
		events  []string
	}{
		"refunded": {func(charge string) error { _, err := w.Refund(charge, 0); return err }, "refunded", []string{
			"refund.created", "charge.refunded", "charge.refund.updated", "radar.early_fraud_warning.updated", "review.closed",
		}},
		"disputed": {func(charge string) error { _, err := w.Dispute(charge, "fraudulent", 0); return err }, "disputed", []string{
			"charge.dispute.created", "charge.dispute.funds_withdrawn", "radar.early_fraud_warning.updated", "review.closed",
		}},
	} {
		charge := w.session(t, account, w.paid(t, account, "4242424242424242")).PaymentIntent.LatestCharge.ID
		warning, err := w.WarnOfFraud(charge)
		if err != nil {
			t.Fatal(err)
		}
		review, err := w.OpenReview(charge)
		if err != nil {
			t.Fatal(err)
		}
		before := len(w.Events(account))
		if err := c.happens(charge); err != nil {
			t.Fatal(err)
		}
		if got := w.types(account, "")[before:]; !slices.Equal(got, c.events) {
			t.Errorf("%s: events %v, want %v", name, got, c.events)
		}
		if _, told, _ := w.send(t, "GET", "/v1/radar/early_fraud_warnings/"+warning, nil, "Stripe-Account", account); told["actionable"] != false || told["charge"] != charge {
			t.Errorf("%s: warning %v", name, told)
		}
		if _, told, _ := w.send(t, "GET", "/v1/reviews/"+review, nil, "Stripe-Account", account); told["open"] != false || told["closed_reason"] != c.closed {
			t.Errorf("%s: review %v", name, told)
		}
	}
	charge := w.session(t, account, w.paid(t, account, "4000000000009235")).PaymentIntent.LatestCharge.ID
	review := w.ids(t, account, "/v1/reviews")[0]
	if status, told, _ := w.send(t, "POST", "/v1/reviews/"+review+"/approve", nil, "Stripe-Account", account); status != 200 || told["closed_reason"] != "approved" || told["charge"] != charge {
		t.Errorf("approve: %d %v", status, told)
	}
	if status, _, _ := w.send(t, "POST", "/v1/reviews/"+review+"/approve", nil, "Stripe-Account", account); status != 400 {
		t.Errorf("approve twice: %d", status)
	}
}

// TestClockSetBack: a list is filtered by time even when its objects weren't made in that order.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	account := w.account(t)
	made := map[int]string{}
	start := w.Now().Unix()
	for _, day := range []int{10, 2, 6} {
		w.clock.set(time.Duration(day) * 24 * time.Hour)
		_, price, _ := w.send(t, "POST", "/v1/prices", priceForm("500", "usd"), "Stripe-Account", account)
		made[day] = price["id"].(string)
	}
	if got := w.ids(t, account, fmt.Sprintf("/v1/prices?created[gte]=%d&created[lt]=%d", start+5*86400, start+12*86400)); !slices.Equal(got, []string{made[6], made[10]}) {
		t.Errorf("of the later days: %v, made %v", got, made)
	}
}
