package e2e

import (
	_ "embed"
	"testing"

	"github.com/chromedp/cdproto/network"
)

// axe is axe-core, which finds faults of accessibility. testdata/README says where it is from.
//
//go:embed testdata/axe.min.js
var axe string

// view is a page in a state, and how one gets there.
type view struct {
	name string
	show func(*page)
}

func path(name, address string) view {
	return view{name, func(p *page) { p.to(address) }}
}

// sweep looks at every page and state on several screens and in both themes.
func sweep(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	invoices, clients := p.eachStatus()

	tom := func(p *page) { p.signIn("tom@kestrel.example", "kestrel-rows-owner"); p.see(title("Payments")) }
	mira := func(p *page) { p.to("/signin"); p.click(button("Continue as owner")); p.see(title("Payments")) }
	ada := func(p *page) { p.to("/signin"); p.click(button("Continue as member")); p.see(title("Payments")) }
	nobody := func(*page) {}

	var statuses, publics []view
	for status, address := range invoices {
		statuses = append(statuses, path("invoice, "+status, address))
	}
	for status, address := range clients {
		publics = append(publics, path("client's page, "+status, address))
	}
	publics = append(publics, path("client's page, unknown", "/i/abcdefghijklmnopqrstuv"))

	server := s.serve(t)
	sweeps := []struct {
		name  string
		enter func(*page)
		views []view
	}{
		{"a guest", nobody, append(publics,
			path("sign-in", "/signin"),
			view{"sign-in, refused", func(p *page) { p.signIn("mira@northlight.example", "not this one"); p.see(target{role: "alert"}) }},
			path("not found, as a guest", "/setup"),
			path("invitation, gone", "/invite?token=trk_inv_gone"),
		)},
		{"the studio's owner", mira, []view{
			path("overview", studio),
			path("invoices", studio+"/invoices"),
			path("invoices, drafts", studio+"/invoices?tab=draft"),
			path("invoices, overdue", studio+"/invoices?tab=overdue"),
			path("invoices, no more", studio+"/invoices?after=zzzz"),
			{"composer", func(p *page) { p.to(studio + "/invoices"); p.newInvoice() }},
			{"composer, errors", composerWithErrors},
			{"composer, asking", func(p *page) {
				p.to(studio + "/invoices")
				p.holds("the draft of the view before is gone", "(sessionStorage.clear(), true)")
				p.newInvoice()
				p.fill(textbox("What is it for"), "Something")
				p.press("Escape")
				p.see(dialog("Discard this invoice?"))
				p.press("Escape")
				p.gone(dialog("Discard this invoice?"))
				p.press("Escape")
				p.see(dialog("Discard this invoice?"))
			}},
			path("edit a draft", invoices["Draft"]+"/edit"),
			path("void, as a page", invoices["Open"]+"/void"),
			{"void, as a dialog", func(p *page) { p.to(invoices["Open"]); p.click(link("Mark void")); p.see(button("Void invoice")) }},
			path("void, too late", invoices["Paid"]+"/void"),
			{"refund", func(p *page) { p.to(invoices["Paid"]); p.click(link("Refund")); p.see(title("Refund a payment")) }},
			{"refund, an error", func(p *page) {
				p.fill(textbox("Amount in EUR"), "99999")
				p.click(button("Refund"))
				p.described(textbox("Amount in EUR"), "At most")
			}},
			path("delete", invoices["Draft"]+"/delete"),
			path("replace the link", invoices["Open"]+"/revoke"),
			path("payment history", studio+"/history"),
			path("a payment outside Stripe", invoices["Open"]+"/payments/new"),
			path("needs attention", studio+"/attention"),
			path("team", team),
			{"team, somebody invited", func(p *page) {
				p.to(team)
				p.fill(textbox("Email"), "kim@example.com")
				p.click(button("Invite"))
				p.see(textbox("Invitation link"))
			}},
			path("leave, the last owner", team+"/leave"),
			path("connect, active", studio+"/connect"),
			path("disconnect", studio+"/connect/disconnect"),
			path("clients", "/w/northlight-studio/clients"),
			path("clients, archived", "/w/northlight-studio/clients?archived=1"),
			path("new client", "/w/northlight-studio/clients/new"),
			{"new client, errors", func(p *page) {
				p.to("/w/northlight-studio/clients/new")
				p.fill(textbox("Email"), "nothing")
				p.click(button("Add client"))
				p.see(target{role: "alert"})
			}},
			{"edit client", func(p *page) {
				p.to("/w/northlight-studio/clients")
				p.click(link("Oru Coffee"))
				p.see(title("Edit client"))
			}},
			path("projects", "/w/northlight-studio/projects"),
			path("projects, archived", "/w/northlight-studio/projects?archived=1"),
			path("new project", "/w/northlight-studio/projects/new"),
			{"new project, errors", func(p *page) {
				p.to("/w/northlight-studio/projects/new")
				p.fill(textbox("Name"), "Website care")
				p.click(button("Add project"))
				p.described(textbox("Name"), "exists")
			}},
			{"project", func(p *page) {
				p.to("/w/northlight-studio/projects")
				p.click(link("Packaging and print"))
				p.see(title("Packaging and print"))
			}},
			{"edit project", func(p *page) { p.click(link("Edit")); p.see(title("Edit project")) }},
			path("security", security),
			path("change password", security+"/password"),
			{"second factor, being set up", func(p *page) { p.to(security); p.click(button("Set up")); p.see(title("Set up a second factor")) }},
			path("workspaces", "/workspaces"),
			path("new workspace", "/workspaces?new=1"),
			path("not found", studio+"/nowhere"),
			{"account menu", func(p *page) {
				p.to(studio + "/history")
				p.click(target{role: "DisclosureTriangle", name: "Your account"})
				p.see(button("Sign out"))
			}},
			{"workspace menu", func(p *page) {
				p.to(studio + "/history")
				p.click(target{role: "DisclosureTriangle", name: "Switch workspace"})
				p.see(link("All workspaces"))
			}},
		}},
		{"the studio's owner, invoices", mira, statuses},
		{"a member", ada, []view{path("connect, as a member", studio+"/connect"), path("not allowed", studio+"/connect/disconnect")}},
		{"the club's owner", tom, []view{
			path("overview, first steps", club),
			path("invoices without Stripe", club+"/invoices"),
			path("composer without Stripe", club+"/invoices?new=1"),
			{"invoice without Stripe", func(p *page) { p.to(club + "/invoices"); p.click(link("INV-0001")); p.see(title("£640.00")) }},
			path("payment history, empty", club+"/history"),
			path("connect, not connected", club+"/connect"),
			{"connect, details needed", func(p *page) {
				p.click(button("Connect with Stripe"))
				p.choose(combobox("Outcome"), "Leave early")
				p.click(button("Submit"))
				p.status("Details needed")
			}},
			{"connect, in review", func(p *page) { p.goOnInStripe("Pending"); p.status("In review") }},
			{"connect, payouts paused", func(p *page) { p.goOnInStripe("Payouts paused"); p.status("Payouts paused") }},
			{"connect, rejected", func(p *page) { p.goOnInStripe("Reject"); p.status("Rejected") }},
		}},
	}
	for _, sweep := range sweeps {
		t.Run(sweep.name, func(t *testing.T) {
			t.Parallel()
			p := demo.of(t).open("sweep", desktop)
			sweep.enter(p)
			for _, v := range sweep.views {
				p.resize(desktop)
				v.show(p)
				p.inspect(v.name)
			}
		})
	}
	t.Run("a new server", func(t *testing.T) {
		t.Parallel()
		p := server.of(t).open("sweep", desktop)
		p.to(server.process.waitFor(`make the first one:\n\s+(\S+)`))
		p.inspect("set-up")
		p.fill(textbox("Your name"), "Ines Marsh")
		p.fill(textbox("Email"), "ines@marsh.example")
		p.fill(textbox("Password"), "four words in a row")
		p.fill(textbox("Workspace name"), "   ")
		p.choose(combobox("Country"), "Ireland")
		p.choose(combobox("Currency"), "EUR")
		p.click(button("Create workspace"))
		p.described(textbox("Workspace name"), "name")
		p.inspect("set-up, an error")
		p.fill(textbox("Password"), "marsh grass under water")
		p.fill(textbox("Workspace name"), "Marsh & Daughters")
		p.click(button("Create workspace"))
		p.see(title("Stripe connection"))
		for _, v := range []view{
			path("overview, empty", "/"), path("invoices, empty", "/w/marsh-daughters/payments/invoices"), path("clients, empty", "/w/marsh-daughters/clients"),
			path("projects, empty", "/w/marsh-daughters/projects"),
		} {
			v.show(p)
			p.inspect(v.name)
		}
	})
}

// of is the same site for a part of the test.
func (s *site) of(t *testing.T) *site { return &site{s: s.s, t: t, url: s.url, sandbox: s.sandbox} }

func composerWithErrors(p *page) {
	p.to(studio + "/invoices")
	p.newInvoice()
	p.fill(textbox("Amount"), "much")
	p.click(button("Add line item"))
	p.fill(textbox("Unit price").in(group("Line 1")), "more")
	p.click(button("Create and copy link"))
	p.see(target{role: "alert"})
}

// goOnInStripe visits the onboarding again with another outcome.
func (p *page) goOnInStripe(outcome string) {
	p.click(button("Continue in Stripe"))
	p.choose(combobox("Outcome"), outcome)
	p.click(button("Submit"))
}

// eachStatus finds an invoice of every status in the studio's list: the path of its page, and
// the address of the client's page.
func (p *page) eachStatus() (invoices, clients map[string]string) {
	p.t.Helper()
	p.to(studio + "/invoices")
	p.see(title("Invoices"))
	invoices, clients = map[string]string{}, map[string]string{}
	for _, row := range eval[[][2]string](p, `[...document.querySelectorAll('tr:has(a)')].map(r => [r.cells[2].innerText.trim(), r.querySelector('a').pathname])`) {
		if invoices[row[0]] == "" {
			invoices[row[0]] = row[1]
		}
	}
	for status, path := range invoices {
		p.to(path)
		p.status(status)
		if address := eval[string](p, `[...document.querySelectorAll('a')].find(a => a.innerText.trim() === 'Client view')?.href ?? ''`); address != "" {
			clients[status] = address
		}
	}
	for _, status := range []string{"Draft", "Open", "Overdue", "Payment failed", "Processing", "Paid", "Partially refunded", "Refunded", "Void"} {
		if invoices[status] == "" {
			p.t.Errorf("the demo has no invoice that is %q, only %v", status, invoices)
		}
	}
	return invoices, clients
}

// looks are the screens and colours that every page is inspected in.
var looks = []struct {
	on     screen
	colour string
}{{desktop, "light"}, {desktop, "dark"}, {phone, "dark"}, {phone, "light"}}

// inspect checks everything that has to hold for any page in any state.
func (p *page) inspect(name string) {
	p.t.Helper()
	for _, l := range looks {
		p.resize(l.on)
		p.prefers(l.colour)
		for _, fault := range p.faultsOfAxe() {
			p.t.Errorf("%s, %s, %s: %s", name, l.on.name, l.colour, fault)
		}
	}
	p.resize(screen{"small phone", 320, 700, true})
	if width := eval[int](p, "document.documentElement.scrollWidth"); width != 320 {
		wide := eval[string](p, `[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 321).map(e => e.outerHTML.slice(0, 90)).slice(-3).join(' | ')`)
		p.t.Errorf("%s: scrolls sideways at 320 px: it is %d wide: %s", name, width, wide)
	}
	if ids := eval[[]string](p, `[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i)`); len(ids) > 0 {
		p.t.Errorf("%s: these ids are there twice: %q", name, ids)
	}
	for _, r := range p.requested("") {
		if r.kind != network.ResourceTypeDocument && r.status >= 400 && r.status != 409 && r.status != 422 {
			p.t.Errorf("%s: %s is answered %d", name, r.url, r.status)
		}
	}
	p.forget()
	p.resize(desktop)
}

// faultsOfAxe is what axe finds, one line for each rule. A menu that a person has opened lies
// over what is below it, which axe takes for small targets.
func (p *page) faultsOfAxe() []string {
	p.t.Helper()
	if !eval[bool](p, "!!window.axe") {
		eval[any](p, axe+";0")
	}
	return eval[[]string](p, `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] }).then(r => r.violations.filter(v =>
		!(v.id === 'target-size' && document.querySelector('details.menu[open]') && v.nodes.every(n => n.any[0]?.message.includes('obscured')))).map(v =>
		v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120) + ' ' + (n.any[0]?.message ?? '')).join(' | ')))`)
}
