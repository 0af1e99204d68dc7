package handlers

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
	"trak/db"
)

// disputesPath is an address below the workspace's disputes.
func disputesPath(actor app.Actor, rest string) string {
	return "/w/" + actor.Workspace.Slug + "/payments/disputes" + rest
}

// disputeRow is one dispute of the list.
type disputeRow struct {
	local
	At                      int64
	URL, Reason             string
	Client, Number, Invoice string // Invoice is its address
	Amount                  string
	Label                   billing.Label
	Deadline                *deadline // nil when nobody has to answer
	First                   bool      // of the rows that were just added: it takes the focus
}

// deadline is until when a dispute can be answered.
type deadline struct {
	local
	At   int64
	Day  string // of At
	Left string // "3 days left"
	Tone string // bad when it is near
}

type disputesPage struct {
	Page
	Rows    []disputeRow
	More    string // address of the next page, "" on the last one
	Further bool   // not the first page
}

func (h *Server) disputes(c *fiber.Ctx) error {
	actor := actorOf(c)
	from, further := readCursor(c.Query("after"))
	list, next, err := h.app.Disputes(c.UserContext(), actor, from)
	if err != nil {
		return err
	}
	page, err := h.page(c, "Disputes", "disputes")
	if err != nil {
		return err
	}
	data := disputesPage{Page: page, Further: further}
	for _, d := range list {
		data.Rows = append(data.Rows, h.disputeRow(actor, d))
	}
	if next != nil {
		data.More = disputesPath(actor, "?after="+cursorText(*next))
	}
	if len(data.Rows) > 0 {
		data.Rows[0].First = partialTarget(c) == "more-disputes"
	}
	return h.render(c, fiber.StatusOK, "disputes", data, "more-disputes")
}

func (h *Server) disputeRow(actor app.Actor, d app.DisputeRow) disputeRow {
	row := disputeRow{
		local: localOf(actor), At: d.CreatedAt, URL: disputesPath(actor, "/"+d.ID), Reason: reasonOf(d.Reason).Title,
		Client: d.Client, Number: d.InvoiceNumber, Label: d.Label, Deadline: h.deadlineOf(actor, d),
		Amount: billing.FormatMoney(billing.Money{Minor: d.Amount, Currency: d.Currency}, actor.Workspace.Locale),
	}
	if d.InvoiceID != "" {
		row.Invoice = invoicesPath(actor, "/"+d.InvoiceID)
	}
	return row
}

// deadlineOf is until when somebody has to answer; nil when nobody has to.
func (h *Server) deadlineOf(actor app.Actor, d app.DisputeRow) *deadline {
	here := localOf(actor)
	days, ok := app.DaysLeft(d.DueBy, h.now(), here.Zone)
	if !ok || !d.Unanswered() {
		return nil
	}
	out := &deadline{local: here, At: d.DueBy, Day: here.day(d.DueBy), Left: count(int64(days), "day") + " left"}
	switch {
	case days < 0:
		out.Left, out.Tone = "the time is over", "bad"
	case days == 0:
		out.Left, out.Tone = "today", "bad"
	case days <= 3:
		out.Tone = "bad"
	}
	return out
}

// disputePage is one dispute.
type disputePage struct {
	Page
	local
	Base, URL string // paths of the list and of this dispute
	ID        string
	Row       disputeRow
	Reason    disputeReason
	Inquiry   bool
	Deadline  *deadline
	Facts     []fact
	StripeURL string // of its payment at Stripe, for those who have access
	There     bool   // it is answered at Stripe
	Who       string // who may answer, for those who may not
	State     disputeState
	Refund    string // address of the page that refunds the payment, "" when there is none

	// Of an answer that can be written now.
	MayAnswer bool
	Form      form
	Fields    []evidenceField
	Filled    bool   // with what the invoice knows
	Saved     []fact // what somebody else saved meanwhile, where it differs

	Said []fact // the answer, when it can't be changed
}

// evidenceField is a piece of evidence in the form.
type evidenceField struct {
	app.EvidenceField
	evidenceWord
	Value   string
	State   field
	File    string // the one that is there, "" = none
	Removed bool   // and is to be taken out
	Kept    string // one of a form that could not be saved, "" = none
	KeptID  string
}

// disputeState is how our answer stands. The page asks for it again while it is on its way.
type disputeState struct {
	banner
	Poll string // "" when nothing moves by itself
}

func (h *Server) dispute(c *fiber.Ctx) error {
	d, err := h.app.Dispute(c.UserContext(), actorOf(c), c.Params("id"))
	if err != nil {
		return err
	}
	values := map[string]string{"version": strconv.FormatInt(d.Version, 10)}
	for name, text := range d.Texts {
		values[name] = text
	}
	return h.showDispute(c, fiber.StatusOK, d, formOf(values))
}

func (h *Server) showDispute(c *fiber.Ctx, status int, d app.DisputeDetail, f form, saved ...fact) error {
	actor := actorOf(c)
	row := h.disputeRow(actor, d.DisputeRow)
	data := disputePage{
		local: row.local, Base: disputesPath(actor, ""), URL: row.URL, ID: d.ID, Row: row, Reason: reasonOf(d.Reason), Inquiry: d.Inquiry(),
		Deadline: row.Deadline, Facts: disputeFacts(d, actor.Workspace.Locale), There: d.There && d.Unanswered(),
		State: stateOf(actor, d), MayAnswer: d.Open && actor.May(app.AnswerDisputes), Form: f, Filled: d.Filled && len(f.order) == 0,
		Saved: saved,
	}
	if actor.May(app.ManageStripe) {
		data.StripeURL = h.stripePayment(d.Account, d.IntentID, d.Livemode)
	} else if d.Unanswered() {
		data.Who = "Owners and admins can answer it."
	}
	if d.PaymentID != "" && d.Unanswered() && d.Inquiry() && actor.May(app.Refund) {
		data.Refund = refundPath(actor, d.PaymentID)
	}
	if data.MayAnswer {
		data.Fields = evidenceFields(d)
		for i := range data.Fields {
			e := &data.Fields[i]
			e.Value, e.State, e.Removed = f.Value(e.Name), f.State(e.Name), f.Value("remove."+e.Name) != ""
		}
	} else {
		data.Said = evidenceSaid(d)
	}
	var err error
	if data.Page, err = h.page(c, "Dispute", "disputes"); err != nil {
		return err
	}
	return h.render(c, status, "dispute", data)
}

func evidenceFields(d app.DisputeDetail) []evidenceField {
	list := make([]evidenceField, len(d.Fields))
	for i, f := range d.Fields {
		list[i] = evidenceField{EvidenceField: f, evidenceWord: evidenceWords[f.Name]}
		for _, file := range d.Files {
			if file.Field == f.Name {
				list[i].File = fileText(file)
			}
		}
		for _, file := range d.Kept {
			if file.Field == f.Name {
				list[i].Kept, list[i].KeptID = fileText(file), file.ID
			}
		}
	}
	return list
}

// evidenceSaid is the answer as it was written, in the order of the form.
func evidenceSaid(d app.DisputeDetail) (list []fact) {
	if d.Filled {
		return nil
	}
	for _, f := range evidenceFields(d) {
		if text := d.Texts[f.Name]; text != "" {
			list = append(list, fact{Name: f.Label, Text: text})
		}
		if f.File != "" {
			list = append(list, fact{Name: f.Label, Text: f.File})
		}
	}
	return list
}

func fileText(f db.DisputeFilesRow) string { return fmt.Sprintf("%s (%s)", f.Name, sizeText(f.Size)) }

// sizeText writes how large a file is.
func sizeText(bytes int64) string {
	if bytes < 100_000 {
		return fmt.Sprintf("%d kB", max(1, bytes/1000))
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}

// disputeFacts are the sums of a dispute. What moved in the account's balance is in its currency.
func disputeFacts(d app.DisputeDetail, locale string) []fact {
	list := []fact{{Name: "Disputed", Text: billing.FormatMoney(billing.Money{Minor: d.Amount, Currency: d.Currency}, locale)}}
	for _, f := range []struct {
		name  string
		minor int64
	}{{"Taken back", d.Withdrawn}, {"Put back", d.Reinstated}, {"Stripe's fee", d.Fee}} {
		if f.minor != 0 {
			list = append(list, fact{Name: f.name, Text: billing.FormatMoney(billing.Money{Minor: f.minor, Currency: d.Settled}, locale)})
		}
	}
	return list
}

// stateOf says how the answer stands.
func stateOf(actor app.Actor, d app.DisputeDetail) (s disputeState) {
	trouble := d.AnswerError != ""
	switch {
	case d.Answer == "saving" || d.Answer == "submitting" || d.Answer == "accepting":
		s.Poll = disputesPath(actor, "/"+d.ID+"/status?was="+d.Answer)
		s.banner = map[string]banner{
			"saving":     {Icon: "clock", Title: "Saved.", Text: "It is being laid ready at Stripe. The bank does not see it yet."},
			"submitting": {Icon: "clock", Title: "On its way to the bank.", Text: "You need do nothing."},
			"accepting":  {Icon: "clock", Title: "Accepting the loss.", Text: "You need do nothing."},
		}[d.Answer]
		if trouble {
			s.Tone, s.Icon, s.Text = "warn", "triangle-alert", d.AnswerError+" We keep trying, and it is done only once."
		}
	case d.Rank == billing.DisputeWon:
		s.banner = banner{Tone: "ok", Icon: "circle-check", Title: "Won.", Text: "The bank decided for you."}
		if d.Reinstated > 0 {
			s.Text += " The money is back in your Stripe balance."
		}
	case d.Rank == billing.DisputeLost && d.Answer == "accepted":
		s.banner = banner{Icon: "circle-x", Title: "Lost.", Text: d.Writer + " accepted the loss."}
	case d.Rank == billing.DisputeLost:
		s.banner = banner{Tone: "bad", Icon: "circle-x", Title: "Lost.", Text: "The client keeps the money, and the bank's decision is final."}
	case d.Rank == billing.DisputeWarningClosed:
		s.banner = banner{Icon: "circle-check", Title: "The inquiry is closed.", Text: "No money was taken."}
	case !d.Unanswered() && d.Answer == "submitted":
		s.banner = banner{Icon: "clock", Title: "The bank has your answer.", Text: d.Writer + " submitted it. The decision can take two to three months."}
	case !d.Unanswered():
		s.banner = banner{Icon: "clock", Title: "The bank has an answer.", Text: "The decision can take two to three months."}
	case d.Answer == "draft" && trouble:
		s.banner = banner{Tone: "bad", Icon: "triangle-alert", Title: "Kept here, but not at Stripe.", Text: d.AnswerError}
	case d.Answer == "saved":
		s.banner = banner{Tone: "warn", Icon: "info", Title: "Saved, but not submitted.", Text: "The bank does not see it yet. Submit it once it is complete."}
	}
	return s
}

// disputeStatus is polled while an answer is on its way. Once it is there, a decision shows the whole
// page anew; a form that is being written in stays.
func (h *Server) disputeStatus(c *fiber.Ctx) error {
	actor := actorOf(c)
	d, err := h.app.Dispute(c.UserContext(), actor, c.Params("id"))
	if err != nil {
		return err
	}
	was := c.Query("was")
	if was != d.Answer && was != "saving" && isHTMX(c) {
		c.Set("HX-Redirect", disputesPath(actor, "/"+d.ID))
		return c.SendStatus(fiber.StatusNoContent)
	}
	return h.news(c, "dispute-state", stateOf(actor, d))
}

// saveEvidence keeps what was written, and goes on to the question whether it is to be submitted, if
// that was pressed.
func (h *Server) saveEvidence(c *fiber.Ctx) error {
	f, files, err := readUpload(c)
	if err != nil {
		return err
	}
	ctx, actor, id := c.UserContext(), actorOf(c), c.Params("id")
	in := evidenceInput(f, files)
	err = h.app.SaveEvidence(ctx, actor, id, in)
	if err == nil {
		if f.Value("act") == "submit" {
			return h.goTo(c, disputesPath(actor, "/"+id+"/submit"))
		}
		h.flash(c, "Saved. The bank does not see it yet")
		return h.goTo(c, disputesPath(actor, "/"+id))
	}
	errs, isInput := fieldErrors(err)
	if !isInput && !errors.Is(err, app.ErrConflict) {
		return err
	}
	d, findErr := h.app.Dispute(ctx, actor, id)
	if findErr != nil {
		return findErr
	}
	if isInput {
		f.Errors = errs
		return h.showDispute(c, fiber.StatusUnprocessableEntity, d, f)
	}
	// Both are shown, and saving again replaces what is there now.
	f.values["version"] = strconv.FormatInt(d.Version, 10)
	return h.showDispute(c, fiber.StatusConflict, d, f, differing(d, f)...)
}

// evidenceInput is what a form asks for.
func evidenceInput(f form, files []app.EvidenceUpload) app.EvidenceInput {
	in := app.EvidenceInput{Texts: map[string]string{}, Kept: map[string]string{}, Files: files}
	in.Version, _ = strconv.ParseInt(f.Value("version"), 10, 64) // anything else is an old version: a conflict
	for name, value := range f.values {
		if field, ok := strings.CutPrefix(name, "remove."); ok {
			in.Remove = append(in.Remove, field)
		} else if field, ok := strings.CutPrefix(name, "kept."); ok {
			in.Kept[field] = value
		} else {
			in.Texts[name] = value
		}
	}
	slices.Sort(in.Remove)
	return in
}

// differing are the pieces that are stored in another way than they stand in a form.
func differing(d app.DisputeDetail, f form) (list []fact) {
	for _, field := range d.Fields {
		if field.Kind != app.EvidenceFile && strings.TrimSpace(f.Value(field.Name)) != d.Texts[field.Name] {
			list = append(list, fact{Name: evidenceWords[field.Name].Label, Text: d.Texts[field.Name]})
		}
	}
	return list
}

// askDispute shows a question about a dispute before what can't be undone.
func (h *Server) askDispute(c *fiber.Ctx, status int, ask func(app.DisputeDetail) confirmPage) error {
	actor := actorOf(c)
	d, err := h.app.Dispute(c.UserContext(), actor, c.Params("id"))
	if err != nil {
		return err
	}
	data := confirmPage{Heading: "This can't be answered any more", Text: []string{"It was answered or decided meanwhile."}}
	switch {
	case d.Open:
		data = ask(d)
	case !d.Here:
		data = confirmPage{Heading: "This is answered in Stripe", Text: []string{"Sign in to the Stripe dashboard of your account."}}
	}
	data.Back, data.BackTo = disputesPath(actor, "/"+d.ID), "Back to the dispute"
	if data.Page, err = h.page(c, data.Heading, "disputes"); err != nil {
		return err
	}
	return h.render(c, status, "confirm", data)
}

func askSubmit(actor app.Actor) func(app.DisputeDetail) confirmPage {
	return func(d app.DisputeDetail) confirmPage {
		all := evidenceSaid(d)
		if len(all) == 0 {
			return confirmPage{Heading: "There is nothing to submit yet", Text: []string{"Write what speaks for you, or attach a file, and save it first."}}
		}
		names := make([]string, len(all))
		for i, s := range all {
			names[i] = s.Name
		}
		return confirmPage{
			Heading: "Submit this to the bank?",
			Text: []string{
				"It gets " + count(int64(len(all)), "piece") + " of evidence: " + strings.Join(names, "; ") + ".",
				"The bank takes an answer once. After this nothing can be added or changed.",
			},
			Action: disputesPath(actor, "/"+d.ID+"/submit"), Button: "Submit to the bank", Version: d.Version,
		}
	}
}

func (h *Server) confirmSubmit(c *fiber.Ctx) error {
	return h.askDispute(c, fiber.StatusOK, askSubmit(actorOf(c)))
}

func (h *Server) submitEvidence(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	version, _ := strconv.ParseInt(f.Value("version"), 10, 64)
	err = h.app.SubmitEvidence(c.UserContext(), actorOf(c), c.Params("id"), version)
	if _, isInput := fieldErrors(err); isInput {
		return h.askDispute(c, fiber.StatusUnprocessableEntity, askSubmit(actorOf(c)))
	}
	return h.decided(c, err, askSubmit(actorOf(c)))
}

func askAccept(actor app.Actor) func(app.DisputeDetail) confirmPage {
	return func(d app.DisputeDetail) confirmPage {
		if d.Inquiry() {
			return confirmPage{Heading: "There is no loss to accept", Text: []string{"The bank only asks, and has taken nothing. Refund the payment if your client is right."}}
		}
		return confirmPage{
			Heading: "Accept the loss?",
			Text: []string{
				"Your client keeps " + billing.FormatMoney(billing.Money{Minor: d.Amount, Currency: d.Currency}, actor.Workspace.Locale) + ", and Stripe keeps its fee. Don't refund the payment as well.",
				"This can't be undone.",
			},
			Action: disputesPath(actor, "/"+d.ID+"/accept"), Button: "Accept the loss",
		}
	}
}

func (h *Server) confirmAccept(c *fiber.Ctx) error {
	return h.askDispute(c, fiber.StatusOK, askAccept(actorOf(c)))
}

func (h *Server) acceptDispute(c *fiber.Ctx) error {
	err := h.app.AcceptDispute(c.UserContext(), actorOf(c), c.Params("id"))
	return h.decided(c, err, askAccept(actorOf(c)))
}

// decided leads back to the dispute, or asks again when something changed meanwhile.
func (h *Server) decided(c *fiber.Ctx, err error, ask func(app.DisputeDetail) confirmPage) error {
	if errors.Is(err, app.ErrConflict) {
		return h.askDispute(c, fiber.StatusConflict, ask)
	}
	if err != nil {
		return err
	}
	return h.goTo(c, disputesPath(actorOf(c), "/"+c.Params("id")))
}
