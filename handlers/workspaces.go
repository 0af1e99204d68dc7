package handlers

import (
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// home leads to the overview of the workspace used last.
func (h *Server) home(c *fiber.Ctx) error {
	slug, err := h.app.LastWorkspace(c.UserContext(), userOf(c).ID)
	if errors.Is(err, app.ErrNotFound) {
		return c.Redirect("/workspaces", fiber.StatusSeeOther)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/w/"+slug+"/payments", fiber.StatusSeeOther)
}

// toLastWorkspace leads from an address without workspace, /dashboard/payments/…, to the same
// page of the workspace used last.
func (h *Server) toLastWorkspace(c *fiber.Ctx) error {
	slug, err := h.app.LastWorkspace(c.UserContext(), userOf(c).ID)
	if errors.Is(err, app.ErrNotFound) {
		return c.Redirect("/workspaces", fiber.StatusSeeOther)
	}
	if err != nil {
		return err
	}
	page := strings.TrimPrefix(string(c.Request().URI().RequestURI()), "/dashboard/")
	return c.Redirect("/w/"+slug+"/"+page, fiber.StatusSeeOther)
}

type workspacesPage struct {
	Page
	workspaceChoices
	Form form // workspace, country, currency, time_zone, locale
	Open bool // the form for a new workspace
	// MayAdd says whether there may be one more.
	MayAdd bool
}

func (h *Server) workspacesPage(c *fiber.Ctx) error {
	f := formOf(likely(c.Get(fiber.HeaderAcceptLanguage)))
	return h.showWorkspaces(c, fiber.StatusOK, f, c.Query("new") != "")
}

func (h *Server) showWorkspaces(c *fiber.Ctx, status int, f form, open bool) error {
	page, err := h.page(c, "Workspaces", "")
	if err != nil {
		return err
	}
	data := workspacesPage{Page: page, workspaceChoices: newWorkspaceChoices(), Form: f, MayAdd: !h.app.OwnMode()}
	data.Open = open || data.MayAdd && len(page.Workspaces) == 0
	return h.render(c, status, "workspaces", data)
}

func (h *Server) createWorkspace(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	w, err := h.app.CreateWorkspace(c.UserContext(), userOf(c).ID, app.NewWorkspace{
		Name: f.Line("workspace"), Country: f.Line("country"), Currency: f.Line("currency"),
		TimeZone: f.Line("time_zone"), Locale: f.Line("locale"),
	})
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showWorkspaces(c, fiber.StatusUnprocessableEntity, f, true)
	}
	if err != nil {
		return err
	}
	h.flash(c, "Workspace created")
	return h.goTo(c, "/w/"+w.Slug+"/payments/connect")
}

// switchWorkspace leads to the same section of another workspace.
func (h *Server) switchWorkspace(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	slug := f.Line("slug")
	if err := h.app.UseWorkspace(c.UserContext(), userOf(c).ID, slug); err != nil {
		return err
	}
	return h.goTo(c, "/w/"+slug+"/"+section(h.pageBefore(c)))
}

// section is the part of a workspace that a page belongs to: what a switch of workspace keeps.
// An invoice or a client of one workspace isn't in the other, so their lists are.
func section(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/") // w, slug, payments, invoices, …
	switch {
	case len(parts) > 2 && parts[0] == "w" && (parts[2] == "clients" || parts[2] == "projects"):
		return parts[2]
	case len(parts) > 3 && parts[0] == "w" && parts[2] == "settings" && parts[3] == "team":
		return "settings/team"
	case len(parts) > 3 && parts[0] == "w" && parts[2] == "payments":
		switch parts[3] {
		case "invoices", "history", "connect":
			return "payments/" + parts[3]
		}
	}
	return "payments"
}

// pageBefore is the path of our own page that a form was sent from, or "/".
func (h *Server) pageBefore(c *fiber.Ctx) string {
	u, err := url.Parse(c.Get(fiber.HeaderReferer))
	if err != nil || u.Scheme+"://"+u.Host != h.url {
		return "/"
	}
	return ownPath(u.RequestURI())
}
