package handlers

import (
	"errors"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// invitePage is an invitation as the one who was invited sees it: what they can do about it
// depends on who is signed in, and on whether there is an account.
type invitePage struct {
	Page
	Token      string // "" = it does not work (any more)
	Invitation app.OpenInvitation
	As         string // what they become, in the middle of a sentence
	Here       string // address of this page
	Join       bool   // signed in as the one who is invited
	Other      string // the address of somebody else who is signed in
	SignIn     string // where to sign in first, "" for those who have no account
	New        bool   // they make their account here
	Form       form   // name
}

func (h *Server) invitation(c *fiber.Ctx) error {
	return h.showInvitation(c, fiber.StatusOK, c.Query("token"), form{})
}

// showInvitation answers alike for tokens that were used, ended, are too old, or are nobody's.
// Who tries many has to wait.
func (h *Server) showInvitation(c *fiber.Ctx, status int, token string, f form) error {
	ctx := c.UserContext()
	page, err := h.page(c, "Invitation", "")
	if err != nil {
		return err
	}
	page.CSRF = masked(h.formToken(c))
	ip := h.clientIP(c)
	if err := h.app.Limits().AllowToken(ip); err != nil {
		return err
	}
	inv, err := h.app.InvitationOf(ctx, token)
	if errors.Is(err, app.ErrNotFound) {
		h.app.Limits().WrongToken(ip)
		return h.render(c, fiber.StatusNotFound, "invite", invitePage{Page: page})
	}
	if err != nil {
		return err
	}
	user, err := h.signedInUser(c)
	if err != nil {
		return err
	}
	data := invitePage{Page: page, Token: token, Invitation: inv, As: app.Article(inv.Role), Here: "/invite?token=" + url.QueryEscape(token), Form: f}
	switch {
	case user != nil && user.Email == inv.Email:
		data.Join = true
	case user != nil:
		data.Other = user.Email
	case inv.Known:
		data.SignIn = "/signin?next=" + url.QueryEscape(data.Here)
	default:
		data.New = true
	}
	return h.render(c, status, "invite", data)
}

// signedInUser is who is signed in on a page that is for others as well, nil for those.
func (h *Server) signedInUser(c *fiber.Ctx) (*app.User, error) {
	user, err := h.app.UserByID(c.UserContext(), h.session.GetString(c.UserContext(), app.SessionUser))
	if errors.Is(err, app.ErrSignedOut) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &user, nil
}

// acceptInvitation makes whoever was invited a member, and their account when they have none.
func (h *Server) acceptInvitation(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	token := f.Value("token")
	if err := h.app.Limits().AllowToken(h.clientIP(c)); err != nil {
		return err
	}
	user, err := h.signedInUser(c)
	if err != nil {
		return err
	}
	slug := ""
	if user != nil {
		slug, err = h.joinAs(c, *user, token)
	} else {
		slug, err = h.joinAsNew(c, token, f)
	}
	errs, isInput := fieldErrors(err)
	switch {
	case isInput:
		f.Errors = errs
		return h.showInvitation(c, fiber.StatusUnprocessableEntity, token, f)
	case errors.Is(err, app.ErrNotFound): // says so
		return h.showInvitation(c, fiber.StatusNotFound, token, f)
	case errors.Is(err, app.ErrOtherAccount):
		return h.showInvitation(c, fiber.StatusForbidden, token, f)
	case errors.Is(err, app.ErrConflict): // there is an account
		return h.showInvitation(c, fiber.StatusConflict, token, f)
	case err != nil:
		return err
	}
	h.flash(c, "Welcome to the team.")
	return h.goTo(c, "/w/"+slug+"/payments")
}

// joinAs renews the session: what its holder may has changed.
func (h *Server) joinAs(c *fiber.Ctx, user app.User, token string) (slug string, err error) {
	if slug, err = h.app.AcceptInvitation(c.UserContext(), user.ID, token); err != nil {
		return "", err
	}
	return slug, h.renewSession(c.UserContext())
}

func (h *Server) joinAsNew(c *fiber.Ctx, token string, f form) (slug string, err error) {
	user, slug, err := h.app.AcceptAsNew(c.UserContext(), token, f.Line("name"), f.Value("password"))
	if err != nil {
		return "", err
	}
	return slug, h.startSession(c, user.ID)
}
