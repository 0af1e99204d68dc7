package e2e

import "strings"

// The addresses of the demo's workspaces.
const (
	studio = "/w/northlight-studio/payments"
	club   = "/w/kestrel-rowing-club/payments"
	team   = "/w/northlight-studio/settings/team"
)

// pathOf is the path and query of an address.
func pathOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	return rest[strings.Index(rest, "/"):]
}

// signedIn opens the demo's first workspace as its owner, admin or member, by the button.
func (s *site) signedIn(role string, on screen) *page {
	s.t.Helper()
	p := s.open(role, on)
	p.to("/signin")
	p.click(button("Continue as " + role))
	p.see(title("Payments"))
	return p
}

// signIn signs in by email and password.
func (p *page) signIn(email, password string) {
	p.t.Helper()
	p.to("/signin")
	p.fill(textbox("Email"), email)
	p.fill(textbox("Password"), password)
	p.click(button("Sign in"))
}

// menu shows the navigation, which a phone hides at first.
func (p *page) menu() {
	p.t.Helper()
	if p.screen.phone {
		p.click(target{role: "checkbox", name: "Show navigation"})
	}
}

// section goes to a part of Trak by the navigation.
func (p *page) section(name string) {
	p.t.Helper()
	p.menu()
	p.click(link(name).in(target{role: "navigation", name: "Main"}))
	p.holds("in "+name, "document.querySelector('nav [aria-current=page]')?.textContent.includes('"+name+"') ?? false")
}

// newInvoice opens the composer on the list.
func (p *page) newInvoice() {
	p.t.Helper()
	p.click(link("New invoice"))
	p.focused(combobox("Client"))
}

// writeInvoice fills the composer's one-line form.
func (p *page) writeInvoice(client, what, amount string) {
	p.t.Helper()
	p.fill(combobox("Client"), client)
	p.fill(textbox("What is it for"), what)
	p.fill(textbox("Amount"), amount)
}

// createInvoice makes an open invoice for a known client, and returns the client's address of it.
func (p *page) createInvoice(what, amount, currency string) string {
	p.t.Helper()
	p.to(studio + "/invoices")
	p.newInvoice()
	p.writeInvoice("Lumen Labs", what, amount)
	p.choose(combobox("Currency"), currency)
	p.click(button("Create and copy link"))
	p.status("Open")
	return p.paymentLink()
}

// paymentLink is what the invoice's page offers to copy.
func (p *page) paymentLink() string {
	p.t.Helper()
	return p.valueOf(textbox("Payment link"))
}

// card fills the stand-in's checkout with a card, and pays.
func (p *page) card(number string) {
	p.t.Helper()
	p.fill(textbox("Email"), "ana@client.example")
	p.fill(textbox("Card number"), number)
	p.fill(textbox("Expiry"), "12/34")
	p.fill(textbox("CVC"), "123")
	p.click(button("Pay"))
}

// watchClipboard keeps what the page copies in window.copied: the clipboard itself belongs to
// all tests together.
func (p *page) watchClipboard() {
	p.t.Helper()
	eval[bool](p, `(write => {
		navigator.clipboard.writeText = text => write(window.copied = text);
		return true;
	})(navigator.clipboard.writeText.bind(navigator.clipboard))`)
}

// mark leaves a mark in the page that a reload would wipe away.
func (p *page) mark() {
	p.t.Helper()
	eval[bool](p, "window.notReloaded = true")
}

// unmoved fails when the page was loaded again since mark.
func (p *page) unmoved() {
	p.t.Helper()
	if !eval[bool](p, "window.notReloaded === true") {
		p.t.Errorf("%s: the page was loaded again", p.name)
	}
}

// resting waits until the page has stopped asking for news, and makes sure that it has.
func (p *page) resting() {
	p.t.Helper()
	p.holds("nothing is live any more", "document.querySelectorAll('[data-live]').length === 0")
}
