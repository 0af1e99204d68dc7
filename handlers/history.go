package handlers

import (
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

// local is how a workspace writes times and amounts.
type local struct {
	Zone   *time.Location
	Locale string
}

func localOf(actor app.Actor) local {
	return local{actor.Workspace.Location(), actor.Workspace.Locale}
}

// day writes the day of a moment, in microseconds, as the workspace does.
func (l local) day(at int64) string {
	return billing.Date(time.UnixMicro(at).In(l.Zone).Format(time.DateOnly)).Format(l.Locale)
}

// clock writes the time of day of a moment, in microseconds.
func (l local) clock(at int64) string { return time.UnixMicro(at).In(l.Zone).Format("15:04") }

// paymentRow is one payment, as the history and the overview show it.
type paymentRow struct {
	At         int64
	Day, Clock string // of At, where the workspace is
	Client     string
	Number     string // of its invoice, "" when it belongs to none of ours
	InvoiceURL string
	Method     string
	Gross      string // "" when nothing was taken
	Refunded   string // "" when nothing was given back
	Currency   string
	Label      billing.Label
	Failure    string   // why nothing was taken
	Refunds    []string // what is under way or went wrong
	RefundURL  string   // of one that belongs to no invoice, "" when nothing is left or somebody else has to
	StripeURL  string   // of the payment in Stripe's dashboard, "" for those who have no access to it
	First      bool     // of the rows that were just added: it takes the focus
}

type historyPage struct {
	Page
	Rows    []paymentRow
	More    string // address of the next page, "" on the last one
	Further bool   // not the first page
}

func (h *Server) paymentHistory(c *fiber.Ctx) error {
	actor := actorOf(c)
	from, further := readCursor(c.Query("after"))
	payments, next, err := h.app.Payments(c.UserContext(), actor, from)
	if err != nil {
		return err
	}
	page, err := h.page(c, "Payment history", "history")
	if err != nil {
		return err
	}
	data := historyPage{Page: page, Rows: h.paymentRows(actor, payments), Further: further}
	if next != nil {
		data.More = "/w/" + actor.Workspace.Slug + "/payments/history?after=" + cursorText(*next)
	}
	if len(data.Rows) > 0 {
		data.Rows[0].First = partialTarget(c) == "more-payments"
	}
	return h.render(c, fiber.StatusOK, "history", data, "more-payments")
}

func (h *Server) paymentRows(actor app.Actor, payments []app.PaymentRow) []paymentRow {
	here, base := localOf(actor), "/w/"+actor.Workspace.Slug
	rows := make([]paymentRow, len(payments))
	for i, p := range payments {
		row := paymentRow{
			At: p.HappenedAt, Day: here.day(p.HappenedAt), Clock: here.clock(p.HappenedAt), Client: p.BuyerName, Number: p.InvoiceNumber, Method: methodText(p.Method, p.Brand, p.Last4),
			Gross: amountOrNone(p.Gross, p.Currency, here.Locale), Refunded: amountOrNone(p.Refunded, p.Currency, here.Locale),
			Currency: strings.ToUpper(p.Currency), Label: p.Label,
		}
		if p.StripeAccountID == "" {
			row.Clock = "" // a person said the day alone
		}
		if p.InvoiceID != nil {
			row.InvoiceURL = base + "/payments/invoices/" + *p.InvoiceID
		}
		if p.Gross == 0 {
			row.Failure = p.FailureMessage
		}
		for _, r := range p.Refunds {
			if text := refundNews(r, here.Locale); text != "" {
				row.Refunds = append(row.Refunds, text)
			}
		}
		if p.InvoiceID == nil && h.app.MayRefund(actor, p.Payment(), p.Refunds) {
			row.RefundURL = refundPath(actor, p.ID)
		}
		if actor.May(app.ManageStripe) {
			row.StripeURL = h.stripePayment(p.StripeAccountID, p.PaymentIntentID, p.Livemode)
		}
		rows[i] = row
	}
	return rows
}

func amountOrNone(minor int64, currency, locale string) string {
	if minor == 0 {
		return ""
	}
	return billing.FormatAmount(billing.Money{Minor: minor, Currency: currency}, locale)
}

// stripePayment is where Stripe's dashboard shows a payment; in the demo, where the stand-in
// shows those of its account.
func (h *Server) stripePayment(account, intent string, live bool) string {
	switch {
	case account == "" || intent == "":
		return ""
	case h.demo != nil:
		return h.demo.SandboxURL + "/dashboard/" + account
	case live:
		return "https://dashboard.stripe.com/" + account + "/payments/" + intent
	}
	return "https://dashboard.stripe.com/" + account + "/test/payments/" + intent
}

// readCursor reads where a list by time goes on, and says whether it does: what is not a cursor
// of ours begins at the start.
func readCursor(s string) (app.Cursor, bool) {
	at, id, found := strings.Cut(s, ".")
	n, err := strconv.ParseInt(at, 10, 64)
	if !found || err != nil || id == "" {
		return app.Cursor{}, false
	}
	return app.Cursor{At: n, ID: id}, true
}

func cursorText(c app.Cursor) string { return strconv.FormatInt(c.At, 10) + "." + c.ID }
