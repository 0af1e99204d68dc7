package handlers

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

// confirmFor is how long a client who comes back from paying is told that we wait for Stripe.
const confirmFor = time.Minute

// publicPage is an invoice as its client sees it: found by its token, without sign-in, and
// nothing on it that is the team's.
type publicPage struct {
	Page
	words
	Locale     string
	Address    string // of this page, without query
	Seller     party
	Buyer      party
	TaxNumber  string // of the seller, with the word for it
	Number     string
	Issued     billing.Date
	PONumber   string // of the client's purchase order
	ClientNote string // what the team wrote to them
	Due        billing.Date
	Status     billing.Label
	Heading    string // what the amount is
	Amount     string
	Pay        string // "Pay €2,940.00", "" when it can't be paid now
	Note       *publicNote
	ByHand     []string // "Paid by bank transfer on 20 Nov 2026: €500.00", of what came outside Stripe
	Refunds    []publicNote
	// TestNote says that it is no real invoice, "" when it is one.
	TestNote string
	Items    items
	Live     string // address of the next look, "" when nothing can change any more
	Every    int64  // milliseconds until then
	Logo     string // address of the seller's, "" = none
	Viewed   string // where to tell that a person looks at it, "" when that is known, or no news
}

type party struct{ Name, Address string }

// Initial stands in the place of a logo.
func (p party) Initial() string { return PageWorkspace{Name: p.Name}.Initial() }

type publicNote struct{ Tone, Icon, Text string }

// byToken goes around everything below a client's link.
func (h *Server) byToken(c *fiber.Ctx) error {
	c.Set("X-Robots-Tag", "noindex, nofollow")
	err := h.limitTokens(c)
	if !errors.Is(err, app.ErrNotFound) {
		return err
	}
	w := wordsFor("en")
	title, err := w.Say("missing_title")
	if err != nil {
		return err
	}
	return h.fragment(c, fiber.StatusNotFound, "public_missing.html", publicPage{Page: h.frame(title), words: w})
}

func (h *Server) publicInvoice(c *fiber.Ctx) error {
	ctx, token := c.UserContext(), c.Params("token")
	confirming := false
	if session := c.Query("checkout"); session != "" && c.Method() == fiber.MethodGet {
		if err := h.app.Returned(ctx, token, session); err != nil {
			return err
		}
		confirming = true
	}
	p, err := h.app.PublicInvoice(ctx, token)
	if err != nil {
		return err
	}
	l := newLook(p.Invoice.Version, h.now())
	data, err := h.publicPage(p, l, confirming)
	if err != nil {
		return err
	}
	if why := c.Query("why"); why != "" && p.CanPay && data.Note == nil { // what was in the way is gone
		if data.Note, err = note(data.words, "", "info", "note.changed"); err != nil {
			return err
		}
	}
	if p.Invoice.ViewedAt == 0 && !h.isMember(c, p.Invoice.WorkspaceID) {
		data.Viewed = "/i/" + token + "/viewed"
	}
	return h.render(c, fiber.StatusOK, "public_invoice", data)
}

// publicStatus is polled by the client's page.
func (h *Server) publicStatus(c *fiber.Ctx) error {
	ctx, token := c.UserContext(), c.Params("token")
	version, err := h.app.PublicVersion(ctx, token)
	if err != nil {
		return err
	}
	now, shown := h.now(), readLook(c, h.now())
	back, _ := strconv.ParseInt(c.Query("back"), 10, 64)
	confirming := back > 0 && now.Sub(time.Unix(back, 0)) < confirmFor
	if next := shown.next(version, now); next == shown && confirming == (back > 0) {
		return c.SendStatus(fiber.StatusNoContent)
	}
	p, err := h.app.PublicInvoice(ctx, token)
	if err != nil {
		return err
	}
	l := shown.next(p.Invoice.Version, now)
	if confirming {
		l.Since = back // so that the end of the minute stays where it is
	}
	data, err := h.publicPage(p, l, confirming)
	if err != nil {
		return err
	}
	if back > 0 && !confirming && p.CanPay {
		if data.Note, err = note(data.words, "warn", "clock", "note.unconfirmed"); err != nil {
			return err
		}
	}
	return h.fragment(c, fiber.StatusOK, "public-live", data)
}

// publicPage shows an invoice to its client. While a payment is being confirmed it offers no
// second one, and it never says paid before Stripe has.
func (h *Server) publicPage(p app.Public, l look, confirming bool) (data publicPage, err error) {
	inv, w := p.Invoice, wordsFor(p.Invoice.Locale)
	confirming = confirming && p.CanPay
	say := func(key string, args ...any) string {
		text, e := w.Say(key, args...)
		err = errors.Join(err, e)
		return text
	}
	money := func(minor int64) string {
		return billing.FormatMoney(billing.Money{Minor: minor, Currency: inv.Currency}, inv.Locale)
	}
	data = publicPage{
		words: w, Locale: inv.Locale, Address: h.app.PublicURL(inv), Number: *inv.Number,
		Seller: party{inv.SellerName, inv.SellerAddress}, Buyer: party{inv.BuyerName, inv.BuyerAddress},
		PONumber: inv.PoNumber, ClientNote: inv.Note,
		Issued: billing.Date(inv.IssueDate), Due: billing.Date(inv.DueDate), Status: publicLabel(p.Detail),
	}
	data.Page = h.frame(say("title", data.Number, inv.SellerName))
	if inv.SellerTaxNumber != "" {
		data.TaxNumber = say("tax_number", inv.SellerTaxNumber)
	}
	if p.Logo != "" {
		data.Logo = "/i/" + inv.Token + "/logo?v=" + p.Logo
	}
	if p.Accent != "" {
		data.AccentURL = accentURL(p.Accent)
	}
	if !inv.Livemode {
		data.TestNote = say("test")
	}
	data.Status.Text = say("status." + data.Status.Key)
	data.Heading, data.Amount = say("amount_due"), money(inv.Due)
	switch {
	case inv.Due == 0 && inv.Received > 0:
		data.Heading, data.Amount = say("amount_paid"), money(inv.Received)
	case inv.Due == 0 || inv.Decided == string(billing.Uncollectible):
		data.Heading, data.Amount = say("amount_total"), money(inv.Total)
	}
	if p.CanPay && !confirming {
		data.Pay = say("pay", money(inv.Due))
	}
	items, e := itemsOf(p.Detail, w, inv.Locale)
	err = errors.Join(err, e)
	data.Items = items
	data.Note, e = publicNoteOf(w, p, confirming)
	err = errors.Join(err, e)
	for _, row := range p.Payments {
		if hand, ok := p.Hand[row.ID]; ok && hand.Left > 0 {
			data.ByHand = append(data.ByHand, say("paid_by."+hand.Method, hand.ReceivedOn.Format(inv.Locale), money(hand.Left)))
		}
	}
	data.Refunds, e = refundNotes(w, p)
	err = errors.Join(err, e)
	if p.Waiting {
		data.Live, data.Every = "/i/"+inv.Token+"/status?"+l.Query(), l.Every*1000
		if confirming {
			data.Live += "&back=" + strconv.FormatInt(l.Since, 10)
		}
	}
	return data, err
}

// publicLabel is the status in the words that are the client's: whether they have looked, and
// how a try went, is for the team.
func publicLabel(d app.Detail) billing.Label {
	if d.Overdue {
		return d.Label
	}
	return billing.LabelOfStatus(d.Standing.Status)
}

func publicNoteOf(w words, p app.Public, confirming bool) (*publicNote, error) {
	status := p.Standing.Status
	switch {
	case confirming:
		return note(w, "", "clock", "note.confirming")
	case p.Reason == "void" && p.Invoice.Received == 0:
		return note(w, "bad", "ban", "note.void", p.Invoice.SellerName)
	case status == billing.Paid:
		return note(w, "ok", "circle-check", "note.paid")
	case status == billing.Processing:
		return note(w, "warn", "clock", "note.processing")
	case p.Reason == "closed":
		return note(w, "", "info", "note.closed", p.Invoice.SellerName)
	case p.Reason == "not_ready":
		return note(w, "warn", "clock", "note.not_ready", p.Invoice.SellerName)
	case p.CanPay && strings.Contains(p.Invoice.Flags, billing.FlagPaymentFailed):
		return note(w, "bad", "circle-x", "note.failed")
	}
	return nil, nil
}

// refundNotes tell the client what was given back, what is on its way and what did not arrive. What
// was only asked for may come to nothing, so it is for the team.
func refundNotes(w words, p app.Public) (list []publicNote, err error) {
	for _, n := range []struct {
		tone, icon, key string
		refunds         []app.PaymentRefund
		args            []any
	}{
		{"", "undo-2", "note.refunded", refundsThat(p.Refunds, billing.Refunded), nil},
		{"warn", "clock", "note.refund_pending", refundsThat(p.Refunds, billing.RefundOnWay), nil},
		{"bad", "circle-x", "note.refund_failed", unsettledFailures(p.Refunds), []any{p.Invoice.SellerName}},
	} {
		for _, sum := range refundSums(n.refunds) {
			text, err := note(w, n.tone, n.icon, n.key, append([]any{billing.FormatMoney(sum, p.Invoice.Locale)}, n.args...)...)
			if err != nil {
				return nil, err
			}
			list = append(list, *text)
		}
	}
	return list, nil
}

func refundsThat(all []app.PaymentRefund, status billing.Status) (list []app.PaymentRefund) {
	for _, r := range all {
		if r.Status == status {
			list = append(list, r)
		}
	}
	return list
}

// unsettledFailures are the refunds that failed and that no other one of the same payment followed.
func unsettledFailures(all []app.PaymentRefund) (list []app.PaymentRefund) {
	last := map[string]app.PaymentRefund{}
	for _, r := range all {
		if r.Status != billing.RefundAsking && r.Status != billing.RefundRefused {
			last[r.PaymentID] = r
		}
	}
	for _, r := range all {
		if last[r.PaymentID] == r && r.Status == billing.RefundFailing {
			list = append(list, r)
		}
	}
	return list
}

// refundSums adds refunds up, by currency.
func refundSums(refunds []app.PaymentRefund) (sums []billing.Money) {
	for _, r := range refunds {
		i := slices.IndexFunc(sums, func(m billing.Money) bool { return m.Currency == r.Money.Currency })
		if i < 0 {
			sums = append(sums, r.Money)
			continue
		}
		sums[i].Minor += r.Money.Minor
	}
	return sums
}

func note(w words, tone, icon, key string, args ...any) (*publicNote, error) {
	text, err := w.Say(key, args...)
	return &publicNote{tone, icon, text}, err
}

// pay is the last look before a client leaves for Stripe.
func (h *Server) pay(c *fiber.Ctx) error {
	token := c.Params("token")
	url, reason, err := h.app.PayURL(c.UserContext(), token)
	if err != nil {
		return err
	}
	if url == "" {
		url = "/i/" + token + "?why=" + reason
	}
	return c.Redirect(url, fiber.StatusSeeOther)
}

// viewed is sent by the page once a person has looked at it. The team's own visits don't count.
func (h *Server) viewed(c *fiber.Ctx) error {
	ctx, token := c.UserContext(), c.Params("token")
	p, err := h.app.PublicInvoice(ctx, token)
	if err != nil {
		return err
	}
	if !h.isMember(c, p.Invoice.WorkspaceID) {
		if err := h.app.Viewed(ctx, token); err != nil {
			return err
		}
	}
	return c.SendStatus(fiber.StatusNoContent)
}

// isMember says whether the visitor is signed in and belongs to the workspace. It reads the
// session and leaves it alone. When that fails, the visitor counts as a stranger.
func (h *Server) isMember(c *fiber.Ctx, workspaceID string) bool {
	if c.Cookies(h.session.Cookie.Name) == "" {
		return false
	}
	ctx, err := h.sessionOf(c)
	if err != nil {
		h.log.Error("read the session of a visitor", "request", requestOf(c).id, "error", err)
		return false
	}
	all, err := h.app.WorkspacesOf(ctx, h.session.GetString(ctx, app.SessionUser))
	if err != nil {
		h.log.Error("list the workspaces of a visitor", "request", requestOf(c).id, "error", err)
	}
	for _, w := range all {
		if w.ID == workspaceID {
			return true
		}
	}
	return false
}
