package handlers

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
	"trak/db"
)

// What people see who would change, finalize or delete a draft that somebody else has changed
// since they looked at it.

// draftConflict shows the form again with what was typed, and how it differs from what is stored.
// Sending it again replaces that.
func (h *Server) draftConflict(c *fiber.Ctx, f form) error {
	actor := actorOf(c)
	d, err := h.app.InvoiceDetail(c.UserContext(), actor, c.Params("id"))
	if err != nil {
		return err
	}
	if d.Invoice.Number != nil {
		return h.showDraft(c, fiber.StatusConflict, f, &conflict{Text: fmt.Sprintf("This draft was finalized meanwhile as %s and can't change any more. What you typed is still here, but not stored.", *d.Invoice.Number)})
	}
	typed, err := h.app.PriceInvoice(c.UserContext(), actor, invoiceInput(f))
	if _, ok := fieldErrors(err); err != nil && !ok {
		return err
	}
	changed, err := h.lastChange(c, d.Invoice)
	if err != nil {
		return err
	}
	stored := linesInShort(linesOf(d.Lines), d.Invoice.Currency, actor)
	yours := linesInShort(typed.Lines, typed.Currency.Code, actor)
	f.values["version"] = strconv.FormatInt(d.Invoice.Version, 10)
	return h.showDraft(c, fiber.StatusConflict, f, &conflict{
		Text: fmt.Sprintf("%s Stored is %s; yours is %s. Save again to replace it with yours.", changed,
			inShort(d.Client.Name, d.Invoice.Total, d.Invoice.Currency, actor), inShort(f.Line("client"), typed.Totals.Total, typed.Currency.Code, actor)),
		Lines: differences(stored, yours),
	})
}

// finalizeConflict shows the draft as it is now, so that nobody finalizes what they have not seen.
func (h *Server) finalizeConflict(c *fiber.Ctx) error {
	data, d, err := h.invoiceNow(c)
	if err != nil {
		return err
	}
	b := banner{Icon: "info", Title: "It was finalized already.", Text: "This is how it stands now."}
	if d.Invoice.Number == nil {
		b = banner{Tone: "warn", Icon: "triangle-alert", Text: "Look at it again before you create the invoice."}
		if b.Title, err = h.lastChange(c, d.Invoice); err != nil {
			return err
		}
	}
	data.Banners = slices.Insert(data.Banners, 0, b)
	return h.render(c, fiber.StatusConflict, "invoice", data)
}

// deleteConflict asks once more, now that the draft is another one.
func (h *Server) deleteConflict(c *fiber.Ctx) error {
	actor := actorOf(c)
	d, err := h.app.InvoiceDetail(c.UserContext(), actor, c.Params("id"))
	if err != nil {
		return err
	}
	changed, err := h.lastChange(c, d.Invoice)
	if err != nil {
		return err
	}
	return h.confirm(c, fiber.StatusConflict, askDelete(actor, changed))
}

// lastChange is a sentence about who changed a draft, and when.
func (h *Server) lastChange(c *fiber.Ctx, inv db.Invoice) (string, error) {
	who, err := h.app.LastEditor(c.UserContext(), actorOf(c), inv)
	if err != nil {
		return "", err
	}
	if who == "" {
		who = "Somebody"
	}
	return fmt.Sprintf("%s changed this draft %s.", who, ago(inv.UpdatedAt, h.now())), nil
}

// ago says in one unit how long a moment, in Unix microseconds, is past.
func ago(at int64, now time.Time) string {
	switch minutes := int64(now.Sub(time.UnixMicro(at)).Minutes()); {
	case minutes < 1:
		return "just now"
	case minutes < 2*60:
		return count(minutes, "minute") + " ago"
	case minutes < 2*24*60:
		return count(minutes/60, "hour") + " ago"
	default:
		return count(minutes/(24*60), "day") + " ago"
	}
}

func inShort(client string, total int64, currency string, actor app.Actor) string {
	if client == "" {
		client = "nobody yet"
	}
	return billing.FormatMoney(billing.Money{Minor: total, Currency: currency}, actor.Workspace.Locale) + " for " + client
}

// linesOf are stored lines as those that are added up.
func linesOf(rows []db.InvoiceLine) []billing.Line {
	lines := make([]billing.Line, len(rows))
	for i, r := range rows {
		lines[i] = billing.Line{Description: r.Description, Quantity: r.Quantity, UnitPrice: r.UnitPrice}
	}
	return lines
}

// linesInShort writes each line as one text, such as "Print templates, 3 × €180.00". Of a line
// that can't be read (yet), it is the description alone.
func linesInShort(lines []billing.Line, currency string, actor app.Actor) []string {
	locale := actor.Workspace.Locale
	list := make([]string, len(lines))
	for i, l := range lines {
		list[i] = l.Description
		if list[i] == "" {
			list[i] = "No description"
		}
		if l.Quantity > 0 {
			list[i] += ", " + billing.FormatQuantity(l.Quantity, locale) + " × " + billing.FormatUnitPrice(l.UnitPrice, currency, locale)
		}
	}
	return list
}
