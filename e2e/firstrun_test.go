package e2e

import "testing"

// setUp opens the one-time link that `trak serve` prints, and makes the first account.
func (s *server) setUp(on screen) *page {
	s.t.Helper()
	p := s.open("owner", on)
	p.to(s.process.waitFor(`make the first one:\n\s+(\S+)`))
	p.fillSetUp()
	return p
}

func (p *page) fillSetUp() {
	p.t.Helper()
	p.fill(textbox("Your name"), "Ines Marsh")
	p.fill(textbox("Email"), "ines@marsh.example")
	p.fill(textbox("Password"), "four words in a row")
	p.fill(textbox("Workspace name"), "Marsh & Daughters")
	p.choose(combobox("Country"), "Ireland")
	p.choose(combobox("Currency"), "EUR")
	p.choose(combobox("Time zone"), "Europe/Dublin")
	p.click(button("Create workspace"))
	p.see(title("Stripe connection")) // the next step
}

// connectStripe goes through the stand-in's onboarding.
func (p *page) connectStripe() {
	p.t.Helper()
	p.status("Not connected")
	p.click(button("Connect with Stripe"))
	p.fill(textbox("Business name"), "Marsh & Daughters Ltd")
	p.choose(combobox("Outcome"), "Complete")
	p.click(button("Submit"))
	p.status("Active")
}

func firstRun(t *testing.T, s *suite, on screen) {
	server := s.serve(t)
	once := server.process.waitFor(`make the first one:\n\s+(\S+)`)
	p := server.setUp(on)
	p.section("Overview")
	p.says("0 of 3 done")
	p.section("Connect")
	p.connectStripe()
	p.section("Overview")
	p.says("1 of 3 done")

	p.section("Invoices")
	p.newInvoice()
	p.fill(combobox("Client"), "Byrne Foods")
	p.press("Tab") // a name that nobody has yet
	p.fill(textbox("Client email"), "accounts@byrne.example")
	p.fill(textbox("What is it for"), "Label design")
	p.fill(textbox("Amount"), "640")
	p.click(button("Create and copy link"))
	p.see(title("€640.00"))
	p.status("Open")

	client := server.open("client", on)
	client.to(p.paymentLink())
	client.click(link("Pay €640.00"))
	client.card("4242424242424242")
	client.status("Paid")
	p.status("Paid")

	p.section("Payment history")
	p.says("Byrne Foods")
	p.section("Overview")
	p.says("€640.00")

	guest := server.open("guest", on)
	guest.to(once) // it worked once
	guest.says("There is nothing here")
}
