package handlers

import (
	"errors"
	"html/template"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
	"trak/db"
)

// projectsPath is an address below the workspace's projects.
func projectsPath(actor app.Actor, rest string) string {
	return "/w/" + actor.Workspace.Slug + "/projects" + rest
}

// projectSum is what a project comes to in one currency, formatted.
type projectSum struct {
	Currency                        string
	Invoices                        string // 3 invoices
	Invoiced, Received, Outstanding string
}

func projectSums(totals []app.ProjectTotal, locale string) (list []projectSum) {
	for _, t := range totals {
		list = append(list, projectSum{
			Currency: t.Invoiced.Currency, Invoices: count(t.Invoices, "invoice"), Invoiced: billing.FormatMoney(t.Invoiced, locale),
			Received: billing.FormatMoney(t.Received, locale), Outstanding: billing.FormatMoney(t.Outstanding, locale),
		})
	}
	return list
}

// projectRow is one project of the list.
type projectRow struct {
	ID, Name string
	Sums     []projectSum
	First    bool // of the rows that were just added: it takes the focus
}

type projectsPage struct {
	Page
	Base     string
	Rows     []projectRow
	Archived bool   // the list of those that are put away
	More     string // address of the next page, "" on the last one
	Further  bool   // not the first page
}

func (h *Server) projects(c *fiber.Ctx) (err error) {
	actor := actorOf(c)
	data := projectsPage{Base: projectsPath(actor, ""), Archived: c.Query("archived") != ""}
	after, further := readNameCursor(c.Query("after"))
	list, next, err := h.app.Projects(c.UserContext(), actor, data.Archived, after)
	if err != nil {
		return err
	}
	data.Further = further
	if next != nil {
		data.More = data.Base + "?after=" + nameCursorText(*next)
	}
	for i, p := range list {
		data.Rows = append(data.Rows, projectRow{
			ID: p.ID, Name: p.Name, Sums: projectSums(p.Totals, actor.Workspace.Locale),
			First: i == 0 && partialTarget(c) == "more-projects",
		})
	}
	if data.Page, err = h.page(c, "Projects", "projects"); err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "projects", data, "more-projects")
}

// projectPage is one project: what it comes to, and its invoices.
type projectPage struct {
	Page
	Project    db.Project
	Base, URL  string
	NewInvoice string // address of the form for a new invoice in it, "" when it is put away
	Sums       []projectSum
	Rows       []template.HTML
	More       string    // address of the next page, "" on the last one
	Further    bool      // not the first page
	Live       *listLook // nil: the rows of this page don't poll
}

func (h *Server) project(c *fiber.Ctx) error {
	actor, ctx, id := actorOf(c), c.UserContext(), c.Params("id")
	p, err := h.app.Project(ctx, actor, id)
	if err != nil {
		return err
	}
	from, further := readCursor(c.Query("after"))
	rows, next, err := h.app.InvoicesOfProject(ctx, actor, id, from)
	if err != nil {
		return err
	}
	data := projectPage{
		Project: p.Project, Base: projectsPath(actor, ""), URL: projectsPath(actor, "/"+id), Further: further,
		Sums: projectSums(p.Totals, actor.Workspace.Locale),
	}
	if p.ArchivedAt == 0 && actor.May(app.EditInvoices) {
		data.NewInvoice = invoicesPath(actor, "?new=1&project="+id)
	}
	if data.Rows, err = h.renderRows(actor, rows, partialTarget(c) == "more"); err != nil {
		return err
	}
	if next != nil {
		data.More = data.URL + "?after=" + cursorText(*next)
	}
	if data.Page, err = h.page(c, p.Name, "projects"); err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "project", data, "more")
}

// projectFormPage is the form of a project, new or known.
type projectFormPage struct {
	Page
	ID       string // "" of a new one
	Archived bool
	Form     form        // name, note, version
	Saved    *db.Project // what somebody else saved meanwhile
}

// Action is where the form goes.
func (p projectFormPage) Action() string {
	if p.ID == "" {
		return "/w/" + p.Workspace.Slug + "/projects"
	}
	return "/w/" + p.Workspace.Slug + "/projects/" + p.ID
}

func (h *Server) newProject(c *fiber.Ctx) error {
	return h.showProjectForm(c, fiber.StatusOK, projectFormPage{})
}

func (h *Server) showProjectForm(c *fiber.Ctx, status int, data projectFormPage) (err error) {
	title := "New project"
	if data.ID != "" {
		title = "Edit project"
	}
	if data.Page, err = h.page(c, title, "projects"); err != nil {
		return err
	}
	return h.render(c, status, "project_form", data, "project-form")
}

func projectInput(f form) app.ProjectInput {
	version, _ := strconv.ParseInt(f.Value("version"), 10, 64) // anything else is an old version: a conflict
	return app.ProjectInput{Name: f.Line("name"), Note: f.Value("note"), Version: version}
}

func (h *Server) createProject(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	p, err := h.app.CreateProject(c.UserContext(), actorOf(c), projectInput(f))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showProjectForm(c, fiber.StatusUnprocessableEntity, projectFormPage{Form: f})
	}
	if err != nil {
		return err
	}
	h.flash(c, p.Name+" is added.")
	return h.goTo(c, projectsPath(actorOf(c), "/"+p.ID))
}

func (h *Server) editProject(c *fiber.Ctx) error {
	p, err := h.app.Project(c.UserContext(), actorOf(c), c.Params("id"))
	if err != nil {
		return err
	}
	f := formOf(map[string]string{"name": p.Name, "note": p.Note, "version": strconv.FormatInt(p.Version, 10)})
	return h.showProjectForm(c, fiber.StatusOK, projectFormPage{ID: p.ID, Archived: p.ArchivedAt > 0, Form: f})
}

func (h *Server) updateProject(c *fiber.Ctx) error {
	ctx, actor, id := c.UserContext(), actorOf(c), c.Params("id")
	f, err := readForm(c)
	if err != nil {
		return err
	}
	err = h.app.UpdateProject(ctx, actor, id, projectInput(f))
	if err == nil {
		h.flash(c, f.Line("name")+" is saved.")
		return h.goTo(c, projectsPath(actor, "/"+id))
	}
	var isInput bool
	if f.Errors, isInput = fieldErrors(err); !isInput && !errors.Is(err, app.ErrConflict) {
		return err
	}
	p, findErr := h.app.Project(ctx, actor, id)
	if findErr != nil {
		return findErr
	}
	data := projectFormPage{ID: id, Archived: p.ArchivedAt > 0, Form: f}
	if isInput {
		return h.showProjectForm(c, fiber.StatusUnprocessableEntity, data)
	}
	// Both are shown, and saving again replaces what is there now.
	f.values["version"] = strconv.FormatInt(p.Version, 10)
	data.Saved = &p.Project
	return h.showProjectForm(c, fiber.StatusConflict, data)
}

func (h *Server) archiveProject(c *fiber.Ctx) error {
	return h.putProjectAway(c, true, "Archived. Its invoices stay in it.")
}

func (h *Server) unarchiveProject(c *fiber.Ctx) error {
	return h.putProjectAway(c, false, "Back among your projects.")
}

func (h *Server) putProjectAway(c *fiber.Ctx, archived bool, done string) error {
	if err := h.app.ArchiveProject(c.UserContext(), actorOf(c), c.Params("id"), archived); err != nil {
		return err
	}
	h.flash(c, done)
	return h.goTo(c, projectsPath(actorOf(c), "/"+c.Params("id")))
}
