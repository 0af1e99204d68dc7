package connect

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"trak/billing"
)

const (
	createdAt = 1701600000_000000 // of all events in testdata
	invoiceID = "0197a1c2-0000-7000-8000-000000000007"
)

func payload(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, name string) Event {
	t.Helper()
	e, err := ParseEvent(payload(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The facts that the events in testdata hold, in the parts that several share.
var (
	paidSession = billing.Session{ID: "cs_test_a1Qm9TzB4", LinkID: "plink_1OJ1Trak", IntentID: "pi_3OJ1Trak",
		Rank: billing.SessionPaid, Amount: 12345, Currency: "usd", PaidAt: createdAt}
	paidIntent = billing.Intent{ID: "pi_3OJ1Trak", Currency: "usd", Provisional: 12345, InvoiceHint: invoiceID, PaidAt: createdAt}
	openIntent = billing.Intent{ID: "pi_3OJ1Trak", Currency: "usd", InvoiceHint: invoiceID}
	paidCharge = billing.Charge{ID: "ch_3OJ1Trak", IntentID: "pi_3OJ1Trak", Rank: billing.ChargeSucceeded,
		Amount: 12345, Captured: 12345, Currency: "usd", Method: "card", Brand: "visa", Last4: "4242",
		RefundHintAt: createdAt, CreatedAt: 1701599990_000000, PaidAt: createdAt}
	refund = billing.Refund{ID: "re_3OJ1Trak", ChargeID: "ch_3OJ1Trak", IntentID: "pi_3OJ1Trak", Rank: billing.RefundSucceeded,
		Amount: 2345, Currency: "usd", Reason: "requested_by_customer", CreatedAt: 1701600500_000000}
)

func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}

func TestFactsOfEvents(t *testing.T) {
	t.Parallel()
	session := func(rank billing.Rank, change func(*billing.Session)) billing.Facts {
		return billing.Facts{Sessions: []billing.Session{with(paidSession, func(s *billing.Session) {
			s.Rank, s.PaidAt = rank, 0
			change(s)
		})}}
	}
	as := func(*billing.Session) {}
	charge := func(change func(*billing.Charge)) billing.Facts {
		return billing.Facts{Charges: []billing.Charge{with(paidCharge, change)}}
	}
	refunded := func(change func(*billing.Refund)) billing.Facts {
		return billing.Facts{Refunds: []billing.Refund{with(refund, change)}}
	}
	read := func(kind, id string) []billing.Read { return []billing.Read{{Kind: kind, ID: id, At: createdAt}} }
	account := read(billing.ReadAccount, "acct_1OHqzJ2eZvKYlo2C")

	tests := []struct {
		event string
		facts billing.Facts
		reads []billing.Read
	}{
		{"checkout.session.completed", billing.Facts{Sessions: []billing.Session{paidSession}, Intents: []billing.Intent{paidIntent}}, nil},
		{"checkout.session.async_payment_succeeded", billing.Facts{Sessions: []billing.Session{paidSession}, Intents: []billing.Intent{paidIntent}}, nil},
		{"checkout.session.completed_unpaid", session(billing.SessionCompleteUnpaid, as), nil},
		{"checkout.session.async_payment_failed", session(billing.SessionAsyncFailed, as), nil},
		{"checkout.session.expired", session(billing.SessionExpired, func(s *billing.Session) { s.IntentID = "" }), nil},

		{"payment_intent.succeeded", billing.Facts{Intents: []billing.Intent{paidIntent}}, nil},
		{"expanded_reference", billing.Facts{Intents: []billing.Intent{paidIntent}}, nil},
		{"payment_intent.processing", billing.Facts{Intents: []billing.Intent{openIntent}, Charges: []billing.Charge{{
			ID: "py_3OJ1Trak", IntentID: "pi_3OJ1Trak", Rank: billing.ChargePending, Amount: 12345, Currency: "usd"}}}, nil},
		{"payment_intent.payment_failed", billing.Facts{Intents: []billing.Intent{openIntent}, Charges: []billing.Charge{{
			ID: "ch_3OJ1Declined", IntentID: "pi_3OJ1Trak", Rank: billing.ChargeFailed, Amount: 12345, Currency: "usd",
			FailureCode: "insufficient_funds", FailureMessage: "Your card has insufficient funds."}}}, nil},
		{"payment_intent.payment_failed_3ds", billing.Facts{Intents: []billing.Intent{openIntent}}, nil},

		{"charge.succeeded", charge(func(*billing.Charge) {}), nil},
		{"request_is_a_string", charge(func(*billing.Charge) {}), nil},
		{"charge.failed", charge(func(c *billing.Charge) {
			c.ID, c.Rank, c.Captured, c.PaidAt, c.Last4 = "ch_3OJ1Declined", billing.ChargeFailed, 0, 0, "9995"
			c.FailureCode, c.FailureMessage = "insufficient_funds", "Your card has insufficient funds."
		}), nil},
		{"charge.pending", charge(func(c *billing.Charge) {
			c.ID, c.Rank, c.Captured, c.PaidAt = "py_3OJ1Trak", billing.ChargePending, 0, 0
			c.Method, c.Brand, c.Last4 = "us_bank_account", "", "6789"
		}), nil},
		{"charge.refunded", charge(func(c *billing.Charge) { c.RefundHint = 2345 }), read(billing.ReadCharge, "ch_3OJ1Trak")},
		{"charge.refunded_with_refunds", charge(func(c *billing.Charge) { c.RefundHint = 2345 }).Join(refunded(func(*billing.Refund) {})), nil},
		{"charge.refund.updated", refunded(func(r *billing.Refund) {
			r.Rank, r.FailureReason = billing.RefundFailed, "expired_or_canceled_card"
		}), nil},
		{"refund.created", refunded(func(r *billing.Refund) { r.Rank = billing.RefundPending }), nil},
		{"refund.updated", refunded(func(*billing.Refund) {}), nil},
		{"charge.dispute.created", billing.Facts{Disputes: []billing.Dispute{{ID: "dp_1OJ1Trak", ChargeID: "ch_3OJ1Trak",
			IntentID: "pi_3OJ1Trak", Rank: billing.DisputeNeedsResponse, Amount: 12345, Currency: "usd", Reason: "fraudulent",
			DueBy: 1702425599_000000, CreatedAt: 1701600600_000000}}}, nil},
		{"charge.dispute.funds_withdrawn", billing.Facts{Disputes: []billing.Dispute{{ID: "dp_1OJ1Trak", ChargeID: "ch_3OJ1Trak",
			IntentID: "pi_3OJ1Trak", Rank: billing.DisputeNeedsResponse, Amount: 12345, Currency: "usd", Reason: "fraudulent",
			DueBy: 1702425599_000000, Withdrawn: 12345, Fee: 1500, CreatedAt: 1701600600_000000}}}, nil},
		{"charge.dispute.closed", billing.Facts{Disputes: []billing.Dispute{{ID: "dp_1OJ1Trak", ChargeID: "ch_3OJ1Trak",
			IntentID: "pi_3OJ1Trak", Rank: billing.DisputeWon, RankAt: createdAt, Amount: 12345, Currency: "usd", Reason: "fraudulent",
			DueBy: 1702425599_000000, Submissions: 1, Withdrawn: 12345, Reinstated: 12345, Fee: 1500, CreatedAt: 1701600600_000000}}}, nil},
		{"radar.early_fraud_warning.created", billing.Facts{Alerts: []billing.Alert{{ID: "issfr_1OJ1Trak", Kind: billing.AlertFraudWarning,
			ChargeID: "ch_3OJ1Trak", IntentID: "pi_3OJ1Trak", Reason: "made_with_stolen_card", CreatedAt: 1701600500_000000}}}, nil},
		{"review.closed", billing.Facts{Alerts: []billing.Alert{{ID: "prv_1OJ1Trak", Kind: billing.AlertReview, ChargeID: "ch_3OJ1Trak",
			IntentID: "pi_3OJ1Trak", Closed: true, Reason: "rule", ClosedReason: "approved", CreatedAt: 1701600400_000000}}}, nil},
		{"payout.failed", billing.Facts{Payouts: []billing.Payout{{ID: "po_1OJ1Trak", Rank: billing.PayoutFailed, Amount: 98765, Currency: "usd",
			Automatic: true, ArrivalDate: "2023-12-07", FailureCode: "account_closed", FailureMessage: "The bank account has been closed.",
			CreatedAt: 1701600300_000000}}}, read(billing.ReadPayout, "po_1OJ1Trak")},
		{"payment_link.updated", billing.Facts{}, read(billing.ReadLink, "plink_1OJ1Trak")},

		{"account.updated", billing.Facts{}, account},
		{"capability.updated", billing.Facts{}, account},
		{"account.external_account.created", billing.Facts{}, account},
		{"person.updated", billing.Facts{}, account},
		{"account.application.deauthorized", billing.Facts{}, nil},

		{"other_version_charge", billing.Facts{}, read(billing.ReadCharge, "ch_3OJ1Trak")},
		{"other_version_intent", billing.Facts{}, read(billing.ReadIntent, "pi_3OJ1Trak")},
		{"other_version_session", billing.Facts{}, read(billing.ReadSession, "cs_test_a1Qm9TzB4")},
		{"other_version_refund", billing.Facts{}, read(billing.ReadCharge, "ch_3OJ1Trak")},
		{"other_version_refund_without_charge", billing.Facts{}, read(billing.ReadIntent, "pi_3OJ1Trak")},

		{"other_version_payout", billing.Facts{}, read(billing.ReadPayout, "po_1OJ1Trak")},

		{"unknown_type", billing.Facts{}, nil},
		{"object_is_null", billing.Facts{}, nil},
		{"object_is_an_array", billing.Facts{}, nil},
		{"data_is_null", billing.Facts{}, nil},
	}
	listed := map[string]bool{}
	for _, tt := range tests {
		listed[tt.event] = true
		t.Run(tt.event, func(t *testing.T) {
			t.Parallel()
			facts, reads, err := parse(t, tt.event).Facts()
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(facts, tt.facts) {
				t.Errorf("facts\n%+v\nwant\n%+v", facts, tt.facts)
			}
			if !reflect.DeepEqual(reads, tt.reads) {
				t.Errorf("reads %+v, want %+v", reads, tt.reads)
			}
		})
	}
	files, _ := filepath.Glob("testdata/events/*.json")
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".json"); !listed[name] {
			t.Errorf("testdata/events/%s.json is not tested", name)
		}
	}
}

func TestFactsRefusesWhatItCannotBelieve(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ event, old, new string }{
		"unknown charge status":  {"charge.succeeded", `"status": "succeeded"`, `"status": "teleported"`},
		"unknown refund status":  {"refund.updated", `"status": "succeeded"`, `"status": "teleported"`},
		"unknown session status": {"checkout.session.completed", `"payment_status": "paid"`, `"payment_status": "maybe"`},
		"negative amount":        {"charge.succeeded", `"amount_captured": 12345`, `"amount_captured": -1`},
		"fraction of a cent":     {"charge.succeeded", `"amount_captured": 12345`, `"amount_captured": 123.45`},
		"amount as text":         {"payment_intent.succeeded", `"amount_received": 12345`, `"amount_received": "12345"`},
		"charge id too long":     {"payment_intent.succeeded", `"latest_charge": "ch_3OJ1Trak"`, `"latest_charge": "` + strings.Repeat("x", 256) + `"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := strings.ReplaceAll(string(payload(t, tt.event)), tt.old, tt.new)
			e, err := ParseEvent([]byte(b))
			if err != nil {
				t.Fatal(err)
			}
			facts, reads, err := e.Facts()
			if err == nil {
				t.Error("no error")
			}
			if !reflect.DeepEqual(facts, billing.Facts{}) {
				t.Errorf("facts of a refused payload: %+v", facts)
			}
			if len(reads) != 1 {
				t.Errorf("the object should be named for another read, got %+v", reads)
			}
		})
	}
}

func TestAChargeIsReadUnlessItsRefundsExplainTheSum(t *testing.T) {
	t.Parallel()
	refund := func(status string) string {
		return `{"id":"re_1","object":"refund","amount":5,"status":"` + status + `"}`
	}
	for name, tt := range map[string]struct {
		refunded, refunds string
		read              bool
	}{
		"nothing refunded, no list":  {"0", `null`, false},
		"refunded, no list":          {"5", `null`, true},
		"the list explains it":       {"5", `{"data":[` + refund("succeeded") + `],"has_more":false}`, false},
		"a pending one counts":       {"5", `{"data":[` + refund("pending") + `],"has_more":false}`, false},
		"a failed one does not":      {"5", `{"data":[` + refund("failed") + `],"has_more":false}`, true},
		"the list is empty":          {"5", `{"data":[],"has_more":false}`, true},
		"the list has another page":  {"5", `{"data":[` + refund("succeeded") + `],"has_more":true}`, true},
		"the list explains too much": {"4", `{"data":[` + refund("succeeded") + `],"has_more":false}`, true},
	} {
		e := parse(t, "charge.refunded")
		e.Object = []byte(`{"id":"ch_1","object":"charge","status":"succeeded","amount":9,"amount_captured":9,"amount_refunded":` +
			tt.refunded + `,"refunds":` + tt.refunds + `}`)
		_, reads, err := e.Facts()
		if err != nil || (len(reads) == 1) != tt.read {
			t.Errorf("%s: reads %v, %v", name, reads, err)
		}
	}
}

func TestOddDetailsNeverLoseAPayment(t *testing.T) {
	t.Parallel()
	for _, details := range []string{`null`, `7`, `{}`, `{"type":7}`, `{"type":"card"}`, `{"type":"card","card":[]}`, `{"type":"card","card":{"last4":4242}}`} {
		e := parse(t, "charge.succeeded")
		e.Object = []byte(`{"id":"ch_1","object":"charge","status":"succeeded","amount":5,"amount_captured":5,"payment_method_details":` + details + `}`)
		facts, _, err := e.Facts()
		if err != nil || len(facts.Charges) != 1 || facts.Charges[0].Captured != 5 {
			t.Errorf("details %s: %+v, %v", details, facts, err)
		}
	}
}

func TestParseEvent(t *testing.T) {
	t.Parallel()
	e := parse(t, "charge.succeeded")
	if e.Type != "charge.succeeded" || e.Account != "acct_1OHqzJ2eZvKYlo2C" || e.APIVersion != "2023-10-16" ||
		e.Livemode || e.Created != createdAt || e.ObjectID != "ch_3OJ1Trak" || e.ObjectType != "charge" {
		t.Errorf("envelope %+v", e)
	}
	if e := parse(t, "account.application.deauthorized"); !e.Deauthorized() || e.ObjectID != "ca_OzYxTrak" || e.Account == "" {
		t.Errorf("deauthorized event %+v", e)
	}
	if e := parse(t, "object_is_null"); e.ObjectType != "" || e.ObjectID != "" {
		t.Errorf("null object %+v", e)
	}
	const rest = `,"created":1,"data":{"object":{}}}`
	refused := map[string]string{
		"empty":                   ``,
		"not JSON":                `<html>`,
		"array":                   `[]`,
		"null":                    `null`,
		"no id":                   `{"type":"x"` + rest,
		"no type":                 `{"id":"evt_1"` + rest,
		"id is a number":          `{"id":1,"type":"x"` + rest,
		"id of 256 characters":    `{"id":"` + strings.Repeat("e", 256) + `","type":"x"` + rest,
		"id with a NUL":           `{"id":"evt_\u0000","type":"x"` + rest,
		"account with a line end": `{"id":"evt_1","type":"x","account":"acct_1\n"` + rest,
		"cut off":                 string(payload(t, "charge.succeeded")[:900]),
	}
	for name, p := range refused {
		if _, err := ParseEvent([]byte(p)); !errors.Is(err, ErrEvent) {
			t.Errorf("%s: %v, want ErrEvent", name, err)
		}
	}
}

func TestEventKeepsNothingOfItsPayload(t *testing.T) {
	t.Parallel()
	b := payload(t, "charge.succeeded")
	e, err := ParseEvent(b)
	if err != nil {
		t.Fatal(err)
	}
	before := string(e.Object)
	clear(b) // what a server does with the buffer of a request that is over
	if string(e.Object) != before || e.ObjectID != "ch_3OJ1Trak" {
		t.Error("the event changed with the buffer it was read from")
	}
}

func FuzzParseEvent(f *testing.F) {
	files, _ := filepath.Glob("testdata/events/*.json")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"id":"evt_1","type":"charge.succeeded","api_version":"2023-10-16","data":{"object":{"object":"charge","refunds":{"data":[null]}}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEvent(b)
		if err != nil {
			if !errors.Is(err, ErrEvent) {
				t.Errorf("error is not ErrEvent: %v", err)
			}
			return
		}
		if len(e.ID) > maxIDLength || len(e.ObjectID) > maxIDLength || e.Created < 0 {
			t.Errorf("limits passed: %+v", e)
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(e.Object, &members) == nil && !bytes.Contains(e.Object, []byte(`\`)) {
			for key, got := range map[string]string{"id": e.ObjectID, "object": e.ObjectType} {
				var want string
				if json.Unmarshal(members[key], &want) != nil || !printable(want) {
					want = ""
				}
				if got != want {
					t.Errorf("%s %q, encoding/json reads %q in %s", key, got, want, e.Object)
				}
			}
		}
		facts, _, err := e.Facts()
		if err != nil {
			return
		}
		for _, c := range facts.Charges {
			if c.ID == "" || c.Captured < 0 || len(c.ID) > maxIDLength {
				t.Errorf("impossible charge %+v", c)
			}
		}
	})
}

func BenchmarkParseEvent(b *testing.B) {
	p := payload(b, "charge.succeeded")
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, err := ParseEvent(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseEventAndFacts(b *testing.B) {
	p := payload(b, "charge.succeeded")
	for b.Loop() {
		e, err := ParseEvent(p)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := e.Facts(); err != nil {
			b.Fatal(err)
		}
	}
}
