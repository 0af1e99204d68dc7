package e2e

import "testing"

// flow is one thing that people do with Trak, from its beginning to its end.
type flow struct {
	name string
	run  func(*testing.T, *suite, screen)
}

// flows are done on a desktop and on a phone.
var flows = []flow{
	{"sign in and out", signInAndOut},
	{"a passkey", passkeys},
	{"a second factor, without scripts", secondFactor},
	{"the first run, from the set-up link to a paid invoice", firstRun},
	{"create, pay and see it paid without a reload", wholeWay},
	{"a declined card, then a good one", declinedThenPaid},
	{"3-D Secure", threeDSecure},
	{"a bank debit that settles later", bankDebit},
	{"refunded in part, on its way, and still owed", refunds},
	{"connect Stripe, and open invoices get their links", connectLater},
	{"several lines, with errors beside the fields", severalLines},
	{"draft, edit, finalize, void, delete", lifeOfADraft},
	{"terms, note, order number, lines that move, and a copy", besideTheLines},
	{"given up on, and reopened", givenUpOn},
	{"two people edit one draft", twoEditors},
	{"an invoice outlives the session", lostSession},
	{"an invoice outlives the session, without scripts", lostSessionWithoutScripts},
	{"a project, its invoices and what it comes to", projects},
	{"currencies with no and with three decimals", otherCurrencies},
	{"a member may not change the connection", member},
	{"a team: invited, in, something else, and out at once", teamwork},
	{"a team without scripts", teamworkWithoutScripts},
	{"a dispute, from the invoice to the bank", disputed},
	{"own mode, from the set-up link to a paid invoice", ownMode},
	{"an invoice without scripts", withoutScripts},
	{"everything else without scripts", theRestWithoutScripts},
	{"a server that restarts while a page is open", restart},
}

// checks need no second screen.
var checks = []flow{
	{"the keyboard alone", keyboard},
	{"a hidden tab rests", hiddenTab},
	{"only the status and the toast announce", announcements},
	{"the theme comes with the page", theme},
	{"what gets into a page does not run", walls},
	{"pages are light", weight},
	{"every page and state is accessible", sweep},
}

func Test(t *testing.T) {
	t.Parallel()
	s := newSuite(t)
	if *pictures != "" {
		s.takePictures(t, *pictures)
		return
	}
	for _, f := range checks {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.run(t, s, desktop)
		})
	}
	for _, f := range flows {
		for _, on := range []screen{desktop, phone} {
			t.Run(f.name+" on a "+on.name, func(t *testing.T) {
				t.Parallel()
				f.run(t, s, on)
			})
		}
	}
}
