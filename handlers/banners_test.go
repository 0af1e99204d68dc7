package handlers

import (
	"strings"
	"testing"

	"trak/app"
	"trak/billing"
	"trak/connect"
	"trak/db"
)

func TestLinkBanner(t *testing.T) {
	t.Parallel()
	owner := app.Actor{Role: app.Owner, Workspace: app.Workspace{Slug: "north"}}
	member := app.Actor{Role: app.Member, Workspace: owner.Workspace}
	connected := app.Connection{Stage: connect.StageActive, Account: connect.Account{ID: "acct_1", ChargesEnabled: true}, Managers: []string{"Mira"}}
	off := app.Connection{Stage: app.StageDisconnected, Managers: []string{"Mira", "Ada"}}
	rejected := app.Connection{Stage: connect.StageRejected, Managers: []string{"Mira"}}
	tests := map[string]struct {
		link  app.LinkState
		conn  *app.Connection
		actor app.Actor
		want  string // the parts of the banner that are there
	}{
		"refused":                      {app.LinkState{State: "failed", Error: "Too small."}, nil, member, "Saved, but no payment link yet.|Too small.|Try again"},
		"not made yet, after a try":    {app.LinkState{State: "creating", Error: "No answer."}, nil, member, "Saved, but no payment link yet.|No answer. We keep trying.|Try again"},
		"not made yet":                 {app.LinkState{State: "creating"}, nil, owner, ""},
		"there":                        {app.LinkState{State: "active", URL: "https://buy.stripe.com/x"}, nil, owner, ""},
		"not closed, after a try":      {app.LinkState{State: "closing", Error: "No answer."}, nil, owner, "Stripe has not closed the payment link yet.|No answer. We keep trying until it does."},
		"none, though connected":       {app.LinkState{}, &connected, owner, "No payment link yet.|Stripe is connected, so there can be one now.|Make the payment link"},
		"disconnected, for an owner":   {app.LinkState{State: "closed"}, &off, owner, "No payment link.|Stripe is not connected, so your client can't pay online.|/w/north/payments/connect|Connect Stripe"},
		"disconnected, for a member":   {app.LinkState{}, &off, member, "No payment link.|Stripe is not connected, so your client can't pay online. Ask Mira or Ada."},
		"an account that can't charge": {app.LinkState{}, &rejected, owner, "No payment link.|Stripe does not take payments for you yet.|/w/north/payments/connect|See the connection"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if b := linkBanner(app.Detail{Link: test.link}, test.conn, test.actor); b != nil {
				got = parts(b.Title, b.Text, b.URL, b.Link, b.Retry)
			}
			if got != test.want {
				t.Errorf("%q, not %q", got, test.want)
			}
		})
	}
}

func parts(all ...string) string {
	var there []string
	for _, s := range all {
		if s != "" {
			there = append(there, s)
		}
	}
	return strings.Join(there, "|")
}

func TestEveryFlagIsToldInWords(t *testing.T) {
	t.Parallel()
	d := app.Detail{
		Invoice:  db.Invoice{Currency: "eur", Total: 10000, Received: 12000},
		Payments: []db.Payment{{FailureCode: "insufficient_funds", HappenedAt: 2}, {FailureCode: "expired_card", HappenedAt: 1}},
	}
	want := map[string]string{
		billing.FlagOverpaid: "€20.00 came in too much", billing.FlagPaidAfterVoid: "€120.00 arrived", billing.FlagInReview: "The money is in",
		billing.FlagDisputeLost: "lost", billing.FlagCurrencyMismatch: "does not fit", billing.FlagRefundFailed: "A refund failed",
		billing.FlagRefundPending: "on its way", billing.FlagPaymentFailed: "Not enough funds. Your client can try again", billing.FlagNeedsSync: "The money is safe",
	}
	for flag, text := range want {
		d.Standing.Flags = []string{flag}
		list := flagBanners(d, "en")
		if len(list) != 1 || !strings.Contains(list[0].Title+" "+list[0].Text, text) {
			t.Errorf("%s: %+v", flag, list)
		}
	}
	d.Standing.Flags = []string{billing.FlagRefundPending, billing.FlagPaidAfterVoid}
	if list := flagBanners(d, "en"); len(list) != 2 || list[0].Tone != "bad" {
		t.Errorf("what is worst does not come first: %+v", list)
	}
}

func TestFailuresAreToldInWords(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"insufficient_funds": "Not enough funds", "card_declined": "The bank declined it", "stolen_card": "The bank declined it", "": "",
	} {
		if got := failureText(code); got != want {
			t.Errorf("%s: %q, not %q", code, got, want)
		}
	}
}
