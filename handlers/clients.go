package handlers

import (
	"encoding/base64"
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

// clientForm is the page of a client's form.
func clientForm(actor app.Actor, f form) recordPage {
	return recordPage{Kind: "client", List: clientsPath(actor, ""), Form: f}
}

// storedClient is the form of the client that the address names, as it is stored.
func (h *Server) storedClient(c *fiber.Ctx) (recordPage, any, error) {
	client, err := h.app.Client(c.UserContext(), actorOf(c), c.Params("id"))
	data := clientForm(actorOf(c), formOf(map[string]string{
		"name": client.Name, "email": client.Email, "address": client.Address, "version": strconv.FormatInt(client.Version, 10),
	}))
	data.ID, data.Archived, data.Gone = client.ID, client.ArchivedAt > 0, client.AnonymisedAt > 0
	data.MayGo = actorOf(c).May(app.AnonymiseClients) && !data.Gone
	return data, client, err
}

func (h *Server) newClient(c *fiber.Ctx) error {
	return h.showRecord(c, fiber.StatusOK, clientForm(actorOf(c), form{}))
}

func (h *Server) createClient(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	client, err := h.app.CreateClient(c.UserContext(), actorOf(c), clientInput(f))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showRecord(c, fiber.StatusUnprocessableEntity, clientForm(actorOf(c), f))
	}
	if err != nil {
		return err
	}
	return h.toClients(c, client.Name+" is added.")
}

func (h *Server) editClient(c *fiber.Ctx) error {
	data, _, err := h.storedClient(c)
	if err != nil {
		return err
	}
	return h.showRecord(c, fiber.StatusOK, data)
}

func (h *Server) updateClient(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	if err := h.app.UpdateClient(c.UserContext(), actorOf(c), c.Params("id"), clientInput(f)); err != nil {
		return h.showUnsaved(c, err, f, h.storedClient)
	}
	return h.toClients(c, f.Line("name")+" is saved.")
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
