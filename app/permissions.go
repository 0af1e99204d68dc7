package app

import (
	"maps"
	"slices"
)

// Role is what a member is in a workspace.
type Role string

// Roles, from the most to the least.
const (
	Owner  Role = "owner"
	Admin  Role = "admin"
	Member Role = "member"
	// Accountant sees the money and what it is for, and changes nothing.
	Accountant Role = "accountant"
)

// Roles lists every role, from the most to the least.
func Roles() []Role { return []Role{Owner, Admin, Member, Accountant} }

// Valid says whether there is such a role.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

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
	// Refund gives money back.
	Refund Permission = "refund payments"
	// RecordPayments is for money that came outside Stripe, and to take it back.
	RecordPayments Permission = "record payments"
	// SettleAttention is to say what a payment is for, and what may be left alone.
	SettleAttention Permission = "settle what needs attention"
	// AnswerDisputes: evidence goes to a bank in the team's name, and accepting a loss gives money up.
	AnswerDisputes Permission = "answer disputes"
	ViewEvents     Permission = "view webhook events"
	// ViewPayloads: what Stripe sends holds clients' personal data. Others see what is left of it
	// when that is hidden.
	ViewPayloads Permission = "view all that Stripe sent"
	// RetryEvents is to apply an event once more.
	RetryEvents Permission = "process webhook events again"
	// ViewHealth is for what stands between Stripe and Trak.
	ViewHealth Permission = "view the health page"
	// EditSettings is for what the workspace says of itself on invoices, and how it looks.
	EditSettings Permission = "change the settings of the workspace"
	// Export takes what the workspace holds, personal data included, out of Trak.
	Export Permission = "export data"
	// AnonymiseClients can't be undone.
	AnonymiseClients Permission = "make clients anonymous"
	// DeleteWorkspace can't be undone.
	DeleteWorkspace Permission = "delete the workspace"
	ViewTeam        Permission = "view the team"
	// ManageTeam is to invite people, to change what they are, and to remove them.
	ManageTeam Permission = "manage the team"
	// ManageOwners is the same for owners, and to become no owner by handing over.
	ManageOwners Permission = "make, change or remove owners"
	// ViewAudit is to read who did what, from where.
	ViewAudit Permission = "view the audit log"
)

var granted = map[Permission][]Role{
	ViewInvoices:    {Owner, Admin, Member, Accountant},
	EditInvoices:    {Owner, Admin, Member},
	ViewPayments:    {Owner, Admin, Member, Accountant},
	ViewClients:     {Owner, Admin, Member, Accountant},
	EditClients:     {Owner, Admin, Member},
	ViewProjects:    {Owner, Admin, Member, Accountant},
	EditProjects:    {Owner, Admin, Member},
	ViewStripe:      {Owner, Admin, Member, Accountant},
	ManageStripe:    {Owner, Admin},
	Refund:          {Owner, Admin},
	RecordPayments:  {Owner, Admin},
	SettleAttention: {Owner, Admin},
	AnswerDisputes:  {Owner, Admin},
	ViewEvents:      {Owner, Admin, Member},
	ViewPayloads:    {Owner, Admin},
	RetryEvents:     {Owner, Admin},
	ViewHealth:      {Owner},

	EditSettings:     {Owner, Admin},
	Export:           {Owner, Admin},
	AnonymiseClients: {Owner, Admin},
	DeleteWorkspace:  {Owner},
	ViewTeam:         {Owner, Admin, Member, Accountant},
	ManageTeam:       {Owner, Admin},
	ManageOwners:     {Owner},
	ViewAudit:        {Owner, Admin},
}

// Permissions lists every permission by name, for tests and pages.
func Permissions() []Permission { return slices.Sorted(maps.Keys(granted)) }

// May says whether the role has the permission.
func (r Role) May(p Permission) bool {
	for _, g := range granted[p] {
		if g == r {
			return true
		}
	}
	return false
}
