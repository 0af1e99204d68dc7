package connect

import (
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
)

// drained reads a list to its end.
func drained[T any](list iter.Seq2[T, error]) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestListedEvents(t *testing.T) {
	t.Parallel()
	said := `{"id":"evt_1","object":"event","type":"charge.succeeded","created":7,"api_version":"2023-10-16",%s"data":{"object":{"id":"ch_1","object":"charge"}}}`
	tests := []struct {
		name, account string
		own           bool
		want          string
	}{
		{"name the account", `"account":"` + testAccount + `",`, false, testAccount},
		{"leave it out", "", false, testAccount},
		{"say null", `"account":null,`, false, testAccount},
		{"name another one", `"account":"acct_other",`, false, testAccount},
		{"in own mode", "", true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/events": sayList(fmt.Sprintf(said, tt.account))})
			c.own = tt.own
			for e, err := range c.Events(t.Context(), testAccount, 0, 0) {
				if err != nil {
					t.Fatal(err)
				}
				again, err := ParseEvent(e.Payload)
				if err != nil || e.Account != tt.want || again.Account != tt.want || again.ID != "evt_1" || again.Created != 7e6 || string(again.Object) != `{"id":"ch_1","object":"charge"}` {
					t.Errorf("listed %+v, kept %+v, %v", e.Event, again, err)
				}
				return
			}
			t.Error("no event")
		})
	}
}

func TestListsThatAreNotWhole(t *testing.T) {
	t.Parallel()
	event := func(id string) string { return `{"id":"` + id + `","type":"charge.succeeded"}` }
	t.Run("one call a page", func(t *testing.T) {
		t.Parallel()
		c, rec := script(t, map[string]http.HandlerFunc{"GET /v1/events": sayPages(event("evt_3"), event("evt_2"), event("evt_1"))})
		var ids []string
		for e, err := range c.Events(t.Context(), testAccount, 0, 0) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, e.ID)
		}
		if got := strings.Join(ids, " "); got != "evt_3 evt_2 evt_1" || len(rec.all()) != 3 {
			t.Errorf("got %s in %d calls", got, len(rec.all()))
		}
	})
	t.Run("an error in the middle ends it", func(t *testing.T) {
		t.Parallel()
		c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/events": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("starting_after") != "" {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, `{"error":{"type":"api_error"}}`)
				return
			}
			_, _ = io.WriteString(w, `{"has_more":true,"data":[`+event("evt_1")+`]}`)
		}})
		if err := drained(c.Events(t.Context(), testAccount, 0, 0, WantedEvents()...)); err == nil {
			t.Error("looks whole")
		}
	})
	t.Run("too long", func(t *testing.T) {
		t.Parallel()
		c, rec := script(t, map[string]http.HandlerFunc{"GET /v1/events": say(200, `{"has_more":true,"data":[`+event("evt_1")+`]}`)})
		err := drained(c.Events(t.Context(), testAccount, 0, 0))
		if !IsTooLong(err) || len(rec.all()) != maxListPages {
			t.Errorf("%v after %d calls", err, len(rec.all()))
		}
	})
	t.Run("a fact that can't be read", func(t *testing.T) {
		t.Parallel()
		c, _ := script(t, map[string]http.HandlerFunc{"GET /v1/refunds": sayList(`{"id":"re_1","status":"strange"}`)})
		if err := drained(c.Refunds(t.Context(), testAccount, 0, 0)); err == nil {
			t.Error("passed over")
		}
	})
}

func TestListedFacts(t *testing.T) {
	t.Parallel()
	c, _ := script(t, map[string]http.HandlerFunc{
		"GET /v1/charges": sayList(
			`{"id":"ch_2","payment_intent":"pi_1","status":"succeeded","amount":900,"amount_captured":900,"amount_refunded":300,"currency":"eur","created":5,"balance_transaction":{"id":"txn_1","created":8}}`,
			`{"id":"ch_1","status":"failed","amount":900,"created":4,"balance_transaction":null}`),
		"GET /v1/checkout/sessions": sayList(`{"id":"cs_1","payment_link":"plink_1","payment_intent":"pi_1","status":"complete","payment_status":"paid","amount_total":900}`),
		"GET /v1/balance":           say(200, `{"object":"balance","available":[{"amount":-150,"currency":"eur"},{"amount":20,"currency":"usd"}],"pending":[{"amount":900,"currency":"eur"}]}`),
	})
	for charge, err := range c.Charges(t.Context(), testAccount, 0, 0, 99e6) {
		if err != nil {
			t.Fatal(err)
		}
		if charge.ID == "ch_2" && (charge.PaidAt != 8e6 || charge.RefundHint != 300 || charge.RefundHintAt != 99e6) || charge.ID == "ch_1" && charge.PaidAt != 0 {
			t.Errorf("charge %+v", charge)
		}
	}
	for session, err := range c.Sessions(t.Context(), testAccount, "plink_1", 0, 0) {
		if err != nil || session.LinkID != "plink_1" || session.Amount != 900 || session.PaidAt != 0 {
			t.Errorf("session %+v, %v", session, err)
		}
	}
	balance, err := c.Balance(t.Context(), testAccount)
	if err != nil || balance.Available["eur"] != -150 || balance.Available["usd"] != 20 || balance.Pending["eur"] != 900 {
		t.Errorf("balance %+v, %v", balance, err)
	}
}
