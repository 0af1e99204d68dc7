package handlers_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"trak/billing"
)

// What an object was like before can be told late, by an event of its own: nothing newer is undone
// by it, for any kind of object.
func TestAStalePayloadUndoesNothing(t *testing.T) {
	t.Parallel()
	seed := uint64(number(t, "TRAK_SEED", int(rand.Uint32())))
	bothInboxes(t, "all histories", func(t *testing.T, in *inbox) {
		var all []json.RawMessage
		for _, h := range histories {
			tm := in.record(h)
			in.delivered(tm.events...)
			all = append(all, tm.events...)
			in.advance(time.Hour)
		}
		in.idle()
		before := strings.Split(in.books()[""], "\n")
		random := rand.New(rand.NewPCG(seed, 3))
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		kinds := map[string]int{}
		for n, e := range all {
			var object struct{ Object, Status string }
			must(t, json.Unmarshal(objectOf(e), &object))
			kinds[object.Object]++
			in.delivered(altered(t, e, map[string]any{"id": fmt.Sprintf("evt_stale%d", n)}))
			if object.Status != "won" && object.Status != "lost" { // a later decision is news
				in.delivered(altered(t, e, map[string]any{"id": fmt.Sprintf("evt_new%d", n), "created": in.now().Unix()}))
			}
		}
		for _, kind := range []string{"checkout.session", "payment_intent", "charge", "refund", "dispute", "radar.early_fraud_warning", "review", "payout", "payment_link"} {
			if kinds[kind] == 0 {
				t.Errorf("no event was about a %s", kind)
			}
		}
		in.idle()
		now := map[string]bool{}
		for line := range strings.SplitSeq(in.books()[""], "\n") {
			now[line] = true
		}
		for _, line := range before {
			// The balance is read beside the events: a movement may have learned its payout meanwhile.
			if !now[line] && !strings.Contains(line, `"payout_id":""`) {
				t.Fatalf("TRAK_SEED=%d: it is not any more\n%s", seed, line)
			}
		}
		in.verified()
	})
}

// What the last word decides is read again from Stripe, and what is read is the last word.
func TestWhatMayBeStaleIsReadAgain(t *testing.T) {
	t.Parallel()

	bothInboxes(t, "an account", func(t *testing.T, in *inbox) {
		told := map[string]any{"id": in.account, "object": "account", "charges_enabled": false, "payouts_enabled": false, "details_submitted": false}
		asked := in.readsDone(billing.ReadAccount)
		in.sandbox.Emit(in.where(), "account.updated", told)
		events := in.events(0)
		in.delivered(events[len(events)-1])
		in.until("the account is read", func() bool { return in.readsDone(billing.ReadAccount) > asked })
		if n := in.count("SELECT count(*) FROM stripe_connect_accounts WHERE charges_enabled AND stripe_account_id = ?", in.account); n != 1 {
			t.Error("a payload switched the account off that Stripe says is on")
		}
	})

	bothInboxes(t, "a link", func(t *testing.T, in *inbox) {
		inv, url := in.invoice(in.owner, "500", "eur")
		in.idle()
		var id string
		must(t, in.raw.QueryRow("SELECT stripe_link_id FROM payment_links WHERE invoice_id = ?", inv.ID).Scan(&id))
		in.sandbox.Emit(in.where(), "payment_link.updated", map[string]any{"id": id, "object": "payment_link", "active": false})
		events := in.events(0)
		in.delivered(events[len(events)-1])
		in.idle()
		if l := in.detail(in.owner, inv.ID).Link; l.State != "active" || l.URL != url || l.Error != "" {
			t.Errorf("a payload switched a link off that Stripe says is active: %+v", l)
		}
		in.call("/v1/payment_links/"+id, "active", "false")
		in.sandbox.Emit(in.where(), "payment_link.updated", map[string]any{"id": id, "object": "payment_link", "active": true})
		events = in.events(0)
		in.delivered(events[len(events)-1])
		in.until("the link is known to be off", func() bool { return in.detail(in.owner, inv.ID).Link.Error != "" })
	})

	bothInboxes(t, "a dispute that was decided anew", func(t *testing.T, in *inbox) {
		inv, link := in.invoice(in.owner, "500", "eur")
		n := len(in.events(0))
		dispute := in.made("charge.dispute.created", func() { in.pay(link, "4000000000000259") })
		in.advance(time.Hour)
		must(t, in.sandbox.CloseDispute(dispute, true))
		events := in.events(n)
		in.delivered(events...)
		won := ofType(t, events, "charge.dispute.closed")
		is := func(want string) {
			t.Helper()
			if s := in.standing(in.owner, inv.ID); s != want {
				t.Errorf("%s, not %s", s, want)
			}
		}
		is("paid received 50000 due 0 payments 1")
		decided := func(id, status string, at time.Time) json.RawMessage {
			return altered(t, won, map[string]any{"id": id, "created": at.Unix(), "data.object.status": status})
		}
		at := in.now()
		in.delivered(decided("evt_lost_before", "lost", at.Add(-30*time.Minute))) // told late
		is("paid received 50000 due 0 payments 1")
		in.delivered(decided("evt_lost", "lost", at.Add(10*time.Second)))
		is("charged_back received 50000 due 50000 payments 1")
		in.delivered(decided("evt_won", "won", at.Add(20*time.Second)), decided("evt_lost_again", "lost", at.Add(10*time.Second)))
		is("paid received 50000 due 0 payments 1")
		in.delivered(decided("evt_lost_last", "lost", at.Add(30*time.Second)))
		is("charged_back received 50000 due 50000 payments 1")
		// An event of before has the charge read now, and Stripe says that it was won after all.
		in.advance(time.Minute)
		in.delivered(altered(t, won, map[string]any{"id": "evt_other", "api_version": "2026-08-26.dahlia", "data.object.status": "lost"}))
		in.idle()
		is("paid received 50000 due 0 payments 1")
	})

	bothInboxes(t, "a review that ended in another version", func(t *testing.T, in *inbox) {
		inv, link := in.invoice(in.owner, "500", "eur")
		n := len(in.events(0))
		review := in.made("review.opened", func() { in.pay(link, "4000000000009235") })
		must(t, in.sandbox.ApproveReview(review))
		events := in.events(n)
		for i, e := range events {
			if typeOf(e) == "review.closed" {
				events[i] = altered(t, e, map[string]any{"api_version": "2025-03-31.basil"})
			}
		}
		in.delivered(events...)
		in.idle()
		if s := in.standing(in.owner, inv.ID); s != "paid received 50000 due 0 payments 1" {
			t.Error(s)
		}
	})
}

// readsDone counts the objects of a kind that were read for the account.
func (in *inbox) readsDone(kind string) int {
	in.t.Helper()
	return in.count("SELECT COALESCE(SUM(asked), 0) FROM stripe_reads WHERE kind = ? AND stripe_account_id = ? AND next_attempt_at = 0", kind, in.account)
}
