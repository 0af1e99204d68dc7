package app_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"trak/app"
	"trak/sandbox"
)

// Whatever people ask for, click twice and do in Stripe, whatever Stripe answers and whenever its
// events come: no more is asked for than was charged, and each request is one refund or none.
// Attack A23.
func TestRefundsNeverExceedTheCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, account := context.Background(), w.connect()
	faults := []string{
		sandbox.FailBefore, sandbox.FailAfter, sandbox.FailConflict, sandbox.FailLimit, sandbox.FailServer, sandbox.FailServerAfter,
		sandbox.FailGateway, sandbox.FailGatewayAfter, sandbox.FailDown, sandbox.FailTruncated, sandbox.FailEmpty,
	}
	rapid.Check(t, func(t *rapid.T) {
		const charged = 10000
		w.sandbox.SetKnobs(sandbox.Knobs{})
		_, p := w.paid("100", rapid.SampledFrom([]string{goodCard, "4000000000007726", "4000000000005126"}).Draw(t, "card"))
		sum := func(query string) int64 { return ask[int64](w, query, p.ChargeID) }
		elsewhere := false // a refund was made in Stripe's dashboard
		holds := func(after string) {
			asking := sum("SELECT COALESCE(sum(amount), 0) FROM refund_requests WHERE charge_id = ? AND state = 'asking'")
			refunded := sum("SELECT COALESCE(sum(amount), 0) FROM refunds WHERE charge_id = ? AND rank <= 3")
			if elsewhere { // it may have taken what was asked for before, which Stripe will refuse
				asking = 0
			}
			if asking+refunded > charged {
				t.Fatalf("after %s: %d asked for, %d refunded", after, asking, refunded)
			}
		}
		var forms []app.RefundInput
		var knobs sandbox.Knobs
		amount := rapid.OneOf(rapid.Int64Range(1, charged*6/5), rapid.SampledFrom([]int64{2500, 5000, 7500, charged}))
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			step := rapid.SampledFrom([]string{"ask", "ask", "ask", "again", "fault", "in Stripe", "settle", "events", "time"}).Draw(t, "step")
			switch {
			case step == "ask":
				minor := amount.Draw(t, "amount")
				forms = append(forms, app.RefundInput{
					FormKey: uuid.NewString(), Amount: fmt.Sprintf("%d.%02d", minor/100, minor%100), StillOwed: rapid.Bool().Draw(t, "still owed"),
				})
				_, _ = w.app.RefundPayment(ctx, w.owner, p.ID, forms[len(forms)-1]) // refused or not
			case step == "again" && len(forms) > 0:
				_, _ = w.app.RefundPayment(ctx, w.owner, p.ID, rapid.SampledFrom(forms).Draw(t, "form"))
			case step == "fault":
				knobs = sandbox.Knobs{
					Fail: rapid.SampledFrom(faults).Draw(t, "fault"), FailTimes: rapid.IntRange(1, 2).Draw(t, "times"), FailMethod: "POST", FailPath: "/v1/refunds",
					Hold: rapid.Bool().Draw(t, "events wait"), Duplicate: rapid.IntRange(1, 2).Draw(t, "deliveries"),
				}
				w.sandbox.SetKnobs(knobs)
			case step == "in Stripe":
				_, err := w.sandbox.Refund(p.ChargeID, amount.Draw(t, "amount")) // more than is left is refused there
				elsewhere = elsewhere || err == nil
			case step == "settle":
				w.sandbox.SettleRefunds()
			case step == "events" && !knobs.Hold:
				w.settled()
			case step == "time":
				w.clock.advance(rapid.SampledFrom([]time.Duration{2 * time.Second, time.Minute, 25 * time.Hour}).Draw(t, "time"))
				w.app.Wake()
			}
			holds(step)
		}
		w.sandbox.SetKnobs(sandbox.Knobs{})
		w.later("everything is answered", func() bool {
			return sum("SELECT count(*) FROM refund_requests WHERE charge_id = ? AND state = 'asking'") == 0
		})
		w.settled()
		holds("everything")

		made, refunded := map[string][]int64{}, int64(0)
		for _, r := range w.atStripe(account, "refunds") {
			if r["charge"] != p.ChargeID {
				continue
			}
			amount := int64(r["amount"].(float64))
			if r["status"] != "failed" {
				refunded += amount
			}
			if id, ours := r["metadata"].(map[string]any)["trak_refund_id"].(string); ours {
				made[id] = append(made[id], amount)
			}
		}
		if refunded > charged {
			t.Fatalf("%d refunded at Stripe", refunded)
		}
		rows, err := w.file().Query("SELECT id, state, amount FROM refund_requests WHERE charge_id = ?", p.ChargeID)
		must(w.t, err)
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id, state string
			var amount int64
			must(w.t, rows.Scan(&id, &state, &amount))
			want := ""
			if state == "asked" {
				want = fmt.Sprint([]int64{amount})
			}
			if got := made[id]; want != "" && fmt.Sprint(got) != want || want == "" && len(got) > 0 {
				t.Fatalf("a request of %d that was %s made %v at Stripe", amount, state, got)
			}
		}
		must(w.t, rows.Err())
	})
	w.verified()
}
