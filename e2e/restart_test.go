package e2e

import "testing"

func restart(t *testing.T, s *suite, on screen) {
	server := s.serve(t)
	p := server.setUp(on)
	p.connectStripe()
	p.section("Invoices")
	p.newInvoice()
	p.fill(combobox("Client"), "Byrne Foods")
	p.press("Tab")
	p.fill(textbox("Client email"), "accounts@byrne.example")
	p.fill(textbox("What is it for"), "Label design")
	p.fill(textbox("Amount"), "640")
	p.click(button("Create and copy link"))
	p.status("Open")
	p.says("Live")
	p.mark()
	client := server.open("client", on)
	client.to(p.paymentLink())
	client.click(link("Pay €640.00"))
	client.see(textbox("Card number"))

	p.serverGoesAway()
	server.process.stop()
	p.says("Reconnecting")
	server.start()
	p.says("Live")

	client.card("4242424242424242")
	client.status("Paid")
	p.status("Paid")
	p.unmoved()
	p.resting()
	client.resting()
}
