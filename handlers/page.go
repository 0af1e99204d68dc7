package handlers

import "trak/app"

// Page is what every page needs for its frame: head, sidebar, strips and toast. The
// data of each page embeds it, so that templates say {{.Title}} or {{.User.Name}}.
type Page struct {
	Title string // of the document, without the product's name
	Nav   string // the sidebar's current item: overview, invoices, history, disputes, connect, events, team, health, audit, clients, projects, or none
	Theme string // what the person chose: light, dark, or empty to follow the system
	CSRF  string // the session's token, masked, for the hidden field of each form

	Passkey   bool   // the page needs the script for passkeys
	AccentURL string // of the style sheet with the workspace's colour, "" = Trak's own

	RequestID  string // shown when something fails, so that it can be found in the log
	Demo       bool   // no real money moves
	Test       bool   // the same, with a test key of Stripe's
	SandboxURL string // the Stripe stand-in's own page; set in the demo

	User       *PageUser       // nil when not signed in
	Workspace  *PageWorkspace  // nil outside /w/{slug}
	Workspaces []PageWorkspace // all that the user may switch to, the current one included

	Flash string // one short sentence about what was just done
}

// PageUser is the person who is signed in.
type PageUser struct {
	Name, Email string
}

// PageWorkspace is a workspace as the sidebar and the switcher show it.
type PageWorkspace struct {
	Name, Slug string
	Role       string // the word that is shown: Owner, Admin, Member, Accountant
	role       app.Role

	// Filled for the current one only.
	Logo      string // address of the picture, "" = none
	Settings  bool   // the settings are for this person
	Events    bool   // the webhook inbox is for this person
	Health    bool   // the health page is for this person
	Overdue   badge  // invoices that are late
	Attention badge  // what needs a person
	Problems  badge  // of the installation, for its operator
}

// May says whether the person has a permission there, for what a page offers:
// {{if .Workspace.May "edit clients"}}.
func (w PageWorkspace) May(p app.Permission) bool { return w.role.May(p) }

// Initial is the letter on the workspace's tile.
func (w PageWorkspace) Initial() string {
	for _, r := range w.Name {
		return string(r)
	}
	return ""
}
