package e2e

import "testing"

// Attack E8.
func signInAndOut(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.open("person", on)

	p.to(studio + "/invoices") // a guest is asked to sign in, and then comes back here
	p.focused(textbox("Email"))
	p.signIn("mira@northlight.example", "not the password")
	p.says("don't belong together")
	p.value(textbox("Email"), "mira@northlight.example")
	p.fill(textbox("Password"), "north-light-owner")
	p.click(button("Sign in"))
	p.see(title("Payments"))

	p.section("Invoices")
	p.see(title("Invoices"))
	p.menu()
	p.click(target{role: "DisclosureTriangle", name: "Your account"})
	p.click(button("Sign out"))
	p.see(button("Sign in"))
	p.back() // shows nothing of what was there
	p.see(button("Sign in"))
	p.absent(title("Invoices"))

	p.to(studio + "/history")
	for _, role := range []string{"member", "admin", "owner"} {
		p.to("/signin")
		p.click(button("Continue as " + role))
		p.see(title("Payments"))
		p.menu()
		p.click(target{role: "DisclosureTriangle", name: "Your account"})
		p.click(button("Sign out"))
		p.see(button("Sign in"))
	}
}
