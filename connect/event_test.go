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
	dispute = billing.Dispute{ID: "dp_1OJ1Trak", ChargeID: "ch_3OJ1Trak", IntentID: "pi_3OJ1Trak", Rank: billing.DisputeNeedsResponse,
		Amount: 12345, Currency: "usd", Reason: "fraudulent", DueBy: 1702425599_000000, CreatedAt: 1701600600_000000}
	payout = billing.Payout{ID: "po_1OJ1Trak", Rank: billing.PayoutPaid, Amount: 98765, Currency: "usd", Automatic: true,
		ArrivalDate: "2023-12-07", CreatedAt: 1701600300_000000}
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
	disputed := func(change func(*billing.Dispute)) billing.Facts {
		return billing.Facts{Disputes: []billing.Dispute{with(dispute, change)}}
	}
	decided := func(rank billing.Rank, reinstated int64) billing.Facts {
		return disputed(func(d *billing.Dispute) {
			d.Rank, d.RankAt, d.Submissions, d.Withdrawn, d.Reinstated, d.Fee = rank, createdAt, 1, 12345, reinstated, 1500
		})
	}
	paidOut := func(change func(*billing.Payout)) billing.Facts {
		return billing.Facts{Payouts: []billing.Payout{with(payout, change)}}
	}
	payoutRead := read(billing.ReadPayout, "po_1OJ1Trak")
	warned := func(closed bool) billing.Facts {
		return billing.Facts{Alerts: []billing.Alert{{ID: "issfr_1OJ1Trak", Kind: billing.AlertFraudWarning, Closed: closed,
			ChargeID: "ch_3OJ1Trak", IntentID: "pi_3OJ1Trak", Reason: "made_with_stolen_card", CreatedAt: 1701600500_000000}}}
	}
	reviewed := func(change func(*billing.Alert)) billing.Facts {
		return billing.Facts{Alerts: []billing.Alert{with(billing.Alert{ID: "prv_1OJ1Trak", Kind: billing.AlertReview, ChargeID: "ch_3OJ1Trak",
			IntentID: "pi_3OJ1Trak", Reason: "rule", CreatedAt: 1701600400_000000}, change)}}
	}

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

		{"payment_intent.canceled", billing.Facts{Intents: []billing.Intent{openIntent}}, nil},

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
		{"charge.updated", charge(func(*billing.Charge) {}), nil},
		{"charge.refunded", charge(func(c *billing.Charge) { c.RefundHint = 2345 }), read(billing.ReadCharge, "ch_3OJ1Trak")},
		{"charge.refunded_with_refunds", charge(func(c *billing.Charge) { c.RefundHint = 2345 }).Join(refunded(func(*billing.Refund) {})), nil},
		{"charge.refund.updated", refunded(func(r *billing.Refund) {
			r.Rank, r.FailureReason = billing.RefundFailed, "expired_or_canceled_card"
		}), nil},
		{"refund.created", refunded(func(r *billing.Refund) { r.Rank = billing.RefundPending }), nil},
		{"refund.updated", refunded(func(*billing.Refund) {}), nil},
		{"refund.failed", refunded(func(r *billing.Refund) {
			r.Rank, r.FailureReason = billing.RefundFailed, "lost_or_stolen_card"
		}), nil},
		{"refund.updated_canceled", refunded(func(r *billing.Refund) { r.Rank = billing.RefundCanceled }), nil},
		{"refund.updated_requires_action", refunded(func(r *billing.Refund) { r.Rank = billing.RefundRequiresAction }), nil},

		{"charge.dispute.created", disputed(func(*billing.Dispute) {}), nil},
		{"charge.dispute.created_without_intent", disputed(func(d *billing.Dispute) { d.IntentID = "" }), nil},
		{"charge.dispute.created_inquiry", disputed(func(d *billing.Dispute) { d.Rank = billing.DisputeWarningNeedsResponse }), nil},
		{"charge.dispute.closed_inquiry", disputed(func(d *billing.Dispute) { d.Rank, d.Submissions = billing.DisputeWarningClosed, 1 }), nil},
		{"charge.dispute.funds_withdrawn", disputed(func(d *billing.Dispute) { d.Withdrawn, d.Fee = 12345, 1500 }), nil},
		{"charge.dispute.updated", disputed(func(d *billing.Dispute) {
			d.Rank, d.Submissions, d.Withdrawn, d.Fee = billing.DisputeUnderReview, 1, 12345, 1500
		}), nil},
		{"charge.dispute.closed", decided(billing.DisputeWon, 12345), nil},
		{"charge.dispute.funds_reinstated", decided(billing.DisputeWon, 12345), nil},
		{"charge.dispute.funds_reinstated_with_fee", decided(billing.DisputeWon, 12345), nil},
		{"charge.dispute.closed_lost", decided(billing.DisputeLost, 0), nil},

		{"radar.early_fraud_warning.created", warned(false), nil},
		{"radar.early_fraud_warning.updated", warned(true), nil},
		{"review.opened", reviewed(func(*billing.Alert) {}), nil},
		{"review.closed", reviewed(func(a *billing.Alert) { a.Closed, a.ClosedReason = true, "approved" }), nil},

		{"payout.created", paidOut(func(p *billing.Payout) { p.Rank, p.Automatic = billing.PayoutPending, false }), payoutRead},
		{"payout.updated", paidOut(func(p *billing.Payout) { p.Rank = billing.PayoutInTransit }), payoutRead},
		{"payout.paid", paidOut(func(*billing.Payout) {}), payoutRead},
		{"payout.paid_negative", paidOut(func(p *billing.Payout) { p.Amount = -4200 }), payoutRead},
		{"payout.reconciliation_completed", paidOut(func(*billing.Payout) {}), payoutRead},
		{"payout.canceled", paidOut(func(p *billing.Payout) { p.Rank, p.Automatic = billing.PayoutCanceled, false }), payoutRead},
		{"payout.failed", paidOut(func(p *billing.Payout) {
			p.Rank, p.FailureCode, p.FailureMessage = billing.PayoutFailed, "account_closed", "The bank account has been closed."
		}), payoutRead},
		{"payment_link.updated", billing.Facts{}, read(billing.ReadLink, "plink_1OJ1Trak")},

		{"account.updated", billing.Facts{}, account},
		{"capability.updated", billing.Facts{}, account},
		{"account.external_account.created", billing.Facts{}, account},
		{"account.external_account.updated", billing.Facts{}, account},
		{"account.external_account.deleted", billing.Facts{}, account},
		{"person.created", billing.Facts{}, account},
		{"person.updated", billing.Facts{}, account},
		{"person.deleted", billing.Facts{}, account},
		{"account.application.deauthorized", billing.Facts{}, nil},

		{"other_version_charge", billing.Facts{}, read(billing.ReadCharge, "ch_3OJ1Trak")},
		{"other_version_intent", billing.Facts{}, read(billing.ReadIntent, "pi_3OJ1Trak")},
		{"other_version_session", billing.Facts{}, read(billing.ReadSession, "cs_test_a1Qm9TzB4")},
		{"other_version_refund", billing.Facts{}, read(billing.ReadCharge, "ch_3OJ1Trak")},
		{"other_version_refund_without_charge", billing.Facts{}, read(billing.ReadIntent, "pi_3OJ1Trak")},
		{"other_version_refund_failed", billing.Facts{}, read(billing.ReadCharge, "ch_3OJ1Trak")},
		{"other_version_dispute", billing.Facts{}, append(read(billing.ReadDispute, "dp_1OJ1Trak"), read(billing.ReadCharge, "ch_3OJ1Trak")...)},
		{"other_version_warning", billing.Facts{}, read(billing.ReadCharge, "ch_3OJ1Trak")},
		{"other_version_review", billing.Facts{}, read(billing.ReadReview, "prv_1OJ1Trak")},
		{"other_version_payout", billing.Facts{}, payoutRead},
		{"other_version_link", billing.Facts{}, read(billing.ReadLink, "plink_1OJ1Trak")},
		{"other_version_account", billing.Facts{}, account},

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
		"more than there is":     {"charge.succeeded", `"amount_captured": 12345`, `"amount_captured": 1000000000000001`},
		"more than 64 bits":      {"charge.dispute.closed", `"amount": -12345`, `"amount": -9223372036854775809`},
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
			if len(reads) == 0 {
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

func TestDisputesThatNoBankDecides(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status, transactions string
		want                 billing.Rank
	}{
		"prevented, and nothing taken":      {"prevented", `[]`, billing.DisputeWon},
		"prevented by giving the money":     {"prevented", `[{"amount":-12345,"fee":0}]`, billing.DisputeLost},
		"prevented, taken and given back":   {"prevented", `[{"amount":-12345,"fee":0},{"amount":12345,"fee":0}]`, billing.DisputeWon},
		"ended by a refund, and given back": {"charge_refunded", `[{"amount":-12345,"fee":1500},{"amount":12345,"fee":-1500}]`, billing.DisputeWon},
		"won before the money is back":      {"won", `[{"amount":-12345,"fee":1500}]`, billing.DisputeWon},
		"lost":                              {"lost", `[]`, billing.DisputeLost},
	} {
		e := parse(t, "charge.dispute.created")
		e.Object = []byte(`{"id":"dp_1","object":"dispute","charge":"ch_1","amount":12345,"status":"` + tt.status + `","balance_transactions":` + tt.transactions + `}`)
		facts, reads, err := e.Facts()
		if err != nil || len(reads) != 0 || len(facts.Disputes) != 1 || facts.Disputes[0].Rank != tt.want || facts.Disputes[0].RankAt != createdAt {
			t.Errorf("%s: %+v, %v, %v", name, facts, reads, err)
		}
	}
}

func TestOddMetadataNeverLosesAPayment(t *testing.T) {
	t.Parallel()
	for metadata, want := range map[string]string{`null`: "", `[]`: "", `7`: "", `{"trak_invoice_id":[]}`: "", `{"trak_invoice_id":"inv_1"}`: "inv_1"} {
		e := parse(t, "payment_intent.succeeded")
		e.Object = []byte(`{"id":"pi_1","object":"payment_intent","status":"succeeded","amount_received":5,"metadata":` + metadata + `}`)
		facts, _, err := e.Facts()
		if err != nil || len(facts.Intents) != 1 || facts.Intents[0].Provisional != 5 || facts.Intents[0].InvoiceHint != want {
			t.Errorf("metadata %s: %+v, %v", metadata, facts, err)
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
	if e, err := ParseEvent([]byte(`{"id":"evt_1","type":"v1.x","created":"1970-01-01T00:00:09.5Z"}`)); err != nil || e.Created != 9_000_000 || e.ObjectType != "" {
		t.Errorf("an event of API v2: %+v, %v", e, err)
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

// Attack A20.
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
		facts, reads, err := e.Facts()
		for _, r := range reads {
			if r.ID == "" || len(r.ID) > 2*maxIDLength || r.At < 0 {
				t.Errorf("impossible read %+v", r)
			}
		}
		if err != nil {
			if !facts.Empty() {
				t.Errorf("facts beside the error %v: %+v", err, facts)
			}
			return
		}
		bounded(t, facts)
	})
}

// bounded holds what may be stored: ids are there and short, amounts are not negative but where
// money can go the other way, texts are clipped, and ranks are known ones.
func bounded(t *testing.T, facts billing.Facts) {
	t.Helper()
	signed := map[string]bool{"Payout.Amount": true, "Transaction.Amount": true, "Transaction.Fee": true, "Transaction.Net": true}
	tops := map[string]billing.Rank{"Session": billing.SessionPaid, "Charge": billing.ChargeSucceeded, "Refund": billing.RefundFailed,
		"Dispute": billing.DisputeLost, "Payout": billing.PayoutFailed}
	kinds := reflect.ValueOf(facts)
	for i := range kinds.NumField() {
		for k := range kinds.Field(i).Len() {
			fact := kinds.Field(i).Index(k)
			for f := range fact.NumField() {
				kind, field := fact.Type().Name(), fact.Type().Field(f)
				name := kind + "." + field.Name
				switch v := fact.Field(f); {
				case field.Name == "ID" && v.String() == "":
					t.Errorf("%s is empty: %+v", name, fact)
				case strings.HasSuffix(field.Name, "ID") && len(v.String()) > maxIDLength:
					t.Errorf("%s is too long: %d", name, len(v.String()))
				case v.Kind() == reflect.String && len(v.String()) > 600:
					t.Errorf("%s is too long: %d", name, len(v.String()))
				case field.Name == "Rank" && (v.Int() < 1 || billing.Rank(v.Int()) > tops[kind]):
					t.Errorf("%s is %d", name, v.Int())
				case v.Kind() == reflect.Int64 && v.Int() < 0 && !signed[name]:
					t.Errorf("%s is negative: %d", name, v.Int())
				}
			}
		}
	}
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
