package e2e

import "testing"

func connectLater(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	member := demo.open("member", on)
	member.signIn("sam@kestrel.example", "kestrel-rows-member")
	member.see(title("Payments"))
	member.section("Connect")
	member.status("Not connected")
	member.says("Ask Tom Ashby or Priya Nair.")
	member.absent(button("Connect with Stripe"))

	p := demo.open("owner", on)
	p.signIn("tom@kestrel.example", "kestrel-rows-owner")
	p.see(title("Payments"))
	p.section("Connect")
	p.click(button("Connect with Stripe"))
	p.choose(combobox("Outcome"), "Leave early")
	p.click(button("Submit"))
	p.status("Details needed")
	p.says("What Stripe needs")

	p.click(button("Continue in Stripe"))
	p.fill(textbox("Business name"), "Kestrel Rowing Club")
	p.choose(combobox("Outcome"), "Complete")
	p.click(button("Submit"))
	p.status("Active")
	p.click(button("Check again"))
	p.status("Checked with Stripe just now.")
	p.status("Active")

	// The invoice that was open before has a link now.
	p.section("Invoices")
	p.click(link("INV-0001"))
	p.see(textbox("Stripe link"))
	client := demo.open("client", on)
	client.to(p.paymentLink())
	client.see(link("Pay £640.00"))

	member.reload()
	member.status("Active")
	member.absent(button("Disconnect"))

	p.section("Connect")
	p.click(button("Disconnect"))
	p.says("1 open payment link will stop working.")
	p.click(button("Disconnect Stripe"))
	p.status("Disconnected")
	client.until("Pay is gone", func() error {
		client.reload()
		_, err := client.one(link("Pay £640.00"))
		if err == nil {
			return errStillThere
		}
		return nil
	})
	client.says("Online payment is not open yet.")
}

func member(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("member", on)
	p.section("Connect")
	p.status("Active")
	p.says("Only owners and admins can change this connection. Ask Mira Osei or Jonas Beck.")
	for _, name := range []string{"Check again", "Continue in Stripe", "Open Stripe dashboard", "Disconnect", "Connect with Stripe"} {
		p.absent(button(name))
	}
	p.to(studio + "/connect/disconnect")
	p.says("Ask Mira Osei or Jonas Beck.")
	p.answers(403)

	// A form of one's own, with a good token.
	p.to(studio + "/invoices")
	for _, path := range []string{"/connect", "/connect/check", "/connect/continue", "/connect/dashboard", "/connect/disconnect"} {
		status := eval[int](p, `fetch('`+studio+path+`', {
			method: 'POST', redirect: 'manual', body: new URLSearchParams({ csrf: document.querySelector('[name=csrf]').value, country: 'DE' }),
		}).then(r => r.status)`)
		if status != 403 {
			t.Errorf("POST %s by a member is answered %d, not 403", path, status)
		}
	}

	// Another workspace does not exist for them, nor do its invoices here.
	other := demo.open("other", on)
	other.signIn("tom@kestrel.example", "kestrel-rows-owner")
	other.see(title("Payments"))
	other.to(club + "/invoices")
	other.click(link("INV-0001"))
	other.see(title("£640.00"))
	path := pathOf(other.address())
	id := path[len(club+"/invoices/"):]
	for _, hidden := range []string{club, club + "/invoices", path, studio + "/invoices/" + id, studio + "/invoices/" + id + "/void", studio + "/invoices/" + id + "/edit"} {
		p.to(hidden)
		p.answers(404)
	}
}

// answers fails unless the latest whole page had a status.
func (p *page) answers(want int64) {
	p.t.Helper()
	if got := p.answered(); got != want {
		p.t.Errorf("%s: %s is answered %d, not %d", p.name, p.address(), got, want)
	}
}
