package handlers

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/auth"
)

// roleNames are the roles as pages name them.
var roleNames = map[app.Role]string{app.Owner: "Owner", app.Admin: "Admin", app.Member: "Member", app.Accountant: "Accountant"}

// roleChoice is one option of a choice of roles.
type roleChoice struct{ Value, Name string }

// givenBy are the roles that the actor may give.
func givenBy(actor app.Actor) (list []roleChoice) {
	for _, r := range app.Roles() {
		if r != app.Owner || actor.May(app.ManageOwners) {
			list = append(list, roleChoice{string(r), roleNames[r]})
		}
	}
	return list
}

// teamPage is who is in the workspace, and who is invited.
type teamPage struct {
	Page
	Base        string // path of the page
	Members     []memberRow
	Invitations []invitationRow
	Manages     bool // the team
	HandsOver   bool
	Roles       []roleChoice     // of somebody who is invited
	Form        form             // email, role
	Problem     string           // why no invitation could be sent
	Fresh       *freshInvitation // nil unless there is a link to pass on
}

type memberRow struct {
	ID, Name, Email string
	Role, RoleName  string
	Since           int64
	Day             string // of Since
	You, Disabled   bool
	Change          bool         // by the one who looks
	Roles           []roleChoice // to choose from, for those who may change it
}

type invitationRow struct {
	app.Invitation
	RoleName, Expiry string
	Change           bool
}

// freshInvitation is a link that is shown once.
type freshInvitation struct{ Email, Link string }

func teamPath(actor app.Actor, rest string) string {
	return "/w/" + actor.Workspace.Slug + "/settings/team" + rest
}

func (h *Server) team(c *fiber.Ctx) error {
	return h.showTeam(c, fiber.StatusOK, teamPage{Form: formOf(map[string]string{"role": string(app.Member)})})
}

// showTeam fills in the people.
func (h *Server) showTeam(c *fiber.Ctx, status int, data teamPage) error {
	actor := actorOf(c)
	team, err := h.app.Team(c.UserContext(), actor)
	if err != nil {
		return err
	}
	data.Base, data.Manages, data.HandsOver, data.Roles = teamPath(actor, ""), actor.May(app.ManageTeam), actor.May(app.ManageOwners), givenBy(actor)
	mayChange := func(of app.Role) bool { return data.Manages && (of != app.Owner || data.HandsOver) }
	here := localOf(actor)
	for _, m := range team.Members {
		row := memberRow{
			ID: m.UserID, Name: m.Name, Email: m.Email, Role: string(m.Role), RoleName: roleNames[m.Role], Since: m.Since, Day: here.day(m.Since),
			You: m.UserID == actor.UserID, Disabled: m.Disabled,
		}
		if row.Change = mayChange(m.Role) && !row.You; row.Change {
			row.Roles = data.Roles
		}
		data.Members = append(data.Members, row)
	}
	for _, i := range team.Invitations {
		data.Invitations = append(data.Invitations, invitationRow{i, roleNames[i.Role], expiry(i.ExpiresAt, h.now()), mayChange(i.Role)})
	}
	if data.Page, err = h.page(c, "Team", "team"); err != nil {
		return err
	}
	return h.render(c, status, "team", data)
}

// expiry says how long something works, or since when it does no more.
func expiry(at int64, now time.Time) string {
	left := time.UnixMicro(at).Sub(now)
	switch {
	case left <= 0:
		return "Expired " + ago(at, now)
	case left < 2*time.Hour:
		return "Expires within " + count(int64(math.Ceil(left.Minutes())), "minute")
	case left < 48*time.Hour:
		return "Expires in " + count(int64(left.Hours()), "hour")
	}
	return "Expires in " + count(int64(math.Round(left.Hours()/24)), "day")
}

func (h *Server) invite(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	in := app.InvitationInput{Email: f.Line("email"), Role: app.Role(f.Value("role"))}
	link, err := h.app.Invite(c.UserContext(), actorOf(c), in)
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showTeam(c, fiber.StatusUnprocessableEntity, teamPage{Form: f})
	}
	return h.invited(c, f, link, err)
}

func (h *Server) resendInvitation(c *fiber.Ctx) error {
	team, err := h.app.Team(c.UserContext(), actorOf(c))
	if err != nil {
		return err
	}
	f := formOf(map[string]string{})
	for _, i := range team.Invitations {
		if i.ID == c.Params("id") {
			f.values["email"] = i.Email
		}
	}
	link, err := h.app.ResendInvitation(c.UserContext(), actorOf(c), c.Params("id"))
	return h.invited(c, f, link, err)
}

// invited says what became of an invitation to the email of the form. The link is in the answer
// itself, which nobody keeps: it stands in no session.
func (h *Server) invited(c *fiber.Ctx, f form, link string, err error) error {
	var tooMany *auth.TooMany
	if errors.As(err, &tooMany) {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(tooMany.RetryAfter.Seconds()))))
		problem := "That is a lot of mail for one day. Try again in " + count(int64(math.Ceil(tooMany.RetryAfter.Hours())), "hour") + "."
		return h.showTeam(c, fiber.StatusTooManyRequests, teamPage{Form: f, Problem: problem})
	}
	if err != nil {
		return err
	}
	if link == "" {
		h.flash(c, f.Line("email")+" is invited.")
		return h.goTo(c, teamPath(actorOf(c), ""))
	}
	return h.showTeam(c, fiber.StatusOK, teamPage{
		Form: formOf(map[string]string{"role": string(app.Member)}), Fresh: &freshInvitation{f.Line("email"), link},
	})
}

func (h *Server) revokeInvitation(c *fiber.Ctx) error {
	if err := h.app.RevokeInvitation(c.UserContext(), actorOf(c), c.Params("id")); err != nil {
		return err
	}
	h.flash(c, "The invitation is revoked, and its link leads nowhere.")
	return h.goTo(c, teamPath(actorOf(c), ""))
}

func (h *Server) changeRole(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if err := h.app.ChangeRole(c.UserContext(), actorOf(c), c.Params("id"), app.Role(f.Value("role"))); err != nil {
		return err
	}
	h.flash(c, "The role is changed.")
	return h.goTo(c, teamPath(actorOf(c), ""))
}

// askTeam shows a question about a member.
func (h *Server) askTeam(c *fiber.Ctx, data confirmPage) (err error) {
	data.Back, data.BackTo = teamPath(actorOf(c), ""), "Back to the team"
	if data.Page, err = h.page(c, data.Heading, "team"); err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "confirm", data)
}

// memberToChange is who the address names; of an owner only owners ask.
func (h *Server) memberToChange(c *fiber.Ctx) (app.TeamMember, error) {
	m, err := h.app.Member(c.UserContext(), actorOf(c), c.Params("id"))
	if err == nil && m.Role == app.Owner {
		err = h.app.Need(c.UserContext(), actorOf(c), app.ManageOwners)
	}
	return m, err
}

func (h *Server) confirmRemove(c *fiber.Ctx) error {
	m, err := h.memberToChange(c)
	if err != nil {
		return err
	}
	if m.UserID == actorOf(c).UserID {
		return h.confirmLeave(c)
	}
	return h.askTeam(c, confirmPage{
		Heading: "Remove " + m.Name + "?",
		Text:    []string{"They can't see or do anything here from that moment, also where they have a page open. What they wrote stays.", "You can invite them again."},
		Action:  teamPath(actorOf(c), "/members/"+m.UserID+"/remove"), Button: "Remove member",
	})
}

func (h *Server) removeMember(c *fiber.Ctx) error {
	if c.Params("id") == actorOf(c).UserID {
		return h.leave(c)
	}
	if err := h.app.RemoveMember(c.UserContext(), actorOf(c), c.Params("id")); err != nil {
		return err
	}
	h.flash(c, "They are no longer in the team.")
	return h.goTo(c, teamPath(actorOf(c), ""))
}

func (h *Server) confirmHandOver(c *fiber.Ctx) error {
	m, err := h.memberToChange(c)
	if err != nil {
		return err
	}
	if m.UserID == actorOf(c).UserID || m.Disabled {
		return h.askTeam(c, confirmPage{Heading: "Choose somebody else", Text: []string{"The workspace can only be handed over to another member who can sign in."}})
	}
	return h.askTeam(c, confirmPage{
		Heading: "Hand over to " + m.Name + "?",
		Text:    []string{m.Name + " becomes an owner of " + actorOf(c).Workspace.Name + ", and you become an admin.", "Only an owner can make you one again."},
		Action:  teamPath(actorOf(c), "/members/"+m.UserID+"/owner"), Button: "Hand over ownership",
	})
}

func (h *Server) handOver(c *fiber.Ctx) error {
	if err := h.app.HandOver(c.UserContext(), actorOf(c), c.Params("id")); err != nil {
		return err
	}
	h.flash(c, "The workspace is handed over. You are an admin now.")
	return h.goTo(c, teamPath(actorOf(c), ""))
}

func (h *Server) confirmLeave(c *fiber.Ctx) error {
	name := actorOf(c).Workspace.Name
	err := h.app.MayLeave(c.UserContext(), actorOf(c))
	if errors.Is(err, app.ErrLastOwner) {
		return h.askTeam(c, confirmPage{Heading: "You can't leave " + name + " yet", Text: []string{lastOwner.Text}})
	}
	if err != nil {
		return err
	}
	return h.askTeam(c, confirmPage{
		Heading: "Leave " + name + "?", Text: []string{"You see and do nothing here any more, and invitations that you wrote end. Somebody of the team can invite you again."},
		Action: teamPath(actorOf(c), "/leave"), Button: "Leave workspace",
	})
}

func (h *Server) leave(c *fiber.Ctx) error {
	if err := h.app.Leave(c.UserContext(), actorOf(c)); err != nil {
		return err
	}
	h.flash(c, "You left "+actorOf(c).Workspace.Name+".")
	return h.goTo(c, "/")
}
