package handlers

import (
	"html/template"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

// projectPage is one project with its invoices, as a list of invoices shows them.
type projectPage struct {
	Page
	Name, Note string
	URL        string
	Archived   bool
	NewInvoice string // address of the form for one, "" when the project is archived, and for those who write none
	Sums       projectSums
	Rows       []template.HTML
	Live       *listLook // nil when no row can change
	More       string    // address of the next page, "" on the last one
	Further    bool      // not the first page
}

// projectSums is what a project comes to. The page asks for it again while it is open.
type projectSums struct {
	URL     string // of the poll
	Figures []figure
}

// figure is a sum: in the workspace's own currency, if there is one, and beside it the others.
type figure struct{ Name, Value, Note string }

func (h *Server) project(c *fiber.Ctx) error {
	actor := actorOf(c)
	version := h.app.ListVersion(actor) // before the rows, so that what comes between is found by the next poll
	from, further := readListCursor(c)
	d, err := h.app.ProjectDetail(c.UserContext(), actor, c.Params("id"), from)
	if err != nil {
		return err
	}
	data := projectPage{
		Name: d.Name, Note: d.Note, URL: projectsPath(actor, "/"+d.ID), Sums: sumsOf(actor, d.ID, version, d.Sums),
		Live: liveList(actor, version, d.Invoices), Further: further,
	}
	data.Archived = d.ArchivedAt != 0
	if !data.Archived && actor.May(app.EditInvoices) {
		data.NewInvoice = invoicesPath(actor, "?new=1&project="+d.ID)
	}
	if d.Next != nil {
		data.More = data.URL + "?" + listCursorQuery(app.TabAll, *d.Next)
	}
	if data.Rows, err = h.renderRows(actor, d.Invoices, partialTarget(c) == "more"); err != nil {
		return err
	}
	if data.Page, err = h.page(c, d.Name, "projects"); err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "project", data, "more")
}

// projectSums is polled by the project's page.
func (h *Server) projectSums(c *fiber.Ctx) error {
	actor, id := actorOf(c), c.Params("id")
	version := h.app.ListVersion(actor)
	if c.Query("v") == strconv.FormatInt(version, 10) {
		return c.SendStatus(fiber.StatusNoContent)
	}
	sums, err := h.app.ProjectSums(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return h.news(c, "project-sums", sumsOf(actor, id, version, sums))
}

func sumsOf(actor app.Actor, id string, version int64, sums []app.ProjectSum) projectSums {
	if len(sums) == 0 {
		none := billing.Money{Currency: actor.Workspace.Currency}
		sums = []app.ProjectSum{{Invoiced: none, Received: none, Outstanding: none}}
	}
	figureOf := func(name string, of func(app.ProjectSum) billing.Money) figure {
		var texts []string
		for _, s := range sums {
			texts = append(texts, billing.FormatMoney(of(s), actor.Workspace.Locale))
		}
		f := figure{Name: name, Value: texts[0]}
		if len(texts) > 1 {
			f.Note = "and " + strings.Join(texts[1:], ", ")
		}
		return f
	}
	return projectSums{
		URL: projectsPath(actor, "/"+id+"/sums?v="+strconv.FormatInt(version, 10)),
		Figures: []figure{
			figureOf("Invoiced", func(s app.ProjectSum) billing.Money { return s.Invoiced }),
			figureOf("Received", func(s app.ProjectSum) billing.Money { return s.Received }),
			figureOf("Outstanding", func(s app.ProjectSum) billing.Money { return s.Outstanding }),
		},
	}
}
