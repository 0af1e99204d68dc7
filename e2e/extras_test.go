package e2e

import "testing"

func besideTheLines(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("member", on)
	p.section("Invoices")
	p.newInvoice()
	p.reaches(studio + "/invoices?new=1")
	p.holds("the workspace's time to pay is chosen", "document.querySelector('#terms').selectedOptions[0].text === 'In 14 days'")
	p.absent(textbox("Due date"))
	p.choose(combobox("Due"), "On a date")
	p.see(textbox("Due date"))
	p.choose(combobox("Due"), "In 30 days")
	p.gone(textbox("Due date"))
	p.writeInvoice("Lumen Labs", "Audit", "900")
	for i, name := range []string{"one", "two", "three"} {
		p.click(button("Add line item"))
		line := group("Line " + string(rune('1'+i)))
		p.focused(textbox("Description").in(line))
		p.typed(name)
		p.fill(textbox("Unit price").in(line), "10")
	}
	p.click(target{role: "DisclosureTriangle", name: "Note and order number"})
	p.fill(textbox("Note to your client"), "Dear Lumen,\nthank you.")
	p.fill(textbox("Purchase order number"), "PO 4711")

	// Lines move, and the focus goes along; the first, short one stays the first.
	p.mark()
	p.click(button("Move Line 2 up"))
	p.focused(button("Move Line 1 up"))
	p.lines("two", "one", "three")
	p.press("Enter") // it is the first: nowhere to go
	p.lines("two", "one", "three")
	p.fill(textbox("Unit price").in(group("Line 2")), "11")
	p.press("Alt+ArrowDown")
	p.lines("two", "three", "one")
	p.focused(button("Move Line 3 down"))
	p.press("Alt+ArrowUp", "Tab")
	p.lines("two", "one", "three")
	p.value(textbox("Unit price").in(group("Line 2")), "11")
	p.value(textbox("Note to your client"), "Dear Lumen,\nthank you.")
	p.says("€931.00")
	if !on.phone {
		p.inspect("composer, with everything")
	}
	p.unmoved()
	p.click(button("Save draft"))
	p.status("Draft")
	p.says("In 30 days, once it is issued")
	p.click(link("Edit"))
	p.lines("two", "one", "three")
	p.value(textbox("Purchase order number"), "PO 4711")
	p.click(button("Create and copy link"))
	p.status("Open")
	p.says("thank you.")

	client := demo.open("client", on)
	client.to(p.paymentLink())
	client.says("Your purchase order PO 4711.")
	client.says("Dear Lumen,\nthank you.")

	// A copy is a draft of its own, which says where it is from.
	p.click(button("Duplicate"))
	p.see(heading("Draft for Lumen Labs"))
	p.lines("two", "one", "three")
	p.value(textbox("Amount"), "900.00")
	p.holds("its time to pay is the same", "document.querySelector('#terms').selectedOptions[0].text === 'In 30 days'")
	p.fill(textbox("Amount"), "901")
	p.click(button("Save draft"))
	p.see(title("€932.00"))
	p.says("Duplicated from INV-0017")
}

// lines waits until these are the descriptions of the form's lines, in this order.
func (p *page) lines(want ...string) {
	p.t.Helper()
	for i, text := range want {
		p.value(textbox("Description").in(group("Line "+string(rune('1'+i)))), text)
	}
}

func givenUpOn(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("member", on)
	address := p.createInvoice("Poster", "300", "EUR")
	client := demo.open("client", on)
	client.to(address)
	client.see(link("Pay €300.00"))

	p.click(link("Mark uncollectible"))
	p.click(link("Cancel").in(dialog("Mark INV-0017 uncollectible?")))
	p.gone(dialog("Mark INV-0017 uncollectible?"))
	p.click(link("Mark uncollectible"))
	p.click(button("Mark uncollectible").in(dialog("Mark INV-0017 uncollectible?")))
	p.status("Uncollectible")
	p.absent(link("Mark void"))
	client.status("Closed")
	client.says("nothing has to be paid any more")
	client.absent(link("Pay €300.00"))
	client.to(address + "/pay") // an old link on somebody's screen
	client.status("Closed")
	if !on.phone {
		p.inspect("invoice, uncollectible")
		client.inspect("client's page, uncollectible")
	}

	p.click(button("Reopen"))
	p.see(link("Mark uncollectible"))
	p.says("Reopened")
	client.to(address)
	client.click(link("Pay €300.00"))
	client.card("4242424242424242")
	client.status("Paid")
	p.status("Paid")
	p.absent(link("Mark uncollectible"))
}

func twoEditors(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	ada := demo.signedIn("member", on)
	ada.to(studio + "/invoices?new=1")
	ada.writeInvoice("Lumen Labs", "Audit", "900")
	ada.click(button("Save draft"))
	ada.status("Draft")
	draft := pathOf(ada.address())
	ada.to(draft + "/edit")
	ada.click(button("Add line item"))
	ada.fill(textbox("Description").in(group("Line 1")), "Report")
	ada.fill(textbox("Unit price").in(group("Line 1")), "80")

	mira := demo.signedIn("owner", on)
	mira.to(draft)
	mira.see(button("Create and copy link"))
	old := mira.beside("old")
	old.to(draft)
	old.see(link("Delete"))
	mira.to(draft + "/edit")
	mira.fill(textbox("Amount"), "950")
	mira.click(button("Save draft"))
	mira.see(title("€950.00"))

	ada.click(button("Save draft"))
	ada.see(target{role: "alert"})
	ada.says("Mira Osei changed this draft just now.")
	ada.says("Stored: Audit, 1 × 950.00")
	ada.says("Yours: Audit, 1 × 900.00")
	ada.says("Yours: Report, 1 × 80.00")
	ada.value(textbox("Description").in(group("Line 1")), "Report")
	if !on.phone {
		ada.inspect("draft, changed meanwhile")
	}

	old.click(button("Create and copy link")) // of what is not there any more
	old.says("Mira Osei changed this draft just now.")
	old.says("Look at it again before you create the invoice.")
	old.see(title("€950.00"))

	ada.click(button("Save draft"))
	ada.see(title("€980.00"))
}

func lostSession(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	p.to(studio + "/invoices?tab=draft")
	p.newInvoice()
	p.writeInvoice("Oru Coffee", "Menu board", "75")
	p.choose(combobox("Due"), "On receipt")
	p.click(target{role: "DisclosureTriangle", name: "Note and order number"})
	p.fill(textbox("Note to your client"), "Thank you.")
	for i, name := range []string{"Chalk", "Frame"} {
		p.click(button("Add line item"))
		line := group("Line " + string(rune('1'+i)))
		p.focused(textbox("Description").in(line))
		p.typed(name)
	}
	p.endSession()
	p.click(button("Save draft"))
	p.click(button("Continue as owner"))
	p.reaches(studio + "/invoices?new=1")
	p.value(textbox("What is it for"), "Menu board")
	p.value(combobox("Client"), "Oru Coffee")
	p.lines("Chalk", "Frame")
	p.value(textbox("Note to your client"), "Thank you.") // which is shown
	p.holds("the time to pay is as chosen", "document.querySelector('#terms').value === '0'")
	p.fill(textbox("Unit price").in(group("Line 1")), "5")
	p.fill(textbox("Unit price").in(group("Line 2")), "20")
	p.click(button("Save draft"))
	p.see(title("€100.00"))
	p.holds("nothing is kept any more", "sessionStorage.length === 0")

	// The same while a draft is edited.
	p.click(link("Edit"))
	p.fill(textbox("Amount"), "76")
	p.endSession()
	p.click(button("Create and copy link"))
	p.click(button("Continue as owner"))
	p.value(textbox("Amount"), "76")
	p.click(button("Create and copy link"))
	p.see(title("€101.00"))
	p.status("Open")
}

func lostSessionWithoutScripts(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.open("owner", on)
	p.withoutScripts()
	p.to(studio + "/invoices?new=1")
	p.click(button("Continue as owner"))
	p.writeInvoice("Oru Coffee", "Menu board", "75")
	p.click(button("Add line item"))
	p.fill(textbox("Description").in(group("Line 1")), "Chalk")
	p.fill(textbox("Unit price").in(group("Line 1")), "5")
	p.click(target{role: "DisclosureTriangle", name: "Note and order number"})
	p.fill(textbox("Note to your client"), "Dear \"Oru\",\nthank you.")
	p.endSession()
	p.click(button("Create and copy link"))
	p.says("it is not lost")
	if !on.phone {
		p.see(button("Sign in"))
	}
	p.fill(textbox("Email"), "mira@northlight.example")
	p.fill(textbox("Password"), "not this one")
	p.click(button("Sign in"))
	p.says("don't belong together")
	p.fill(textbox("Password"), "north-light-owner")
	p.click(button("Sign in"))
	p.value(textbox("What is it for"), "Menu board")
	p.lines("Chalk")
	p.value(textbox("Note to your client"), "Dear \"Oru\",\nthank you.")
	p.click(button("Save draft"))
	p.see(title("€80.00"))
	p.status("Draft")
}

// endSession signs the person out in another tab.
func (p *page) endSession() {
	p.t.Helper()
	other := p.beside("elsewhere")
	other.to("/workspaces")
	other.menu()
	other.click(target{role: "DisclosureTriangle", name: "Your account"})
	other.click(button("Sign out"))
	other.see(button("Sign in"))
}
