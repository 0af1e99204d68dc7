package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/auth"
	"trak/billing"
	"trak/db"
)

// problem is what a visitor is told about an error: what happened, and what to do.
type problem struct {
	Status  int
	Heading string
	Text    string
}

// problems by status. What an error says itself is for the log, never for the visitor.
var problems = map[int]problem{
	400: {400, "That request is not understood", "Go back, reload the page and try again."},
	403: {403, "You may not do that", "Ask an owner or an admin of the workspace."},
	404: {404, "There is nothing here", "The address may be wrong, or what was here is gone."},
	405: {405, "That can't be done here", "Go back, reload the page and try again."},
	408: {408, "That took too long", "The request did not arrive in time. Try again."},
	409: {409, "Somebody changed this meanwhile", "Reload the page to see how it is now, then try again."},
	413: {413, "That is too large", "Send less at once."},
	415: {415, "That form was not understood", "Go back, reload the page and try again."},
	421: {421, "Trak is not reached under this name", "Use the address that you were given."},
	422: {422, "Something in the form is missing or wrong", "Go back and check what you entered."},
	429: {429, "That was too often", "Wait a while, then try again."},
	431: {431, "The request is too large", "Delete this site's cookies and try again."},
	500: {500, "Something went wrong on our side", "What was saved before is safe. Try again; if it fails again, tell whoever runs this Trak the reference below."},
	503: {503, "Trak is busy", "It will be back in a moment. Try again then."},
}

// What is told of some errors in place of what holds for their status.
var (
	lastOwner    = problem{409, "A workspace needs an owner", "Make somebody else an owner first, then try again. Nothing was changed."}
	formerMember = problem{404, "You are no longer in this workspace", "Your membership has ended. What you wrote is safe with the team. If that is a mistake, ask them to invite you again."}
)

// statusOf maps an error to the status of its answer.
func statusOf(err error) int {
	var f *fiber.Error
	var tooMany *auth.TooMany
	switch {
	case errors.As(err, &f):
		return f.Code
	case errors.Is(err, app.ErrSignedOut):
		return fiber.StatusUnauthorized
	case errors.Is(err, app.ErrForbidden), errors.Is(err, errOrigin):
		return fiber.StatusForbidden
	case errors.Is(err, app.ErrNotFound):
		return fiber.StatusNotFound
	case errors.Is(err, app.ErrConflict):
		return fiber.StatusConflict
	case errors.As(err, &tooMany):
		return fiber.StatusTooManyRequests
	case errors.As(err, new(billing.FieldErrors)), errors.As(err, new(billing.InputError)):
		return fiber.StatusUnprocessableEntity
	case errors.Is(err, db.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		return fiber.StatusServiceUnavailable
	}
	return fiber.StatusInternalServerError
}

// fail answers an error. It is also what fasthttp's own errors come to, for which nothing else
// has run.
func (h *Server) fail(c *fiber.Ctx, err error) error {
	r := requestOf(c)
	h.setHeaders(c, r.id)
	c.Response().ResetBody()
	status := statusOf(err)
	if status == fiber.StatusUnauthorized {
		return h.toSignIn(c)
	}
	p, ok := problems[status]
	if !ok {
		p = problems[500]
		if status < 500 {
			p = problems[400]
		}
	}
	if status >= 500 {
		h.log.Error("request failed", "request", r.id, "route", c.Route().Path, "error", err)
	}
	h.explain(c, &p, err)
	c.Status(p.Status)
	switch {
	case strings.HasPrefix(c.Path(), "/api/"): // for machines
		c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
		return nil
	case isHTMX(c):
		c.Set("HX-Reswap", "none") // an error page has no place inside a page
		if errors.Is(err, app.ErrFormerMember) {
			c.Set("HX-Redirect", ownPath(currentPage(c))) // which says so itself
		}
		c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
		return c.SendString(p.Heading + ". " + p.Text)
	}
	return h.errorPage(c, p)
}

// explain adds what the error tells that a visitor may know.
func (h *Server) explain(c *fiber.Ctx, p *problem, err error) {
	var tooMany *auth.TooMany
	var notAllowed *app.NotAllowed
	switch {
	case errors.As(err, &tooMany):
		p.Text = retryAfter(c, tooMany)
	case p.Status == fiber.StatusServiceUnavailable:
		c.Set(fiber.HeaderRetryAfter, "5")
	case errors.Is(err, app.ErrLastOwner):
		*p = lastOwner
	case errors.Is(err, app.ErrFormerMember):
		*p = formerMember
	case errors.As(err, &notAllowed):
		p.Text = whoMay(notAllowed)
	case errors.Is(err, errOrigin):
		p.Heading, p.Text = "This page was open for too long", "Go back, reload the page and try again."
	}
}

func waitText(seconds int) string {
	if seconds <= 90 {
		return fmt.Sprintf("Try again in %d seconds.", seconds)
	}
	return fmt.Sprintf("Try again in %d minutes.", (seconds+59)/60)
}

// whoMay says which roles may do it, and who has one.
func whoMay(e *app.NotAllowed) string {
	roles := ""
	for _, r := range slices.Backward(app.Roles()) {
		switch {
		case !r.May(e.Permission):
		case roles == "":
			roles = string(r) + "s"
		case strings.Contains(roles, " and "):
			roles = string(r) + "s, " + roles
		default:
			roles = string(r) + "s and " + roles
		}
	}
	text := fmt.Sprintf("Only %s can %s.", roles, e.Permission)
	if len(e.Managers) > 0 {
		text += " Ask " + strings.Join(e.Managers, " or ") + "."
	}
	return text
}

// toSignIn leads people who are signed out to the sign-in page, and back here afterwards.
func (h *Server) toSignIn(c *fiber.Ctx) error {
	to := "/signin"
	here := string(c.Request().URI().RequestURI())
	if isHTMX(c) {
		here = currentPage(c)
	}
	if next := ownPath(here); next != "/" && (isHTMX(c) || c.Method() == fiber.MethodGet) {
		to += "?next=" + url.QueryEscape(next)
	}
	if isHTMX(c) {
		c.Set("HX-Redirect", to)
		return c.SendStatus(fiber.StatusUnauthorized)
	}
	if f, ok := carryDraft(c); ok {
		return h.showSignIn(c, fiber.StatusUnauthorized, f, "You were signed out. Sign in to go on with your invoice: it is not lost.")
	}
	return c.Redirect(to, fiber.StatusSeeOther)
}

type errorPage struct {
	Page
	Problem problem
}

// errorPage keeps the frame for people who are signed in. When the fault is ours it touches
// neither database nor session.
func (h *Server) errorPage(c *fiber.Ctx, p problem) error {
	data := errorPage{Page: h.frame(p.Heading), Problem: p}
	data.RequestID = requestOf(c).id
	if p.Status < 500 && requestOf(c).user != nil {
		if page, err := h.page(c, p.Heading, ""); err == nil {
			data.Page = page
		}
	}
	if err := h.fragment(c, p.Status, "error.html", data); err != nil {
		h.log.Error("render error page", "request", requestOf(c).id, "error", err)
		c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
		return c.Status(p.Status).SendString(p.Heading)
	}
	return nil
}
