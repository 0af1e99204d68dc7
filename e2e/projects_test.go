package e2e

import "testing"

func projects(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("member", on)
	p.section("Projects")
	p.see(link("Website care"))
	p.says("$2,080.00")

	// A name that is taken comes back beside its field.
	p.click(link("New project"))
	p.focused(textbox("Name"))
	p.typed("website care")
	p.fill(textbox("Note"), "Six signs, two languages")
	p.mark()
	p.click(button("Add project"))
	p.described(textbox("Name"), "A project of this name exists")
	p.value(textbox("Note"), "Six signs, two languages")
	p.focused(textbox("Name"))
	p.unmoved()
	p.fill(textbox("Name"), "Harbour signs")
	p.click(button("Add project"))
	p.see(title("Harbour signs"))
	p.says("Six signs, two languages")
	p.says("No invoices yet.")

	// Its page leads to a form that belongs to it, also after a mistake.
	p.newInvoice()
	p.chosen("Harbour signs")
	p.writeInvoice("Oru Coffee", "Signs for the pier", "nothing")
	p.click(button("Create and copy link"))
	p.described(textbox("Amount"), "Enter an amount like")
	p.chosen("Harbour signs")
	p.fill(textbox("Amount"), "300")
	p.click(button("Create and copy link"))
	p.see(title("€300.00"))
	address := p.paymentLink()

	// What it comes to follows by itself.
	p.click(link("Harbour signs"))
	p.see(title("Harbour signs"))
	p.sums("€300.00", "€0.00", "€300.00")
	p.mark()
	client := demo.open("client", on)
	client.to(address)
	client.silent("Harbour signs")
	client.click(link("Pay €300.00"))
	client.card("4242424242424242")
	client.status("Paid")
	p.says("Paid")
	p.sums("€300.00", "€300.00", "€0.00")
	p.unmoved()

	// A draft that is put into it later counts for nothing yet, and leaves it again.
	p.newInvoice()
	p.chosen("Harbour signs")
	p.choose(combobox("Project"), "None")
	p.writeInvoice("Oru Coffee", "Lamps", "80")
	p.click(button("Save draft"))
	p.status("Draft")
	p.absent(link("Harbour signs"))
	p.click(link("Edit"))
	p.choose(combobox("Project"), "Harbour signs")
	p.click(button("Save draft"))
	p.click(link("Harbour signs"))
	p.see(link("Draft"))
	p.sums("€300.00", "€300.00", "€0.00")

	// Put away, it is not offered any more; the draft keeps it.
	p.click(link("Edit"))
	p.click(button("Archive"))
	p.see(title("Projects"))
	p.absent(link("Harbour signs"))
	p.click(link("Archived"))
	p.click(link("Harbour signs"))
	p.see(button("Take back"))
	p.absent(link("New invoice"))
	p.click(link("Draft"))
	p.click(link("Edit"))
	p.chosen("Harbour signs (archived)")
	p.to(studio + "/invoices?new=1")
	p.chosen("None")
	p.holds("it is not offered", `![...document.querySelectorAll('#project option')].some(o => o.text.startsWith('Harbour'))`)
}

// chosen waits until a project is the one that the form has chosen.
func (p *page) chosen(name string) {
	p.t.Helper()
	p.see(combobox("Project"))
	p.holds(name+" is chosen", `document.querySelector('#project')?.selectedOptions[0]?.text === '`+name+`'`)
}

// sums waits until a project's page says what it comes to.
func (p *page) sums(invoiced, received, outstanding string) {
	p.t.Helper()
	p.holds("the sums are "+invoiced+", "+received+", "+outstanding,
		`[...document.querySelectorAll('#sums .value')].map(e => e.innerText).join() === '`+invoiced+`,`+received+`,`+outstanding+`'`)
}
