package e2e

import "testing"

// Somebody is invited, joins, becomes something else, and is out while their page is open.
func teamwork(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	mira, kim := demo.signedIn("owner", on), demo.open("kim", on)
	mira.section("Team")
	mira.fill(textbox("Email"), "kim@example.com")
	mira.choose(combobox("Role"), "Accountant")
	mira.click(button("Invite"))
	mira.see(textbox("Invitation link"))
	joins(mira, kim)

	kim.absent(link("New invoice"))
	kim.section("Invoices")
	kim.absent(link("New invoice"))
	kim.section("Payment history")

	mira.to(team)
	mira.choose(combobox("Role of Kim Larsen"), "Member")
	mira.click(button("Save the role of Kim Larsen"))
	mira.says("The role is changed.")
	kim.section("Invoices")
	kim.see(link("New invoice"))
	kim.section("Overview")

	mira.click(link("Remove Kim Larsen"))
	mira.says("Remove Kim Larsen?")
	mira.click(button("Remove member"))
	mira.says("They are no longer in the team.")
	kim.see(title("You are no longer in this workspace")) // by itself: the overview asks for news
	kim.click(link("Go to the start page"))
	kim.says("You are in no workspace.")
}

// joins lets kim follow the link that mira's page shows, and make an account.
func joins(mira, kim *page) {
	kim.to(mira.valueOf(textbox("Invitation link")))
	kim.see(title("Join Northlight Studio"))
	kim.fill(textbox("Your name"), "Kim Larsen")
	kim.fill(textbox("Password"), "short")
	kim.click(button("Create account and join"))
	kim.described(textbox("Password"), "Use at least 12 characters")
	kim.value(textbox("Your name"), "Kim Larsen")
	kim.fill(textbox("Password"), "reed heron quiet water")
	kim.click(button("Create account and join"))
	kim.see(title("Payments"))
	kim.says("Welcome to the team.")
}

func teamworkWithoutScripts(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	mira, kim := demo.open("owner", on), demo.open("kim", on)
	mira.withoutScripts()
	kim.withoutScripts()
	mira.signIn("mira@northlight.example", "north-light-owner")
	mira.see(title("Payments"))
	mira.to(team)
	mira.fill(textbox("Email"), "kim@example.com")
	mira.click(button("Invite"))
	mira.see(textbox("Invitation link"))
	joins(mira, kim)
	mira.to(team)
	mira.click(link("Hand over ownership to Kim Larsen"))
	mira.see(title("Hand over to Kim Larsen?"))
	mira.click(button("Hand over ownership"))
	mira.says("You are an admin now.")
	kim.to(team)
	kim.see(button("Save the role of Mira Osei"))
	mira.click(link("Leave workspace"))
	mira.click(button("Leave workspace"))
	mira.says("You left Northlight Studio.")
	mira.to(team)
	mira.see(title("You are no longer in this workspace"))
}
