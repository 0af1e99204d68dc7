package e2e

import "testing"

func withoutScripts(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.open("owner", on)
	p.withoutScripts()
	p.signIn("mira@northlight.example", "north-light-owner")
	p.see(title("Payments"))
	p.section("Invoices")

	// An error comes back on a page with everything that was typed.
	p.click(link("New invoice"))
	p.see(combobox("Client"))
	p.fill(combobox("Client"), "Ferrante Architects")
	p.fill(textbox("What is it for"), "Site model")
	p.fill(textbox("Amount"), "much")
	p.click(button("Create and copy link"))
	p.described(textbox("Amount"), "Enter an amount like")
	p.value(textbox("What is it for"), "Site model")
	p.fill(textbox("Amount"), "700")
	p.click(button("Add line item"))
	p.fill(textbox("Description").in(group("Line 1")), "Transport")
	p.fill(textbox("Unit price").in(group("Line 1")), "60")
	p.click(button("Add line item"))
	p.fill(textbox("Description").in(group("Line 2")), "Not needed")
	p.click(button("Remove Line 2"))
	p.gone(group("Line 2"))
	p.click(button("Save draft"))
	p.see(title("€760.00"))
	p.status("Draft")
	p.click(button("Create and copy link"))
	p.status("Open")
	address := p.paymentLink()
	invoice := p.address()

	// A confirmation is a page.
	p.click(link("Mark void"))
	p.see(title("Void INV-0017?"))
	p.click(link("Cancel"))
	p.status("Open")

	client := demo.open("client", on)
	client.withoutScripts()
	client.to(address)
	client.click(link("Pay €760.00"))
	client.card("4242424242424242")
	client.reaches(address)
	client.untilReloaded("Paid")
	p.to(invoice)
	p.untilReloaded("Paid")

	p.to(studio + "/invoices?new=1")
	p.writeInvoice("Ferrante Architects", "Nothing", "10")
	p.click(button("Create and copy link"))
	p.status("Open")
	p.click(link("Mark void"))
	p.click(button("Void invoice"))
	p.status("Void")

	other := demo.open("club", on)
	other.withoutScripts()
	other.signIn("tom@kestrel.example", "kestrel-rows-owner")
	other.see(title("Payments"))
	other.section("Connect")
	other.click(button("Connect with Stripe"))
	other.choose(combobox("Outcome"), "Complete")
	other.click(button("Submit"))
	other.reaches(club + "/connect")
	other.untilReloaded("Active")
}

// untilReloaded reloads, as a person does who waits, until the page says a status.
func (p *page) untilReloaded(status string) {
	p.t.Helper()
	p.until("status "+status+" after a reload", func() error {
		texts, err := p.texts("status")
		if err != nil {
			return err
		}
		for _, text := range texts {
			if text == status {
				return nil
			}
		}
		p.reload()
		return errNotYet
	})
}
