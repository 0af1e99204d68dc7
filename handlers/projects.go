package handlers

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

// projectRow is one project of the list.
type projectRow struct {
	ID, Name                        string
	Invoices                        int64
	Invoiced, Received, Outstanding []string // one sum for each currency, in the same order
	First                           bool     // of the rows that were just added: it takes the focus
}

type projectsPage struct {
	Page
	Rows     []projectRow
	Archived bool   // the list of those that are put away
	More     string // address of the next page, "" on the last one
	Further  bool   // not the first page
}

// projectsPath is an address below the workspace's projects.
func projectsPath(actor app.Actor, rest string) string {
	return "/w/" + actor.Workspace.Slug + "/projects" + rest
}

func (h *Server) projects(c *fiber.Ctx) error {
	if c.Query("archived") != "" {
		return h.archivedProjects(c)
	}
	actor := actorOf(c)
	after, further := readNameCursor(c.Query("after"))
	list, next, err := h.app.Projects(c.UserContext(), actor, after)
	if err != nil {
		return err
	}
	data := projectsPage{Rows: projectRows(list, actor.Workspace.Locale), Further: further}
	if next != nil {
		data.More = projectsPath(actor, "?after="+nameCursorText(*next))
	}
	if len(data.Rows) > 0 {
		data.Rows[0].First = partialTarget(c) == "more-projects"
	}
	return h.showProjects(c, data)
}

func (h *Server) archivedProjects(c *fiber.Ctx) error {
	list, err := h.app.ArchivedProjects(c.UserContext(), actorOf(c))
	if err != nil {
		return err
	}
	data := projectsPage{Archived: true}
	for _, p := range list {
		data.Rows = append(data.Rows, projectRow{ID: p.ID, Name: p.Name})
	}
	return h.showProjects(c, data)
}

func (h *Server) showProjects(c *fiber.Ctx, data projectsPage) (err error) {
	if data.Page, err = h.page(c, "Projects", "projects"); err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "projects", data, "more-projects")
}

func projectRows(list []app.ProjectRow, locale string) []projectRow {
	rows := make([]projectRow, len(list))
	for i, p := range list {
		row := projectRow{ID: p.ID, Name: p.Name, Invoices: p.Invoices}
		for _, s := range p.Sums {
			row.Invoiced = append(row.Invoiced, billing.FormatMoney(s.Invoiced, locale))
			row.Received = append(row.Received, billing.FormatMoney(s.Received, locale))
			row.Outstanding = append(row.Outstanding, billing.FormatMoney(s.Outstanding, locale))
		}
		rows[i] = row
	}
	return rows
}

// projectForm is the page of a project's form.
func projectForm(actor app.Actor, f form) recordPage {
	return recordPage{Kind: "project", List: projectsPath(actor, ""), Form: f}
}

// storedProject is the form of the project that the address names, as it is stored.
func (h *Server) storedProject(c *fiber.Ctx) (recordPage, any, error) {
	project, err := h.app.Project(c.UserContext(), actorOf(c), c.Params("id"))
	data := projectForm(actorOf(c), formOf(map[string]string{"name": project.Name, "note": project.Note, "version": strconv.FormatInt(project.Version, 10)}))
	data.ID, data.Archived = project.ID, project.ArchivedAt > 0
	return data, project, err
}

func (h *Server) newProject(c *fiber.Ctx) error {
	return h.showRecord(c, fiber.StatusOK, projectForm(actorOf(c), form{}))
}

func (h *Server) createProject(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	project, err := h.app.CreateProject(c.UserContext(), actorOf(c), projectInput(f))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showRecord(c, fiber.StatusUnprocessableEntity, projectForm(actorOf(c), f))
	}
	if err != nil {
		return err
	}
	h.flash(c, project.Name+" is added.")
	return h.goTo(c, projectsPath(actorOf(c), "/"+project.ID))
}

func (h *Server) editProject(c *fiber.Ctx) error {
	return h.showProjectAsStored(c, fiber.StatusOK, nil)
}

// showProjectAsStored shows the form as the project is, with what can't be done with it.
func (h *Server) showProjectAsStored(c *fiber.Ctx, status int, errs billing.FieldErrors) error {
	data, _, err := h.storedProject(c)
	if err != nil {
		return err
	}
	data.Form.Errors = errs
	return h.showRecord(c, status, data)
}

func (h *Server) updateProject(c *fiber.Ctx) error {
	actor, id := actorOf(c), c.Params("id")
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if err := h.app.UpdateProject(c.UserContext(), actor, id, projectInput(f)); err != nil {
		return h.showUnsaved(c, err, f, h.storedProject)
	}
	h.flash(c, f.Line("name")+" is saved.")
	return h.goTo(c, projectsPath(actor, "/"+id))
}

func projectInput(f form) app.ProjectInput {
	version, _ := strconv.ParseInt(f.Value("version"), 10, 64) // anything else is an old version: a conflict
	return app.ProjectInput{Name: f.Line("name"), Note: f.Value("note"), Version: version}
}

func (h *Server) archiveProject(c *fiber.Ctx) error {
	if err := h.app.ArchiveProject(c.UserContext(), actorOf(c), c.Params("id"), true); err != nil {
		return err
	}
	h.flash(c, "Archived. You find archived projects under their own tab.")
	return h.goTo(c, projectsPath(actorOf(c), ""))
}

func (h *Server) unarchiveProject(c *fiber.Ctx) error {
	err := h.app.ArchiveProject(c.UserContext(), actorOf(c), c.Params("id"), false)
	if errs, ok := fieldErrors(err); ok { // its name is another's now
		return h.showProjectAsStored(c, fiber.StatusUnprocessableEntity, errs)
	}
	if err != nil {
		return err
	}
	h.flash(c, "Back among your projects.")
	return h.goTo(c, projectsPath(actorOf(c), ""))
}
