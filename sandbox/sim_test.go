package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"trak/sandbox"
)

// sim asks the API for programs.
func (w *world) sim(t *testing.T, method, path, in string, out any) (status int) {
	t.Helper()
	r, err := http.NewRequest(method, w.URL()+"/sim/"+path, strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			t.Fatalf("%s %s: %s: %v", method, path, body, err)
		}
	}
	return answer.StatusCode
}

// TestSim goes the whole way by JSON, as a program of another language would.
func TestSim(t *testing.T) {
	t.Parallel()
	w := setup(t)
	h := w.hook(t, true)
	account := w.account(t)
	link := w.link(t, account, 12345, "usd")

	var paid struct{ Session, Status string }
	if status := w.sim(t, "POST", "pay", `{"link":"`+link.URL+`","number":"4000002760003184","email":"a@example.com"}`, &paid); status != 200 || paid.Status != sandbox.RequiresAction {
		t.Fatalf("pay: %d %+v", status, paid)
	}
	if status := w.sim(t, "POST", "sessions/"+paid.Session+"/authenticate", `{"ok":true}`, &paid); status != 200 || paid.Status != sandbox.Succeeded {
		t.Errorf("authenticate: %d %+v", status, paid)
	}
	charge := w.session(t, account, paid.Session).PaymentIntent.LatestCharge.ID
	var made struct{ ID string }
	if status := w.sim(t, "POST", "refund", `{"payment":"`+charge+`","amount":345}`, &made); status != 200 || !strings.HasPrefix(made.ID, "re_") {
		t.Errorf("refund: %d %+v", status, made)
	}
	if status := w.sim(t, "POST", "disputes", `{"charge":"`+charge+`","reason":"fraudulent","amount":12000}`, &made); status != 200 || !strings.HasPrefix(made.ID, "dp_") {
		t.Errorf("dispute: %d %+v", status, made)
	}
	if status := w.sim(t, "POST", "disputes/"+made.ID+"/close", `{"won":true}`, nil); status != 200 {
		t.Errorf("close: %d", status)
	}
	if status := w.sim(t, "POST", "disputes/"+made.ID+"/close", `{"won":true}`, nil); status != 409 {
		t.Errorf("close twice: %d", status)
	}
	fresh := w.session(t, account, w.paid(t, account, "4242424242424242")).PaymentIntent.LatestCharge.ID
	if status := w.sim(t, "POST", "warnings", `{"charge":"`+fresh+`"}`, &made); status != 200 || !strings.HasPrefix(made.ID, "issfr_") {
		t.Errorf("warning: %d %+v", status, made)
	}
	if status := w.sim(t, "POST", "reviews", `{"charge":"`+fresh+`"}`, &made); status != 200 || !strings.HasPrefix(made.ID, "prv_") {
		t.Errorf("review: %d %+v", status, made)
	}
	if status := w.sim(t, "POST", "reviews/"+made.ID+"/approve", "", nil); status != 200 {
		t.Errorf("approve: %d", status)
	}
	if status := w.sim(t, "POST", "disputes", `{"charge":"`+fresh+`","inquiry":true}`, &made); status != 200 {
		t.Errorf("inquiry: %d %+v", status, made)
	}
	if status := w.sim(t, "POST", "disputes/"+made.ID+"/escalate", "", nil); status != 200 {
		t.Errorf("escalate: %d", status)
	}
	w.paid(t, account, "000123456789")
	var settled struct{ Debits, Refunds, Payouts int }
	if status := w.sim(t, "POST", "settle", `{}`, &settled); status != 200 || settled.Debits != 1 {
		t.Errorf("settle: %d %+v", status, settled)
	}

	if status := w.sim(t, "POST", "charges", `{"account":"`+account+`","amount":500,"currency":"usd","number":"4000000000000077","description":"By telephone"}`, &made); status != 200 || !strings.HasPrefix(made.ID, "ch_") {
		t.Errorf("charge: %d %+v", status, made)
	}
	for _, path := range []string{"adjustments", "fees"} {
		if status := w.sim(t, "POST", path, `{"account":"`+account+`","amount":500,"currency":"usd","description":"x"}`, &made); status != 200 || !strings.HasPrefix(made.ID, "txn_") {
			t.Errorf("%s: %d %+v", path, status, made)
		}
	}
	var payouts []string
	w.paid(t, account, "4000000000000077")
	if status := w.sim(t, "POST", "accounts/all/payout", "", &payouts); status != 200 || len(payouts) != 1 {
		t.Errorf("payout of all: %d %v", status, payouts)
	}
	w.paid(t, account, "4000000000000077")
	if status := w.sim(t, "POST", "accounts/"+account+"/payout", "", &payouts); status != 200 || len(payouts) != 1 {
		t.Fatalf("payout: %d %v", status, payouts)
	}
	if status := w.sim(t, "POST", "payouts/"+payouts[0]+"/fail", "", nil); status != 200 {
		t.Errorf("fail a payout: %d", status)
	}
	if status := w.sim(t, "POST", "accounts/"+account+"/banks", "", &made); status != 200 || !strings.HasPrefix(made.ID, "ba_") {
		t.Errorf("a bank account: %d %+v", status, made)
	}
	if status := w.sim(t, "POST", "accounts/"+account+"/payout", "", &payouts); status != 200 || len(payouts) != 1 {
		t.Fatalf("payout: %d %v", status, payouts)
	}
	for _, path := range []string{"payouts/" + payouts[0] + "/cancel", "banks/" + made.ID + "/remove"} {
		if status := w.sim(t, "POST", path, "", nil); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}

	var knobs sandbox.Knobs
	if status := w.sim(t, "POST", "knobs", `{"Hold":true,"Duplicate":2}`, &knobs); status != 200 || knobs != w.Knobs() || !knobs.Hold {
		t.Errorf("knobs: %d %+v", status, knobs)
	}
	w.settle(t)
	before := len(h.received())
	if status := w.sim(t, "POST", "emit", `{"account":"`+account+`","type":"a.b","object":{"object":"balance","livemode":false,"available":[],"pending":[]}}`, nil); status != 200 {
		t.Errorf("emit: %d", status)
	}
	w.settle(t)
	if got := len(h.received()); got != before {
		t.Errorf("%d deliveries while they are held back", got-before)
	}
	if status := w.sim(t, "POST", "flush", "", nil); status != 200 {
		t.Errorf("flush: %d", status)
	}
	if got := len(h.received()); got != before+2 {
		t.Errorf("%d deliveries after the flush, want 2", got-before)
	}
	var events []struct{ ID string }
	if status := w.sim(t, "GET", "events?account="+account, "", &events); status != 200 || len(events) != len(w.Events(account)) {
		t.Errorf("events: %d, %d of them", status, len(events))
	}
	if status := w.sim(t, "POST", "events/"+events[0].ID+"/resend", "", nil); status != 200 {
		t.Errorf("resend: %d", status)
	}
	var answers sandbox.Answers
	if status := w.sim(t, "POST", "answers", `{"ZeroFeeIsTaken":true}`, &answers); status != 200 || answers != (sandbox.Answers{ZeroFeeIsTaken: true}) {
		t.Errorf("answers: %d %+v", status, answers)
	}
	var clock struct{ Now int64 }
	if status := w.sim(t, "POST", "clock/advance", `{"seconds":3600}`, &clock); status != 200 || clock.Now == 0 {
		t.Errorf("clock: %d %+v", status, clock)
	}
	if status := w.sim(t, "POST", "away", `{"seconds":3600,"cut":true}`, &knobs); status != 200 || !knobs.AwayCut || knobs.AwayUntil != clock.Now+3600 && knobs.AwayUntil != clock.Now+3601 {
		t.Errorf("away: %d %+v", status, knobs)
	}
	w.SetKnobs(sandbox.Knobs{})
	var calls sandbox.Calls
	if status := w.sim(t, "GET", "calls", "", &calls); status != 200 || calls.All == 0 {
		t.Errorf("calls: %d %+v", status, calls)
	}
	if status := w.sim(t, "POST", "calls/reset", "", &calls); status != 200 || calls.All != 0 {
		t.Errorf("calls from 0: %d %+v", status, calls)
	}
	if status := w.sim(t, "POST", "accounts/"+account+"/deauthorize", "", nil); status != 200 {
		t.Errorf("deauthorize: %d", status)
	}
}

func TestSimRefusesSlips(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for path, in := range map[string]string{
		"knobs": `{"Holds":true}`, "clock/advance": `{"seconds":-1}`, "pay": `{"link":"none"}`, "emit": `{"type":"a"}`, "refund": `nonsense`,
		"accounts/none/onboard": `{"outcome":"complete"}`, "events/none/resend": ``, "disputes": `{"charge":"none"}`,
		"disputes/none/escalate": ``, "accounts/none/payout": ``, "payouts/none/fail": ``, "payouts/none/cancel": ``, "accounts/none/banks": ``,
		"banks/none/change": `{"holder":"x"}`, "banks/none/remove": ``, "charges": `{"account":"none","amount":500,"currency":"usd"}`, "adjustments": `{"account":"none"}`, "fees": `{}`,
		"warnings": `{"charge":"none"}`, "reviews": `{}`, "reviews/none/approve": ``,
	} {
		var told struct{ Error string }
		if status := w.sim(t, "POST", path, in, &told); status < 400 || told.Error == "" {
			t.Errorf("%s %s: %d %+v", path, in, status, told)
		}
	}
	if status := w.sim(t, "GET", "", "", nil); status != 200 {
		t.Errorf("its description: %d", status)
	}
	r, err := http.NewRequest("POST", w.URL()+"/sim/flush", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != 403 {
		t.Errorf("from another site: %v, %v", answer, err)
	}
}
