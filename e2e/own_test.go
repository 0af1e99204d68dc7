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

// projects are gathered invoices.
func projects(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("member", on)
	p.section("Projects")
	p.click(link("New project"))
	p.fill(textbox("Name"), "Harbour fair")
	p.click(button("Add project"))
	p.see(title("Harbour fair"))
	p.says("No invoices yet")
	p.click(link("New invoice"))
	p.writeInvoice("Lumen Labs", "Stand", "450")
	p.choose(combobox("Project"), "Harbour fair")
	p.click(button("Create and copy link"))
	p.status("Open")
	client := demo.open("client", on)
	client.to(p.paymentLink())
	client.silent("Harbour fair")
	p.click(link("Harbour fair"))
	p.see(title("Harbour fair"))
	p.says("€450.00")
	p.click(link("Edit"))
	p.fill(textbox("Name"), "Harbour fair 2027")
	p.click(button("Save"))
	p.see(title("Harbour fair 2027"))
	p.click(link("Edit"))
	p.click(button("Archive"))
	p.status("Archived. Its invoices stay in it.")
	p.absent(link("New invoice"))
}
