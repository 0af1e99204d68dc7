package billing

import "testing"

func TestLabelOf(t *testing.T) {
	t.Parallel()
	const today, tomorrow, yesterday = Date("2026-12-07"), Date("2026-12-08"), Date("2026-12-06")
	failed := []string{FlagPaymentFailed}
	for _, tt := range []struct {
		look Look
		text string
		tone string
	}{
		{Look{Status: Draft}, "Draft", "neutral"},
		{Look{Status: Draft, DueDate: yesterday}, "Draft", "neutral"},
		{Look{Status: Open}, "Open", "info"},
		{Look{Status: Open, DueDate: tomorrow}, "Open", "info"},
		{Look{Status: Open, DueDate: today}, "Open", "info"},
		{Look{Status: Open, Sent: true}, "Sent", "info"},
		{Look{Status: Open, Sent: true, Viewed: true}, "Viewed", "info"},
		{Look{Status: Open, Sent: true, Viewed: true, Flags: failed}, "Payment failed", "bad"},
		{Look{Status: Open, Sent: true, Viewed: true, Flags: failed, DueDate: yesterday}, "Overdue", "bad"},
		{Look{Status: Processing, DueDate: yesterday, Viewed: true}, "Processing", "warn"},
		{Look{Status: PartiallyPaid, Viewed: true}, "Partially paid", "warn"},
		{Look{Status: PartiallyPaid, DueDate: today}, "Partially paid", "warn"},
		{Look{Status: PartiallyPaid, DueDate: yesterday}, "Overdue", "bad"},
		{Look{Status: PartiallyPaid, DueDate: yesterday, Flags: []string{FlagPaidAfterVoid}}, "Partially paid", "warn"},
		{Look{Status: Paid, DueDate: yesterday, Viewed: true, Sent: true}, "Paid", "ok"},
		{Look{Status: PartiallyRefunded, DueDate: yesterday}, "Partially refunded", "neutral"},
		{Look{Status: Refunded, DueDate: yesterday}, "Refunded", "neutral"},
		{Look{Status: ChargedBack, DueDate: yesterday}, "Charged back", "bad"},
		{Look{Status: Void, DueDate: yesterday}, "Void", "neutral"},
		{Look{Status: Uncollectible, DueDate: yesterday}, "Uncollectible", "neutral"},
	} {
		tt.look.Today = today
		got := LabelOf(tt.look)
		if got.Text != tt.text || got.Tone != tt.tone || got.Icon == "" || got.Key == "" {
			t.Errorf("%+v: got %+v, want %s (%s)", tt.look, got, tt.text, tt.tone)
		}
	}
}

func TestEveryStatusHasALabel(t *testing.T) {
	t.Parallel()
	for _, s := range []Status{
		ChargedBack, Refunded, PartiallyRefunded, Paid, PartiallyPaid, Processing, Void, Uncollectible, Open, Draft, Succeeded, Failed, Incomplete, TakenBack,
	} {
		if got := LabelOfStatus(s); got.Key != string(s) || got.Text == string(s) {
			t.Errorf("%s has the label %+v", s, got)
		}
	}
	if got := LabelOfStatus("later"); got.Text != "later" || got.Tone != "neutral" {
		t.Errorf("an unknown status has the label %+v", got)
	}
}
