package e2e

import (
	"fmt"
	"testing"
)

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

// theRestWithoutScripts does all that can be done beside writing and paying an invoice.
func theRestWithoutScripts(t *testing.T, s *suite, on screen) {
	server := s.serve(t)
	p := server.open("owner", on)
	p.withoutScripts()
	p.to(server.process.waitFor(`make the first one:\n\s+(\S+)`))
	p.click(button("Create workspace"))
	p.described(textbox("Your name"), "") // what is missing is said beside each field
	p.fillSetUp()
	p.click(button("Connect with Stripe"))
	p.choose(combobox("Outcome"), "Complete")
	p.click(button("Submit"))
	p.reaches("/w/marsh-daughters/payments/connect")
	p.untilReloaded("Active")
	p.click(button("Check again"))
	p.status("Checked with Stripe just now.")

	// Clients.
	p.section("Clients")
	p.click(link("New client"))
	p.click(button("Add client"))
	p.described(textbox("Name"), "Enter a name")
	p.fill(textbox("Name"), "Byrne Foods")
	p.fill(textbox("Email"), "accounts@byrne.example")
	p.click(button("Add client"))
	p.click(link("Byrne Foods"))
	p.fill(textbox("Address"), "12 Quay Street, Galway")
	p.click(button("Save"))
	p.click(link("Byrne Foods"))
	p.click(button("Archive"))
	p.click(link("Archived"))
	p.click(button("Take Byrne Foods back"))
	p.see(link("Byrne Foods"))

	// Projects.
	p.section("Projects")
	p.click(link("New project"))
	p.fill(textbox("Name"), "Autumn labels")
	p.click(button("Add project"))
	p.see(title("Autumn labels"))
	p.click(link("New invoice"))
	p.writeInvoice("Byrne Foods", "Labels", "64")
	p.choose(combobox("Project"), "Autumn labels")
	p.click(button("Save draft"))
	p.status("Draft")

	// A draft is edited and deleted.
	p.click(link("Edit"))
	p.fill(textbox("Amount"), "65")
	p.click(button("Save draft"))
	p.see(title("€65.00"))
	p.click(link("Delete"))
	p.click(button("Delete draft"))
	p.section("Projects")
	p.click(link("Autumn labels"))
	p.click(link("Edit"))
	p.click(button("Archive"))
	p.click(link("Archived"))
	p.click(button("Take Autumn labels back"))
	p.status("Back among your projects.")

	// Lines change places, with a note and an order number beside them; the invoice is copied,
	// given up on, and taken up again.
	p.to("/w/marsh-daughters/payments/invoices?new=1")
	p.writeInvoice("Byrne Foods", "Labels", "64")
	for i, line := range []string{"Transport", "Storage"} {
		p.click(button("Add line item"))
		at := group(fmt.Sprintf("Line %d", i+1))
		p.fill(textbox("Description").in(at), line)
		p.fill(textbox("Unit price").in(at), "6")
	}
	p.click(button("Move Line 2 up"))
	p.value(textbox("Description").in(group("Line 1")), "Storage")
	p.click(target{role: "DisclosureTriangle", name: "Note and order number"})
	p.fill(textbox("Note to your client"), "Thank you for a good year.")
	p.fill(textbox("Purchase order number"), "PO-77")
	p.choose(combobox("Due"), "In 30 days")
	p.click(button("Create and copy link"))
	p.status("Open")
	p.says("PO-77")
	kept := p.address()
	p.click(button("Duplicate"))
	p.value(textbox("Note to your client"), "Thank you for a good year.")
	p.click(button("Save draft"))
	p.status("Draft")
	p.click(link("Delete"))
	p.click(button("Delete draft"))
	p.see(title("Invoices"))
	p.to(kept)
	p.click(link("Mark uncollectible"))
	p.click(button("Mark uncollectible"))
	p.status("Uncollectible")
	p.click(button("Reopen"))
	p.status("Open")

	// The link is replaced.
	p.to("/w/marsh-daughters/payments/invoices?new=1")
	p.writeInvoice("Byrne Foods", "Labels", "64")
	p.click(button("Create and copy link"))
	p.status("Open")
	old := p.paymentLink()
	p.click(link("Replace link"))
	p.click(button("Replace link"))
	if p.paymentLink() == old {
		t.Error("the link is the same")
	}
	guest := server.open("guest", on)
	guest.withoutScripts()
	guest.to(old)
	guest.see(title("This link leads nowhere"))

	// Payments, colours, workspaces.
	p.section("Payment history")
	p.section("Overview")
	p.menu()
	p.click(target{role: "DisclosureTriangle", name: "Your account"})
	p.click(button("Dark"))
	p.holds("the page is dark", "document.documentElement.dataset.theme === 'dark'")
	p.to("/workspaces?new=1")
	p.fill(textbox("Workspace name"), "Second studio")
	p.choose(combobox("Country"), "Ireland")
	p.choose(combobox("Currency"), "EUR")
	p.choose(combobox("Time zone"), "Europe/Dublin")
	p.click(button("Create workspace"))
	p.see(title("Stripe connection"))
	p.to("/workspaces")
	p.click(button("Marsh & Daughters Owner"))
	p.section("Connect")

	// The connection ends.
	p.click(button("Disconnect"))
	p.click(button("Disconnect Stripe"))
	p.status("Disconnected")
	p.menu()
	p.click(target{role: "DisclosureTriangle", name: "Your account"})
	p.click(button("Sign out"))
	p.see(title("Sign in"))
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
