package app

// Role is what a member is in a workspace.
type Role string

// Roles, from the most to the least.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Member Role = "member"
)

// Permission names what a use-case needs. The table below says which role has it; it hides
// buttons in the pages and feeds the test that tries every route with every role.
type Permission string

// Permissions.
const (
	ViewInvoices Permission = "view invoices"
	EditInvoices Permission = "edit invoices" // write, finalize, void, delete drafts
	ViewPayments Permission = "view payments"
	ViewClients  Permission = "view clients"
	EditClients  Permission = "edit clients"
	ViewProjects Permission = "view projects"
	EditProjects Permission = "edit projects"
	ViewStripe   Permission = "view the Stripe connection"
	ManageStripe Permission = "manage the Stripe connection"
	Refund       Permission = "refund payments"
)

var granted = map[Permission][]Role{
	ViewInvoices: {Owner, Admin, Member},
	EditInvoices: {Owner, Admin, Member},
	ViewPayments: {Owner, Admin, Member},
	ViewClients:  {Owner, Admin, Member},
	EditClients:  {Owner, Admin, Member},
	ViewProjects: {Owner, Admin, Member},
	EditProjects: {Owner, Admin, Member},
	ViewStripe:   {Owner, Admin, Member},
	ManageStripe: {Owner, Admin},
	Refund:       {Owner, Admin},
}

// Permissions lists every permission, for tests and pages.
func Permissions() []Permission {
	return []Permission{ViewInvoices, EditInvoices, ViewPayments, ViewClients, EditClients, ViewProjects, EditProjects, ViewStripe, ManageStripe, Refund}
}

// May says whether the role has the permission.
func (r Role) May(p Permission) bool {
	for _, g := range granted[p] {
		if g == r {
			return true
		}
	}
	return false
}
