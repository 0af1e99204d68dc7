package billing

import (
	"testing"

	"pgregory.net/rapid"
)

// Merging is commutative, associative and idempotent, so that neither the order nor the number
// of deliveries can matter.

func TestMergeSession(t *testing.T) {
	t.Parallel()
	checkMerge(t, MergeSession, func(t *rapid.T) Session {
		return Session{"cs_1", text(t), text(t), rank(t, SessionPaid), amount(t), text(t), flag(t), moment(t)}
	})
}

func TestMergeIntent(t *testing.T) {
	t.Parallel()
	checkMerge(t, MergeIntent, func(t *rapid.T) Intent {
		return Intent{"pi_1", text(t), flag(t), amount(t), text(t), moment(t)}
	})
}

func TestMergeCharge(t *testing.T) {
	t.Parallel()
	checkMerge(t, MergeCharge, func(t *rapid.T) Charge {
		return Charge{
			"ch_1", text(t), rank(t, ChargeSucceeded), amount(t), amount(t), text(t), flag(t), text(t), text(t), text(t),
			text(t), text(t), amount(t), moment(t), moment(t), moment(t),
		}
	})
}

func TestMergeRefund(t *testing.T) {
	t.Parallel()
	checkMerge(t, MergeRefund, func(t *rapid.T) Refund {
		return Refund{"re_1", text(t), text(t), rank(t, RefundFailed), amount(t), text(t), text(t), text(t), moment(t), flag(t), text(t)}
	})
}

func TestMergeDispute(t *testing.T) {
	t.Parallel()
	checkMerge(t, MergeDispute, func(t *rapid.T) Dispute {
		d := Dispute{
			"dp_1", text(t), text(t), rank(t, DisputeLost), 0, amount(t), text(t), flag(t), text(t), moment(t), amount(t), amount(t), amount(t), amount(t), moment(t),
		}
		if d.Decided() {
			d.RankAt = moment(t)
		}
		return d
	})
}

func TestMergeAlert(t *testing.T) {
	t.Parallel()
	checkMerge(t, MergeAlert, func(t *rapid.T) Alert {
		return Alert{"issfr_1", text(t), text(t), text(t), flag(t), text(t), text(t), flag(t), moment(t)}
	})
}

func TestMergePayout(t *testing.T) {
	t.Parallel()
	checkMerge(t, MergePayout, func(t *rapid.T) Payout {
		return Payout{"po_1", rank(t, PayoutFailed), amount(t), text(t), flag(t), flag(t), text(t), text(t), text(t), moment(t)}
	})
}

func TestMergeTransaction(t *testing.T) {
	t.Parallel()
	checkMerge(t, MergeTransaction, func(t *rapid.T) Transaction {
		return Transaction{"txn_1", "charge", "ch_1", 1000, 59, 941, "eur", false, text(t), 5, moment(t)}
	})
}

func checkMerge[T comparable](t *testing.T, merge func(a, b T) T, draw func(*rapid.T) T) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := draw(t), draw(t), draw(t)
		if ab, ba := merge(a, b), merge(b, a); ab != ba {
			t.Fatalf("the order matters:\n%+v\n%+v", ab, ba)
		}
		if l, r := merge(merge(a, b), c), merge(a, merge(b, c)); l != r {
			t.Fatalf("the grouping matters:\n%+v\n%+v", l, r)
		}
		if aa := merge(a, a); aa != a {
			t.Fatalf("a repetition matters:\n%+v\n%+v", aa, a)
		}
		if ab := merge(a, b); merge(ab, a) != ab || merge(ab, b) != ab {
			t.Fatalf("a repetition matters after a merge: %+v", ab)
		}
	})
}

// What is drawn comes from small sets, so that equal values are frequent.

func text(t *rapid.T) string { return rapid.SampledFrom([]string{"", "a", "b", "eur"}).Draw(t, "text") }
func rank(t *rapid.T, top Rank) Rank {
	return Rank(rapid.Int64Range(0, int64(top)).Draw(t, "rank"))
}
func amount(t *rapid.T) int64 { return rapid.Int64Range(0, 3).Draw(t, "amount") }
func moment(t *rapid.T) int64 { return rapid.Int64Range(0, 3).Draw(t, "moment") }
func flag(t *rapid.T) bool    { return rapid.Bool().Draw(t, "flag") }

func TestMergeNeverGoesBack(t *testing.T) {
	t.Parallel()
	paid := Session{ID: "cs_1", IntentID: "pi_1", Rank: SessionPaid, Amount: 1000, PaidAt: 50}
	if got := MergeSession(paid, Session{ID: "cs_1", Rank: SessionExpired, PaidAt: 90}); got != paid {
		t.Errorf("a paid session became %+v", got)
	}
	taken := Charge{ID: "ch_1", Rank: ChargeSucceeded, Amount: 1000, Captured: 1000, RefundHint: 300, RefundHintAt: 80}
	if got := MergeCharge(taken, Charge{ID: "ch_1", Rank: ChargePending, Amount: 1000}); got != taken {
		t.Errorf("a charge that succeeded became %+v", got)
	}
	failed := Refund{ID: "re_1", Rank: RefundFailed, Amount: 300, FailureReason: "expired_or_canceled_card"}
	if got := MergeRefund(failed, Refund{ID: "re_1", Rank: RefundSucceeded, Amount: 300}); got != failed {
		t.Errorf("a failed refund became %+v", got)
	}
	lost := Dispute{ID: "dp_1", Rank: DisputeLost, Amount: 1000}
	if got := MergeDispute(lost, Dispute{ID: "dp_1", Rank: DisputeUnderReview, Amount: 1000}); got != lost {
		t.Errorf("a lost dispute became %+v", got)
	}
	// But a bank may decide anew, and then the later word counts, in either order.
	won := Dispute{ID: "dp_1", Rank: DisputeWon, RankAt: 90, Amount: 1000}
	lost.RankAt = 80
	if ab, ba := MergeDispute(lost, won), MergeDispute(won, lost); ab.Rank != DisputeWon || ba.Rank != DisputeWon {
		t.Errorf("a dispute won at last became %+v and %+v", ab, ba)
	}
	// The hint alone may drop: when a refund fails, Stripe takes it off the charge again.
	if got := MergeCharge(taken, Charge{ID: "ch_1", RefundHint: 0, RefundHintAt: 90}); got.RefundHint != 0 {
		t.Errorf("the later hint was lost: %+v", got)
	}
	if got := MergeCharge(taken, Charge{ID: "ch_1", RefundHint: 900, RefundHintAt: 70}); got.RefundHint != 300 {
		t.Errorf("an earlier hint came back: %+v", got)
	}
}
