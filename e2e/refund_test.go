package e2e

import "testing"

func refunds(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	address := p.createInvoice("Poster", "120", "EUR")
	client := demo.open("client", on)
	client.to(address)
	client.click(link("Pay €120.00"))
	client.card("4000000000007726") // whose refunds take their time
	client.status("Paid")
	p.status("Paid")

	p.click(link("Refund"))
	p.see(title("Refund a payment"))
	p.value(textbox("Amount in EUR"), "120.00")
	p.fill(textbox("Amount in EUR"), "200")
	p.fill(textbox("Note"), "One poster less")
	p.click(button("Refund"))
	p.described(textbox("Amount in EUR"), "At most €120.00 is left")
	p.value(textbox("Note"), "One poster less")
	p.fill(textbox("Amount in EUR"), "45.50")
	p.choose(combobox("Reason"), "The client asked for it")
	p.click(button("Refund"))

	p.see(title("€120.00"))
	p.status("Partially refunded")
	p.says("One poster less")
	p.says("On its way")
	p.mark()
	client.reload()
	client.says("We are refunding €45.50.")
	client.mark()

	stripe := demo.open("bank", desktop)
	stripe.to(demo.sandbox)
	stripe.click(button("Settle"))
	client.says("We have refunded €45.50.")
	p.resting()
	client.resting()
	p.silent("On its way")
	p.unmoved()
	client.unmoved()

	p.click(link("Refund"))
	p.value(textbox("Amount in EUR"), "74.50")
	p.fill(textbox("Amount in EUR"), "30")
	p.click(target{role: "checkbox", name: "The client still owes this amount"})
	p.click(button("Refund"))
	p.status("Partially paid")
	client.to(address) // and not where coming back from paying led
	client.see(link("Pay €30.00"))
}
