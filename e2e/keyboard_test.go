package e2e

import "testing"

func keyboard(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)

	// g, then a letter, goes to a section.
	for _, to := range []struct{ key, title string }{
		{"i", "Invoices"}, {"h", "Payment history"}, {"s", "Stripe connection"}, {"c", "Clients"}, {"p", "Projects"}, {"o", "Payments"}, {"i", "Invoices"},
	} {
		p.press("g", to.key)
		p.see(title(to.title))
	}

	// The first client that matches is taken with Tab; Ctrl+Enter sends.
	p.press("c")
	p.focused(combobox("Client"))
	p.typed("hal")
	p.holds("only what matches is offered", `document.querySelectorAll('[role=option]:not([hidden])').length === 1`)
	p.holds("the match is marked", `document.activeElement.getAttribute('aria-activedescendant') !== ''`)
	p.press("Tab")
	p.value(combobox("Client"), "Halden & Vik")
	p.focused(textbox("What is it for"))
	p.absent(textbox("Client email"))
	p.typed("Workshop")
	p.press("Tab")
	p.typed("310")
	p.press("Control+Enter")
	p.see(title("€310.00"))
	p.status("Open")
	p.focused(button("Copy"))

	// Letters typed into a field are text.
	p.press("g", "i")
	p.see(title("Invoices"))
	p.press("c")
	p.focused(combobox("Client"))
	p.typed("c/gi")
	p.value(combobox("Client"), "c/gi")

	// Escape closes the list first, then asks, and Escape again keeps what was typed.
	p.fill(combobox("Client"), "Oru")
	p.see(target{role: "listbox", name: "Clients"})
	p.press("ArrowDown", "Enter")
	p.value(combobox("Client"), "Oru Coffee")
	p.press("Tab")
	p.typed("Menu")
	p.press("Escape")
	p.see(dialog("Discard this invoice?"))
	p.press("Escape")
	p.gone(dialog("Discard this invoice?"))
	p.focused(textbox("What is it for"))
	p.value(textbox("What is it for"), "Menu")

	// What was typed outlives a reload.
	p.reload()
	p.click(link("New invoice"))
	p.value(textbox("What is it for"), "Menu")
	p.value(combobox("Client"), "Oru Coffee")
	p.click(textbox("What is it for"))
	p.press("Escape")
	p.click(button("Discard"))
	p.gone(textbox("What is it for"))
	p.focused(link("New invoice"))
	if n := eval[int](p, "sessionStorage.length"); n != 0 {
		t.Errorf("%d drafts are left after discarding", n)
	}

	// An untouched form closes at once.
	p.press("Enter")
	p.focused(combobox("Client"))
	p.press("Escape")
	p.gone(combobox("Client"))

	// Two menus: Escape closes them, and the focus returns.
	p.click(target{role: "DisclosureTriangle", name: "Your account"})
	p.see(button("Sign out"))
	p.press("Escape")
	p.gone(button("Sign out"))
	p.focused(target{role: "DisclosureTriangle", name: "Your account"})
	p.click(target{role: "DisclosureTriangle", name: "Switch workspace"})
	p.see(link("All workspaces"))
	p.press("Escape")
	p.gone(link("All workspaces"))

	// The skip link is the first stop.
	p.reload()
	p.press("Tab")
	p.focused(link("Skip to content"))
	p.press("Enter")
	p.holds("the focus is in the content", "document.activeElement.id === 'main'")
}
