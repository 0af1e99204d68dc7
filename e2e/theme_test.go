package e2e

import "testing"

// theme is drawn by the server, so that no other colours flash before it.
func theme(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	const background = "getComputedStyle(document.body).backgroundColor"
	light := eval[string](p, background)

	p.click(target{role: "DisclosureTriangle", name: "Your account"})
	p.click(button("Dark"))
	p.holds("the page is dark", background+" !== '"+light+"'")
	dark := eval[string](p, background)
	p.section("Invoices")
	p.see(title("Invoices"))
	if got := eval[string](p, "document.documentElement.dataset.theme + ' ' + "+background); got != "dark "+dark {
		t.Errorf("the next page is %q, not dark %s", got, dark)
	}
	html := eval[string](p, "fetch(location.href).then(r => r.text())")
	if want := `<html lang="en" data-theme="dark">`; len(html) < 60 || html[:60] != "<!doctype html>\n"+want+html[16+len(want):60] {
		t.Errorf("the server's page begins with %q", html[:60])
	}

	p.click(target{role: "DisclosureTriangle", name: "Your account"})
	p.click(button("System"))
	p.holds("the page is light", background+" === '"+light+"'")
	p.prefers("dark")
	p.holds("the page is dark as the system", background+" === '"+dark+"'")
}
