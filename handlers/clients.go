package handlers

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
	"trak/db"
)

// clientRow is one client of the list.
type clientRow struct {
	ID, Name, Email string
	Owes            []string // one sum for each currency
	First           bool     // of the rows that were just added: it takes the focus
}

type clientsPage struct {
	Page
	Rows     []clientRow
	Archived bool   // the list of those that are put away
	More     string // address of the next page, "" on the last one
	Further  bool   // not the first page
}

// clientsPath is an address below the workspace's clients.
func clientsPath(actor app.Actor, rest string) string {
	return "/w/" + actor.Workspace.Slug + "/clients" + rest
}

func (h *Server) clients(c *fiber.Ctx) error {
	if c.Query("archived") != "" {
		return h.archivedClients(c)
	}
	actor := actorOf(c)
	after, further := readNameCursor(c.Query("after"))
	list, owed, next, err := h.app.Clients(c.UserContext(), actor, after)
	if err != nil {
		return err
	}
	data := clientsPage{Rows: clientRows(list, owed, actor.Workspace.Locale), Further: further}
	if next != nil {
		data.More = clientsPath(actor, "?after="+nameCursorText(*next))
	}
	if len(data.Rows) > 0 {
		data.Rows[0].First = partialTarget(c) == "more-clients"
	}
	return h.showClients(c, data)
}

func (h *Server) archivedClients(c *fiber.Ctx) error {
	list, err := h.app.ArchivedClients(c.UserContext(), actorOf(c))
	if err != nil {
		return err
	}
	return h.showClients(c, clientsPage{Rows: clientRows(list, nil, ""), Archived: true})
}

func (h *Server) showClients(c *fiber.Ctx, data clientsPage) (err error) {
	if data.Page, err = h.page(c, "Clients", "clients"); err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "clients", data, "more-clients")
}

func clientRows(list []db.Client, owed []app.OpenTotal, locale string) []clientRow {
	sums := map[string][]string{}
	for _, o := range owed {
		sums[o.ClientID] = append(sums[o.ClientID], billing.FormatMoney(o.Money, locale))
	}
	rows := make([]clientRow, len(list))
	for i, c := range list {
		rows[i] = clientRow{ID: c.ID, Name: c.Name, Email: c.Email, Owes: sums[c.ID]}
	}
	return rows
}

type clientPage struct {
	Page
	ID       string // "" of a new one
	Action   string // where the form goes
	Archived bool
	Form     form       // name, email, address, version
	Saved    *db.Client // what somebody else saved meanwhile
}

func (h *Server) newClient(c *fiber.Ctx) error {
	return h.showClient(c, fiber.StatusOK, clientPage{})
}

func (h *Server) showClient(c *fiber.Ctx, status int, data clientPage) (err error) {
	title := "New client"
	data.Action = clientsPath(actorOf(c), "")
	if data.ID != "" {
		title = "Edit client"
		data.Action += "/" + data.ID
	}
	if data.Page, err = h.page(c, title, "clients"); err != nil {
		return err
	}
	return h.render(c, status, "client_form", data, "client-form")
}

func (h *Server) createClient(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	client, err := h.app.CreateClient(c.UserContext(), actorOf(c), clientInput(f))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showClient(c, fiber.StatusUnprocessableEntity, clientPage{Form: f})
	}
	if err != nil {
		return err
	}
	return h.toClients(c, client.Name+" is added.")
}

func (h *Server) editClient(c *fiber.Ctx) error {
	client, err := h.app.Client(c.UserContext(), actorOf(c), c.Params("id"))
	if err != nil {
		return err
	}
	f := formOf(map[string]string{
		"name": client.Name, "email": client.Email, "address": client.Address, "version": strconv.FormatInt(client.Version, 10),
	})
	return h.showClient(c, fiber.StatusOK, clientPage{ID: client.ID, Archived: client.ArchivedAt > 0, Form: f})
}

func (h *Server) updateClient(c *fiber.Ctx) error {
	ctx, actor, id := c.UserContext(), actorOf(c), c.Params("id")
	f, err := readForm(c)
	if err != nil {
		return err
	}
	err = h.app.UpdateClient(ctx, actor, id, clientInput(f))
	if err == nil {
		return h.toClients(c, f.Line("name")+" is saved.")
	}
	var isInput bool
	if f.Errors, isInput = fieldErrors(err); !isInput && !errors.Is(err, app.ErrConflict) {
		return err
	}
	client, findErr := h.app.Client(ctx, actor, id)
	if findErr != nil {
		return findErr
	}
	data := clientPage{ID: id, Archived: client.ArchivedAt > 0, Form: f}
	if isInput {
		return h.showClient(c, fiber.StatusUnprocessableEntity, data)
	}
	// Both are shown, and saving again replaces what is there now.
	f.values["version"] = strconv.FormatInt(client.Version, 10)
	data.Saved = &client
	return h.showClient(c, fiber.StatusConflict, data)
}

func clientInput(f form) app.ClientInput {
	version, _ := strconv.ParseInt(f.Value("version"), 10, 64) // anything else is an old version: a conflict
	return app.ClientInput{Name: f.Line("name"), Email: f.Line("email"), Address: f.Value("address"), Version: version}
}

func (h *Server) archiveClient(c *fiber.Ctx) error {
	if err := h.app.ArchiveClient(c.UserContext(), actorOf(c), c.Params("id"), true); err != nil {
		return err
	}
	return h.toClients(c, "Archived. You find archived clients under their own tab.")
}

func (h *Server) unarchiveClient(c *fiber.Ctx) error {
	if err := h.app.ArchiveClient(c.UserContext(), actorOf(c), c.Params("id"), false); err != nil {
		return err
	}
	return h.toClients(c, "Back among your clients.")
}

// toClients leads to the list, which says what was done.
func (h *Server) toClients(c *fiber.Ctx, done string) error {
	h.flash(c, done)
	return h.goTo(c, clientsPath(actorOf(c), ""))
}

// readNameCursor reads where the list goes on, and says whether it does. The text that
// names are sorted by may hold anything, so it travels in base64.
func readNameCursor(s string) (app.NameCursor, bool) {
	text, id, found := strings.Cut(s, ".")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if !found || err != nil || id == "" {
		return app.NameCursor{}, false
	}
	return app.NameCursor{Text: string(b), ID: id}, true
}

func nameCursorText(c app.NameCursor) string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.Text)) + "." + c.ID
}
