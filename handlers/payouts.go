package handlers

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
	"trak/db"
)

// payoutRow is one payout of the list.
type payoutRow struct {
	At      int64
	Day     string // of At, where the workspace is
	URL     string
	Arrival billing.Date // expected until it is paid
	Amount  string
	Label   billing.Label
	Failure string
	First   bool // of the rows that were just added: it takes the focus
}

type payoutsPage struct {
	Page
	local
	Rows    []payoutRow
	More    string // address of the next page, "" on the last one
	Further bool   // not the first page
}

// payoutsPath is an address below the workspace's payouts.
func payoutsPath(actor app.Actor, rest string) string {
	return "/w/" + actor.Workspace.Slug + "/payments/payouts" + rest
}

func (h *Server) payouts(c *fiber.Ctx) error {
	actor, here := actorOf(c), localOf(actorOf(c))
	from, further := readCursor(c.Query("after"))
	list, next, err := h.app.Payouts(c.UserContext(), actor, from)
	if err != nil {
		return err
	}
	data := payoutsPage{local: here, Further: further}
	for _, p := range list {
		data.Rows = append(data.Rows, payoutRow{
			At: p.CreatedAt, Day: here.day(p.CreatedAt), URL: payoutsPath(actor, "/"+p.ID), Arrival: billing.Date(p.ArrivalDate),
			Amount: billing.FormatMoney(billing.Money{Minor: p.Amount, Currency: p.Currency}, here.Locale), Label: p.Label, Failure: payoutFailure(p.Payout),
		})
	}
	if next != nil {
		data.More = payoutsPath(actor, "?after="+cursorText(*next))
	}
	if len(data.Rows) > 0 {
		data.Rows[0].First = partialTarget(c) == "more-payouts"
	}
	if data.Page, err = h.page(c, "Payouts", "history"); err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "payouts", data, "more-payouts")
}

// payoutPage is one payout with what it contains.
type payoutPage struct {
	Page
	local
	ID         string
	Amount     string
	Label      billing.Label
	CreatedAt  int64
	Arrival    billing.Date
	Automatic  bool
	Failure    string // why it came back, "" = it did not
	Remedy     string
	ConnectURL string // where the bank account is mended, "" for those who may not
	Rows       []contentRow
	More       bool
}

// contentRow is one movement that went out with a payout.
type contentRow struct {
	What, SourceID  string
	Number, URL     string // of the invoice that led to it, if one did
	Client          string
	Gross, Fee, Net string
}

func (h *Server) payout(c *fiber.Ctx) error {
	actor, here := actorOf(c), localOf(actorOf(c))
	p, err := h.app.Payout(c.UserContext(), actor, c.Params("id"))
	if err != nil {
		return err
	}
	data := payoutPage{
		local: here, ID: p.ID, Amount: billing.FormatMoney(billing.Money{Minor: p.Amount, Currency: p.Currency}, here.Locale), Label: p.Label,
		CreatedAt: p.CreatedAt, Arrival: billing.Date(p.ArrivalDate), Automatic: p.Automatic, Failure: payoutFailure(p.Payout), More: p.More,
	}
	if data.Failure != "" {
		data.Remedy = payoutRemedy(p.FailureCode)
		if actor.May(app.ManageStripe) {
			data.ConnectURL = "/w/" + actor.Workspace.Slug + "/payments/connect"
		}
	}
	for _, t := range p.Contents {
		data.Rows = append(data.Rows, contentOf(actor, t))
	}
	if data.Page, err = h.page(c, "Payout of "+data.Amount, "history"); err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "payout", data)
}

func contentOf(actor app.Actor, t db.ContentsOfPayoutRow) contentRow {
	amount := func(minor int64) string {
		return signedMoney(billing.Money{Minor: minor, Currency: t.Currency}, actor.Workspace.Locale)
	}
	row := contentRow{
		What: movementText(t.Type), SourceID: t.SourceID, Number: t.InvoiceNumber, Client: t.BuyerName,
		Gross: amount(t.Amount), Fee: amount(-t.Fee), Net: amount(t.Net),
	}
	if t.InvoiceID != "" {
		row.URL = invoicesPath(actor, "/"+t.InvoiceID)
	}
	return row
}

// movementText is what people call a type of balance transaction.
func movementText(typ string) string {
	switch typ {
	case "charge", "payment":
		return "Payment"
	case "refund", "payment_refund":
		return "Refund"
	case "refund_failure", "payment_failure_refund":
		return "Refund that came back"
	case "adjustment":
		return "Dispute or correction"
	case "payout_failure", "payout_cancel":
		return "Payout that came back"
	case "payout":
		return "Earlier payout"
	case "stripe_fee":
		return "Stripe's fee"
	}
	return strings.ToUpper(typ[:1]) + strings.ReplaceAll(typ[1:], "_", " ")
}

// payoutFailure says why a payout came back, "" when it did not.
func payoutFailure(p billing.Payout) string {
	if p.Rank != billing.PayoutFailed {
		return ""
	}
	if p.FailureMessage != "" {
		return p.FailureMessage
	}
	return "The bank sent it back."
}

// payoutRemedy says what to do about a payout that came back (docs.stripe.com/api/payouts/failures).
func payoutRemedy(code string) string {
	const safe = "The money is back in your Stripe balance. "
	const again = " Stripe then pays it out again."
	switch code {
	case "insufficient_funds":
		return "There was not enough in your Stripe balance. Nothing is lost: it is paid out once there is."
	case "could_not_process":
		return safe + "The bank could not process it. Stripe tries again by itself; ask your bank if it happens again."
	case "account_closed", "account_frozen", "no_account", "bank_account_restricted", "debit_not_authorized", "bank_ownership_changed", "unsupported_card":
		return safe + "Add another bank account in Stripe, or ask your bank to open this one again." + again
	case "invalid_currency":
		return safe + "Your bank account does not take this currency. Add one that does in Stripe." + again
	}
	return safe + "Check your bank account's details in Stripe: number, holder and address." + again
}
