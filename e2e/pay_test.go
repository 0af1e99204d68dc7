package e2e

import "testing"

func wholeWay(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	p.allowClipboard()
	p.section("Invoices")
	p.newInvoice()
	p.writeInvoice("Halden & Vik", "Brand workshop", "2,940")
	p.says("€2,940.00") // the total, by the server
	p.click(button("Create and copy link"))

	p.see(title("€2,940.00"))
	p.status("Open")
	address := p.paymentLink()
	p.focused(button("Copy"))
	p.watchClipboard()
	p.press("Enter")
	p.status("Copied")
	if got := eval[string](p, "window.copied"); got != address {
		t.Errorf("copied %q, not %q", got, address)
	}
	p.mark()

	client := demo.open("client", on) // somebody else, who is signed in nowhere
	client.to(address)
	client.see(title("€2,940.00"))
	client.status("Open")
	client.click(link("Pay €2,940.00"))
	client.card("4242424242424242")
	client.reaches(address + "?checkout=") // by the link's own redirect
	client.status("Paid")
	client.absent(link("Pay €2,940.00"))

	p.status("Paid")
	p.says("Visa ···· 4242")
	p.unmoved()
	p.resting()
	client.resting()
}

func declinedThenPaid(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("admin", on)
	address := p.createInvoice("Poster", "120", "EUR")
	p.mark()

	client := demo.open("client", on)
	client.to(address)
	client.click(link("Pay €120.00"))
	client.card("4000000000000002")
	client.says("Your card was declined.")
	p.status("Payment failed")
	client.fill(textbox("Card number"), "4242424242424242")
	client.click(button("Pay"))
	client.status("Paid")
	p.status("Paid")
	p.unmoved()
	p.resting()
}

func threeDSecure(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("member", on)
	address := p.createInvoice("Signage", "310.50", "EUR")

	client := demo.open("client", on)
	client.to(address)
	client.click(link("Pay €310.50"))
	client.card("4000002760003184")
	client.click(button("Fail"))
	client.says("We are unable to authenticate your payment method.")
	client.card("4000002760003184")
	client.click(button("Complete"))
	client.status("Paid")
	p.status("Paid")
}

func bankDebit(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	address := p.createInvoice("Catalogue", "800", "USD")
	p.mark()

	client := demo.open("client", on)
	client.to(address)
	client.click(link("Pay $800.00"))
	client.click(target{role: "tab", name: "Bank debit"})
	client.fill(textbox("Email"), "ana@client.example")
	client.fill(textbox("Account number"), "000123456789")
	client.click(button("Pay"))
	client.status("Processing")
	client.absent(link("Pay $800.00"))
	client.mark()
	p.status("Processing")

	stripe := demo.open("bank", desktop)
	stripe.to(demo.sandbox)
	stripe.click(button("Settle"))
	client.status("Paid")
	p.status("Paid")
	client.unmoved()
	p.unmoved()
	p.resting()
}
