package sandbox_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"trak/sandbox"
)

// TestOwnAccountIsRestricted: the platform's own account can lose what it may do, and get it back.
func TestOwnAccountIsRestricted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	own := func() *stripe.Account {
		t.Helper()
		got, err := w.api.Accounts.Get()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if _, err := w.PayInDashboard("", "4000000000000077", "usd", 5000, ""); err != nil {
		t.Fatal(err)
	}
	link := w.link(t, "", 500, "usd")
	for _, c := range []struct {
		outcome          string
		charges, payouts bool
		disabled         string
		events           []string
	}{
		{sandbox.OnboardRestricted, false, false, "requirements.past_due", []string{"account.updated", "capability.updated", "capability.updated"}},
		{sandbox.OnboardComplete, true, true, "", []string{"account.updated", "capability.updated", "capability.updated", "account.updated", "account.updated"}},
		{sandbox.OnboardPayoutsPaused, true, false, "requirements.pending_verification", []string{"account.updated", "account.updated", "account.updated"}},
		{sandbox.OnboardComplete, true, true, "", []string{"account.updated", "account.updated", "account.updated"}},
	} {
		before := len(w.Events(""))
		if err := w.Onboard("", c.outcome); err != nil {
			t.Fatal(err)
		}
		a := own()
		if a.ChargesEnabled != c.charges || a.PayoutsEnabled != c.payouts || string(a.Requirements.DisabledReason) != c.disabled {
			t.Errorf("%s: %+v", c.outcome, a)
		}
		if got := w.types("", "")[before:]; !slices.Equal(got, c.events) {
			t.Errorf("%s: events %v, want %v", c.outcome, got, c.events)
		}
		if _, err := w.Checkout(link.ID); (err == nil) != c.charges {
			t.Errorf("%s: its link: %v", c.outcome, err)
		}
		status, body, _ := w.send(t, "POST", "/v1/payouts", url.Values{"amount": {"100"}, "currency": {"usd"}})
		if (status == 200) != c.payouts {
			t.Errorf("%s: a payout: %d %v", c.outcome, status, body)
		}
	}
	if err := w.Onboard(own().ID, sandbox.OnboardRestricted); err != nil || own().ChargesEnabled {
		t.Errorf("by its id: %v", err)
	}
}
