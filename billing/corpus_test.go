package billing

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// told is facts of a payment, by its number.
func told(n string, facts ...any) (list []telling) {
	for _, f := range facts {
		list = append(list, telling{"pi_" + n, f})
	}
	return list
}

// What follows are facts of a payment of 1000.

func begun(n string) Session {
	return Session{ID: "cs_" + n, LinkID: "plink_" + n, IntentID: "pi_" + n, Rank: SessionOpen, Amount: 1000, Currency: "eur"}
}

func session(n string, rank Rank, at int64) Session {
	s := begun(n)
	s.Rank, s.PaidAt = rank, at
	return s
}

func received(n string, at int64) Intent {
	return Intent{ID: "pi_" + n, Currency: "eur", Provisional: 1000, PaidAt: at}
}

func attempt(n string, rank Rank, at int64) Charge {
	c := Charge{ID: "ch_" + n, IntentID: "pi_" + n, Rank: rank, Amount: 1000, Currency: "eur", CreatedAt: at}
	if rank == ChargeSucceeded {
		c.Captured, c.PaidAt = 1000, at
	}
	return c
}

// hinting is a charge that says how much of it was refunded.
func hinting(n string, refunded, at int64) Charge {
	c := attempt(n, ChargeSucceeded, 10)
	c.RefundHint, c.RefundHintAt = refunded, at
	return c
}

func refundOf(n, k string, rank Rank, amount int64) Refund {
	return Refund{ID: "re_" + n + k, ChargeID: "ch_" + n, IntentID: "pi_" + n, Rank: rank, Amount: amount, Currency: "eur", CreatedAt: 20}
}

func disputeOf(n string, rank Rank, at, withdrawn, reinstated int64) Dispute {
	d := Dispute{ID: "dp_" + n, ChargeID: "ch_" + n, IntentID: "pi_" + n, Rank: rank, Amount: 1000, Currency: "eur", CreatedAt: 30,
		Withdrawn: withdrawn, Reinstated: reinstated}
	if d.Decided() {
		d.RankAt = at
	}
	return d
}

func owed(r Refund) Refund { r.StillOwed = true; return r }

func inDollars(c Charge) Charge { c.Currency = "usd"; return c }

// corpus is the nastiest histories that an invoice of 1000 can have.
var corpus = []struct {
	name    string
	decided Status
	told    []telling
	want    string // status, received, refunded, due, flags
}{
	{"a refund, its charge and its payment, told by nothing but themselves", Open,
		told("1", refundOf("1", "a", RefundPending, 400), refundOf("1", "a", RefundSucceeded, 400), hinting("1", 400, 20)),
		"partially_refunded received 1000 refunded 400 due 0"},
	{"paid, and everything is told by session, intent and charge", Open,
		told("1", begun("1"), session("1", SessionPaid, 11), received("1", 12), attempt("1", ChargeSucceeded, 10)),
		"paid received 1000 refunded 0 due 0"},
	{"declined twice, then taken on the same intent", Open,
		told("1", attempt("1x", ChargeFailed, 5), Charge{ID: "ch_y", IntentID: "pi_1", Rank: ChargeFailed, Amount: 1000, Currency: "eur", CreatedAt: 7},
			attempt("1", ChargePending, 10), attempt("1", ChargeSucceeded, 10), session("1", SessionPaid, 11)),
		"paid received 1000 refunded 0 due 0"},
	{"a refund that fails after it succeeded", Open,
		told("1", attempt("1", ChargeSucceeded, 10), refundOf("1", "a", RefundPending, 1000), refundOf("1", "a", RefundSucceeded, 1000),
			hinting("1", 1000, 21), refundOf("1", "a", RefundFailed, 1000), hinting("1", 0, 90)),
		"paid received 1000 refunded 0 due 0 refund_failed"},
	{"a failed refund that Stripe still counts", Open,
		told("1", attempt("1", ChargeSucceeded, 10), refundOf("1", "a", RefundSucceeded, 1000), hinting("1", 1000, 21), refundOf("1", "a", RefundFailed, 1000)),
		"paid received 1000 refunded 0 due 0 refund_failed"},
	{"a refund that failed, and another that did not", Open,
		told("1", hinting("1", 300, 21), refundOf("1", "a", RefundSucceeded, 300), refundOf("1", "a", RefundFailed, 300),
			refundOf("1", "b", RefundPending, 300), refundOf("1", "b", RefundSucceeded, 300)),
		"partially_refunded received 1000 refunded 300 due 0 refund_failed"},
	{"a canceled refund", Open,
		told("1", hinting("1", 300, 21), refundOf("1", "a", RefundPending, 300), refundOf("1", "a", RefundRequiresAction, 300), refundOf("1", "a", RefundCanceled, 300)),
		"paid received 1000 refunded 0 due 0 refund_failed"},
	{"refunded in part, still owed", Open,
		told("1", attempt("1", ChargeSucceeded, 10), owed(refundOf("1", "a", RefundSucceeded, 400)), refundOf("1", "a", RefundPending, 400)),
		"partially_paid received 600 refunded 0 due 400"},
	{"Stripe speaks of a refund that nobody told", Open,
		told("1", attempt("1", ChargeSucceeded, 10), hinting("1", 300, 21), hinting("1", 500, 22), refundOf("1", "a", RefundSucceeded, 300)),
		"partially_refunded received 1000 refunded 300 due 0 needs_sync"},
	{"lost", Open,
		told("1", attempt("1", ChargeSucceeded, 10), disputeOf("1", DisputeNeedsResponse, 0, 0, 0), disputeOf("1", DisputeNeedsResponse, 0, 1000, 0),
			disputeOf("1", DisputeUnderReview, 0, 1000, 0), disputeOf("1", DisputeLost, 50, 1000, 0)),
		"charged_back received 1000 refunded 0 due 1000"},
	{"lost, and decided anew", Open,
		told("1", attempt("1", ChargeSucceeded, 10), disputeOf("1", DisputeNeedsResponse, 0, 1000, 0), disputeOf("1", DisputeLost, 50, 1000, 0),
			disputeOf("1", DisputeWon, 90, 1000, 0), disputeOf("1", DisputeWon, 90, 1000, 1000)),
		"paid received 1000 refunded 0 due 0"},
	{"won, reinstated, and lost after all", Open,
		told("1", attempt("1", ChargeSucceeded, 10), disputeOf("1", DisputeNeedsResponse, 0, 1000, 0), disputeOf("1", DisputeWon, 50, 1000, 1000),
			disputeOf("1", DisputeLost, 90, 2000, 1000), disputeOf("1", DisputeUnderReview, 0, 1000, 0)),
		"charged_back received 1000 refunded 0 due 1000"},
	{"won and lost in one second: the loss counts", Open,
		told("1", attempt("1", ChargeSucceeded, 10), disputeOf("1", DisputeWon, 50, 1000, 1000), disputeOf("1", DisputeLost, 50, 1000, 0)),
		"charged_back received 1000 refunded 0 due 1000"},
	{"an inquiry that closed", Open,
		told("1", attempt("1", ChargeSucceeded, 10), disputeOf("1", DisputeWarningNeedsResponse, 0, 0, 0), disputeOf("1", DisputeWarningUnderReview, 0, 0, 0),
			disputeOf("1", DisputeWarningClosed, 0, 0, 0)),
		"paid received 1000 refunded 0 due 0"},
	{"an inquiry that was closed, and became a dispute all the same", Open,
		told("1", attempt("1", ChargeSucceeded, 10), disputeOf("1", DisputeWarningNeedsResponse, 0, 0, 0), disputeOf("1", DisputeWarningClosed, 0, 0, 0),
			disputeOf("1", DisputeNeedsResponse, 0, 1000, 0)),
		"paid received 1000 refunded 0 due 0 dispute_open"},
	{"refunded in part, and the rest disputed and lost", Open,
		told("1", hinting("1", 400, 21), refundOf("1", "a", RefundSucceeded, 400),
			Dispute{ID: "dp_1", ChargeID: "ch_1", IntentID: "pi_1", Rank: DisputeNeedsResponse, Amount: 600, Currency: "eur"},
			Dispute{ID: "dp_1", ChargeID: "ch_1", IntentID: "pi_1", Rank: DisputeLost, RankAt: 60, Amount: 600, Withdrawn: 600, Currency: "eur"}),
		"charged_back received 1000 refunded 400 due 600"},
	{"two disputes of one charge, one lost and one won", Open,
		told("1", attempt("1", ChargeSucceeded, 10),
			Dispute{ID: "dp_a", ChargeID: "ch_1", IntentID: "pi_1", Rank: DisputeNeedsResponse, Amount: 500, Currency: "eur"},
			Dispute{ID: "dp_a", ChargeID: "ch_1", IntentID: "pi_1", Rank: DisputeLost, RankAt: 60, Amount: 500, Currency: "eur"},
			Dispute{ID: "dp_b", ChargeID: "ch_1", IntentID: "pi_1", Rank: DisputeNeedsResponse, Amount: 500, Currency: "eur"},
			Dispute{ID: "dp_b", ChargeID: "ch_1", IntentID: "pi_1", Rank: DisputeWon, RankAt: 60, Amount: 500, Currency: "eur"}),
		"paid received 1000 refunded 0 due 500 dispute_lost"},
	{"warned of fraud, then disputed", Open,
		told("1", attempt("1", ChargeSucceeded, 10), Alert{ID: "issfr_1", Kind: AlertFraudWarning, ChargeID: "ch_1", IntentID: "pi_1"},
			disputeOf("1", DisputeNeedsResponse, 0, 1000, 0)),
		"paid received 1000 refunded 0 due 0 dispute_open"},
	{"warned of fraud, and nothing was done", Open,
		told("1", attempt("1", ChargeSucceeded, 10), received("1", 9), Alert{ID: "issfr_1", Kind: AlertFraudWarning, ChargeID: "ch_1", IntentID: "pi_1"}),
		"paid received 1000 refunded 0 due 0 early_fraud_warning"},
	{"warned of fraud, and refunded in time", Open,
		told("1", attempt("1", ChargeSucceeded, 10), Alert{ID: "issfr_1", Kind: AlertFraudWarning, ChargeID: "ch_1", IntentID: "pi_1"},
			Alert{ID: "issfr_1", Kind: AlertFraudWarning, ChargeID: "ch_1", IntentID: "pi_1", Closed: true}, refundOf("1", "a", RefundSucceeded, 1000)),
		"refunded received 1000 refunded 1000 due 0"},
	{"a review that was opened and closed", Open,
		told("1", attempt("1", ChargeSucceeded, 10), Alert{ID: "prv_1", Kind: AlertReview, ChargeID: "ch_1", IntentID: "pi_1"},
			Alert{ID: "prv_1", Kind: AlertReview, ChargeID: "ch_1", IntentID: "pi_1", Closed: true, ClosedReason: "approved"}),
		"paid received 1000 refunded 0 due 0"},
	{"paid twice, by two sessions", Open,
		append(told("1", session("1", SessionPaid, 11), attempt("1", ChargeSucceeded, 10)), told("2", session("2", SessionPaid, 13), attempt("2", ChargeSucceeded, 12))...),
		"paid received 2000 refunded 0 due 0 overpaid"},
	{"paid twice, the second refunded", Open,
		append(told("1", session("1", SessionPaid, 11), attempt("1", ChargeSucceeded, 10)),
			told("2", session("2", SessionPaid, 13), hinting("2", 1000, 30), refundOf("2", "a", RefundSucceeded, 1000))...),
		"partially_refunded received 2000 refunded 1000 due 0 overpaid"},
	{"paid after it was voided", Void,
		told("1", begun("1"), session("1", SessionPaid, 11), received("1", 12), attempt("1", ChargeSucceeded, 10)),
		"paid received 1000 refunded 0 due 0 paid_after_void"},
	{"paid after it was voided, and given back", Void,
		told("1", session("1", SessionPaid, 11), hinting("1", 1000, 30), refundOf("1", "a", RefundSucceeded, 1000)),
		"refunded received 1000 refunded 1000 due 0 paid_after_void"},
	{"paid after it was given up on, in part", Uncollectible,
		told("1", Charge{ID: "ch_1", IntentID: "pi_1", Rank: ChargeSucceeded, Amount: 300, Captured: 300, Currency: "eur", CreatedAt: 10, PaidAt: 10}),
		"partially_paid received 300 refunded 0 due 700"},
	{"a bank debit that fails after a card has paid", Open,
		append(told("1", attempt("1", ChargePending, 5), session("1", SessionCompleteUnpaid, 0), attempt("1", ChargeFailed, 5), session("1", SessionAsyncFailed, 0)),
			told("2", session("2", SessionPaid, 13), attempt("2", ChargeSucceeded, 12))...),
		"paid received 1000 refunded 0 due 0"},
	{"a bank debit under way after a card has failed", Open,
		append(told("1", attempt("1", ChargeFailed, 5), session("1", SessionExpired, 0)),
			told("2", attempt("2", ChargePending, 12), session("2", SessionCompleteUnpaid, 0), begun("2"))...),
		"processing received 0 refunded 0 due 1000"},
	{"a bank debit that settles", Open,
		told("1", begun("1"), attempt("1", ChargePending, 5), session("1", SessionCompleteUnpaid, 0), attempt("1", ChargeSucceeded, 5), session("1", SessionPaid, 90), received("1", 90)),
		"paid received 1000 refunded 0 due 0"},
	{"paid in another currency", Open,
		told("1", inDollars(attempt("1", ChargeSucceeded, 10)), Session{ID: "cs_1", IntentID: "pi_1", Rank: SessionPaid, Amount: 1000, Currency: "usd", PaidAt: 11}),
		"open received 0 refunded 0 due 1000 currency_mismatch"},
	{"paid in another currency, then in the right one", Open,
		append(told("1", inDollars(attempt("1", ChargeSucceeded, 10))), told("2", session("2", SessionPaid, 13), attempt("2", ChargeSucceeded, 12), received("2", 14))...),
		"paid received 1000 refunded 0 due 0 currency_mismatch"},
	{"paid less than was asked for, then the rest", Open,
		append(told("1", Charge{ID: "ch_1", IntentID: "pi_1", Rank: ChargeSucceeded, Amount: 300, Captured: 300, Currency: "eur", CreatedAt: 10, PaidAt: 10}),
			told("2", Charge{ID: "ch_2", IntentID: "pi_2", Rank: ChargeSucceeded, Amount: 700, Captured: 700, Currency: "eur", CreatedAt: 20, PaidAt: 20},
				Session{ID: "cs_2", IntentID: "pi_2", Rank: SessionPaid, Amount: 700, Currency: "eur", PaidAt: 20})...),
		"paid received 1000 refunded 0 due 0"},
	{"declined, and nothing more", Open,
		told("1", begun("1"), attempt("1", ChargeFailed, 5), session("1", SessionExpired, 0), Intent{ID: "pi_1", Currency: "eur"}),
		"open received 0 refunded 0 due 1000 payment_failed"},
}

func (r result) String() string {
	s := r.Standing
	return strings.TrimSpace(fmt.Sprintf("%s received %d refunded %d due %d %s", s.Status, s.Received, s.Refunded, s.Due, strings.Join(s.Flags, " ")))
}

// Each of the nastiest histories comes to what it says, told in every order, and in many with
// repetitions.
// Attack A23.
func TestNastyHistories(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, c := range corpus {
		if names[c.name] {
			t.Fatalf("two histories are named %q", c.name)
		}
		names[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := history{decided: c.decided, total: 1000, told: c.told}
			want := h.fold(h.told, proper)
			if want.String() != c.want {
				t.Fatalf("it is\n%s, not\n%s", want, c.want)
			}
			orders := 0
			check := func(told []telling) {
				orders++
				if got := h.fold(told, proper); !reflect.DeepEqual(got, want) {
					t.Fatalf("got  %+v\nwant %+v\nfor %+v", got, want, told)
				}
			}
			permute(append([]telling(nil), h.told...), len(h.told), check)
			rnd := rand.New(rand.NewPCG(1, 2))
			for range 1000 {
				check(h.shuffled(rnd))
			}
			t.Logf("%d orders", orders)
		})
	}
}

// permute calls f with every order of list (Heap's algorithm).
func permute[T any](list []T, n int, f func([]T)) {
	if n <= 1 {
		f(list)
		return
	}
	for i := range n {
		permute(list, n-1, f)
		if n%2 == 0 {
			list[i], list[n-1] = list[n-1], list[i]
		} else {
			list[0], list[n-1] = list[n-1], list[0]
		}
	}
}
