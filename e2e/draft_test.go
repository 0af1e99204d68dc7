package e2e

import "testing"

func severalLines(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	p.section("Invoices")
	p.mark()
	p.newInvoice()

	// A new client, without leaving the form.
	p.fill(combobox("Client"), "Vesper Ceramics")
	p.press("Tab")
	p.fill(textbox("Client email"), "not an address")
	p.click(button("Add line item"))
	first, second, third := group("Line 1"), group("Line 2"), group("Line 3")
	p.focused(textbox("Description").in(first))
	p.typed("Photography")
	p.fill(textbox("Quantity").in(first), "2")
	p.fill(textbox("Unit price").in(first), "450")
	p.says("€900.00")
	p.click(button("Add line item"))
	p.focused(textbox("Description").in(second))
	p.typed("Retouching")
	p.fill(textbox("Unit price").in(second), "a lot")
	p.click(button("Add line item"))
	p.focused(textbox("Description").in(third))
	p.typed("Travel")
	p.fill(textbox("Unit price").in(third), "80")

	p.click(button("Create and copy link"))
	p.see(target{role: "alert"})
	p.says("fields need another look")
	p.described(textbox("Client email"), "")
	p.described(textbox("Unit price").in(second), "Enter a price like")
	p.value(textbox("Unit price").in(second), "a lot")
	p.value(textbox("Description").in(first), "Photography")
	p.value(combobox("Client"), "Vesper Ceramics")
	p.focused(textbox("Client email"))
	p.unmoved()

	p.fill(textbox("Client email"), "studio@vesper.example")
	p.fill(textbox("Unit price").in(second), "12.50")
	p.fill(textbox("Quantity").in(second), "1,5")
	p.says("€998.75") // 900 + 18.75 + 80
	p.click(button("Remove Line 3"))
	p.gone(third)
	p.says("€918.75")
	p.click(button("Create and copy link"))
	p.see(title("€918.75"))
	p.unmoved()
	p.says("Retouching")
	p.section("Clients")
	p.see(link("Vesper Ceramics"))
}

func lifeOfADraft(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("admin", on)
	p.section("Invoices")
	p.newInvoice()
	p.writeInvoice("Oru Coffee", "Menu board", "75")
	p.click(button("Save draft"))
	p.see(title("€75.00"))
	p.status("Draft")
	p.absent(textbox("Payment link"))

	p.click(link("Edit"))
	p.fill(textbox("Amount"), "95")
	p.click(button("Save draft"))
	p.see(title("€95.00"))
	p.status("Draft")
	p.click(button("Create and copy link"))
	p.status("Open")
	p.says("INV-0017")
	address := p.paymentLink()

	// A confirmation asks in a dialog; Escape is a no.
	p.click(link("Mark void"))
	p.see(dialog("Void INV-0017?"))
	p.press("Escape")
	p.gone(dialog("Void INV-0017?"))
	p.focused(link("Mark void"))
	p.status("Open")
	p.click(link("Mark void"))
	p.click(link("Cancel").in(dialog("Void INV-0017?")))
	p.gone(dialog("Void INV-0017?"))
	p.click(link("Mark void"))
	p.click(button("Void invoice").in(dialog("Void INV-0017?")))
	p.status("Void")
	p.absent(textbox("Payment link"))
	p.absent(link("Mark void"))
	client := demo.open("client", on)
	client.to(address)
	client.status("Void")
	client.says("This invoice was withdrawn.")
	client.to(address + "/pay") // an old link on somebody's screen
	client.status("Void")

	// A draft leaves nothing behind.
	p.section("Invoices")
	p.newInvoice()
	p.writeInvoice("Oru Coffee", "By mistake", "1")
	p.click(button("Save draft"))
	p.status("Draft")
	p.click(link("Delete"))
	p.click(button("Delete draft").in(dialog("Delete this draft?")))
	p.status("Draft deleted")
	p.see(title("Invoices"))
	p.silent("By mistake")
}

func otherCurrencies(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	for _, c := range []struct{ code, amount, shown, wrong, problem string }{
		{"JPY", "148,000", "¥148,000", "148.50", "decimals"},
		{"KWD", "1,234.500", "KWD\u00a01,234.500", "1.2345", "decimals"},
	} {
		p.to(studio + "/invoices?new=1")
		p.writeInvoice("Kestrel Cycles", "In "+c.code, c.wrong)
		p.choose(combobox("Currency"), c.code)
		p.click(button("Create and copy link"))
		p.described(textbox("Amount"), c.problem)
		p.value(textbox("Amount"), c.wrong)
		p.fill(textbox("Amount"), c.amount)
		p.says(c.shown)
		p.click(button("Create and copy link"))
		p.see(title(c.shown))
		client := demo.open("client of "+c.code, on)
		client.to(p.paymentLink())
		client.click(link("Pay " + c.shown))
		client.card("4242424242424242")
		client.status("Paid")
		p.status("Paid")
	}
}
