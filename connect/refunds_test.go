package connect

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"trak/billing"
)

func refundJSON(id, charge, row, amount string) string {
	return `{"id":"` + id + `","object":"refund","charge":"` + charge + `","amount":` + amount + `,"currency":"eur","status":"pending","created":7,
		"metadata":{"trak_install_id":"inst-1","trak_refund_id":"` + row + `"}}`
}

func TestCreateRefund(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer    http.HandlerFunc
		isRefund  bool
		temporary bool // or used up: another try looks first
	}{
		"made":                        {say(200, refundJSON("re_1", "ch_1", "refund-9", "1200")), true, false},
		"an answer that says nothing": {say(200, `{}`), false, true},
		"of another charge":           {say(200, refundJSON("re_1", "ch_2", "refund-9", "1200")), false, true},
		"refused":                     {say(400, `{"error":{"type":"invalid_request_error","code":"charge_already_refunded","message":"No"}}`), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, rec := script(t, map[string]http.HandlerFunc{"POST /v1/refunds": tt.answer})
			got, err := c.CreateRefund(t.Context(), refundRequest())
			want := billing.Refund{ID: "re_1", ChargeID: "ch_1", Rank: billing.RefundPending, Amount: 1200, Currency: "eur", CreatedAt: 7e6, RequestHint: "refund-9"}
			if tt.isRefund != (err == nil) || tt.isRefund && got != want {
				t.Fatalf("%+v, %v", got, err)
			}
			var e *Error
			if err != nil && (!errors.As(err, &e) || tt.temporary != (e.Temporary() || e.KeySpent())) {
				t.Errorf("%v", err)
			}
			made := rec.all()[0]
			if made.header.Get("Idempotency-Key") != "trak:inst-1:refund:refund-9" || made.header.Get("Stripe-Account") != testAccount {
				t.Errorf("%v", made.header)
			}
		})
	}
}

func TestFindRefund(t *testing.T) {
	t.Parallel()
	c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/refunds": sayPages(
		refundJSON("re_1", "ch_1", "refund-8", "1200"), refundJSON("re_2", "ch_1", "", "1200"), refundJSON("re_3", "ch_1", "refund-9", "1200"))})
	got, found, err := c.FindRefund(t.Context(), refundRequest())
	if err != nil || !found || got.ID != "re_3" {
		t.Errorf("%+v, %v, %v", got, found, err)
	}
	r := refundRequest()
	r.RefundID = "refund-never-made"
	if _, found, err := c.FindRefund(t.Context(), r); found || err != nil {
		t.Errorf("one that was never made: %v, %v", found, err)
	}
}

func TestRefundRequestsAreCheckedBeforeTheyAreSent(t *testing.T) {
	t.Parallel()
	c, _ := script(t, nil)
	for name, spoil := range map[string]func(*RefundRequest){
		"no key":     func(r *RefundRequest) { r.Key = "" },
		"no row":     func(r *RefundRequest) { r.RefundID = "" },
		"no charge":  func(r *RefundRequest) { r.Charge = "" },
		"no amount":  func(r *RefundRequest) { r.Amount = 0 },
		"no account": func(r *RefundRequest) { r.Account = "" },
	} {
		r := refundRequest()
		spoil(&r)
		if _, err := c.CreateRefund(t.Context(), r); err == nil {
			t.Errorf("%s: sent", name)
		}
		if _, _, err := c.FindRefund(t.Context(), r); err == nil {
			t.Errorf("%s: looked for", name)
		}
	}
}

func TestRefundable(t *testing.T) {
	t.Parallel()
	charge := func(id, captured, refunded string) http.HandlerFunc {
		return say(200, `{"id":"`+id+`","object":"charge","status":"succeeded","amount":1200,"amount_captured":`+captured+`,"amount_refunded":`+refunded+`,"currency":"eur"}`)
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   int64
		fails  bool
	}{
		"all":                  {charge("ch_1", "1200", "0"), 1200, false},
		"a part":               {charge("ch_1", "1200", "500"), 700, false},
		"nothing":              {charge("ch_1", "1200", "1200"), 0, false},
		"nothing was captured": {charge("ch_1", "0", "0"), 0, false},
		"another charge":       {charge("ch_2", "1200", "0"), 0, true},
		"no charge":            {say(200, `{}`), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/charges/ch_1": tt.answer})
			got, err := c.Refundable(t.Context(), testAccount, "ch_1")
			if (err != nil) != tt.fails || err == nil && got != (billing.Money{Minor: tt.want, Currency: "eur"}) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestUserMessageOfRefunds(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*Error{
		"Nothing is left":          {Op: opRefund, Status: 400, Code: "charge_already_refunded"},
		"in a dispute":             {Op: opRefund, Status: 400, Code: "charge_disputed"},
		"not enough":               {Op: opRefund, Status: 400, Code: "balance_insufficient"},
		"more than what is left":   {Op: opRefund, Status: 400, Param: "amount", Message: "Refund amount (€1) is greater"},
		"Stripe refused: Greater.": {Op: "create price", Status: 400, Param: "amount", Message: "Greater"},
	} {
		if got := UserMessage(e); !strings.Contains(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
