package e2e

import "testing"

// ownMode is a team that runs Trak for itself alone: three settings, and nothing to connect.
func ownMode(t *testing.T, s *suite, on screen) {
	server := s.serveOwn(t)
	p := server.setUp(on)
	p.status("Active")
	p.says("the account that this Trak")
	p.absent(button("Connect with Stripe"))
	p.absent(button("Disconnect"))
	p.says("Test mode: no real money moves.")

	p.section("Invoices")
	p.newInvoice()
	p.writeInvoice("Byrne Foods", "Label design", "640")
	p.click(button("Create and copy link"))
	p.see(title("€640.00"))
	p.status("Open")

	client := server.open("client", on)
	client.to(p.paymentLink())
	client.says("This is a test invoice. Nothing has to be paid.")
	client.click(link("Pay €640.00"))
	client.card("4242424242424242")
	client.status("Paid")
	p.status("Paid")
	p.resting()

	p.to("/workspaces?new=1")
	p.see(title("Workspaces"))
}
