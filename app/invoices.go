package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"trak/billing"
	"trak/db"
)

// LineInput is a line as typed.
type LineInput struct {
	Description, Quantity, UnitPrice string
}

// InvoiceInput is the invoice form as typed. Summary and Amount are the short way of writing
// an invoice of one line; when lines are added, they are the first of them, or left empty.
type InvoiceInput struct {
	// ID is chosen when the form is shown, so that a form that is sent twice makes one invoice.
	ID          string
	ClientID    string
	ClientName  string // a new client, when ClientID is empty and no client has this name
	ClientEmail string
	Currency    string // "" = the workspace's
	Summary     string
	Amount      string
	Lines       []LineInput
	Due         string // YYYY-MM-DD, "" = no date; counts when Terms is ""
	Terms       string // days from the issue date to the due date, "" = on Due
	ProjectID   string // "" = none
	PONumber    string // the client's purchase-order number
	Note        string // to the client
	Version     int64  // of the draft that was edited
}

// Priced is a form that was understood: what its lines come to.
type Priced struct {
	Currency billing.Currency
	Lines    []billing.Line
	Amounts  []int64 // of each line, minor units
	Totals   billing.Totals
	Due      billing.Date
	Terms    int64 // days, -1 = on Due
	PONumber string
	Note     string
}

// Limits of what an invoice says beside its lines, in characters.
const (
	maxPONumber = 60
	maxNote     = 2000
)

// PriceInvoice reads the form and adds it up, for the totals that follow typing and for every
// use-case that stores it. It returns the FieldErrors of all that is wrong beside what could
// be understood. Members may do it.
func (a *App) PriceInvoice(ctx context.Context, actor Actor, in InvoiceInput) (Priced, error) {
	if err := a.need(ctx, actor, EditInvoices); err != nil {
		return Priced{}, err
	}
	p, errs := price(actor.Workspace, in)
	return p, errs.Err()
}

func price(w Workspace, in InvoiceInput) (Priced, billing.FieldErrors) {
	errs := billing.FieldErrors{}
	var p Priced
	code := strings.ToLower(strings.TrimSpace(in.Currency))
	if code == "" {
		code = w.Currency
	}
	currency, ok := billing.CurrencyOf(code)
	if !ok {
		errs.Add("currency", "Choose a currency")
		currency, _ = billing.CurrencyOf(w.Currency)
	}
	p.Currency = currency

	fields := []string{} // the field of each line's price, by line
	if in.Summary != "" || in.Amount != "" || len(in.Lines) == 0 {
		line := billing.Line{Description: strings.TrimSpace(in.Summary), Quantity: 1000}
		if line.Description == "" {
			errs.Add("summary", "Say what it is for")
		}
		minor, err := billing.ParseAmount(in.Amount, currency.Code, w.Locale)
		errs.Check("amount", err)
		line.UnitPrice = minor * 10_000
		p.Lines = append(p.Lines, line)
		fields = append(fields, "amount")
	}
	for i, l := range in.Lines {
		at := func(field string) string { return fmt.Sprintf("line[%d].%s", i, field) }
		line := billing.Line{Description: strings.TrimSpace(l.Description)}
		var err error
		line.Quantity, err = billing.ParseQuantity(l.Quantity, w.Locale)
		errs.Check(at("quantity"), err)
		line.UnitPrice, err = billing.ParseUnitPrice(l.UnitPrice, currency.Code, w.Locale)
		errs.Check(at("unit_price"), err)
		p.Lines = append(p.Lines, line)
		fields = append(fields, at("unit_price"))
	}
	offset := len(p.Lines) - len(in.Lines)
	for field, message := range billing.CheckLines(p.Lines, currency.Code) {
		errs.Add(formField(field, offset), message)
	}
	for i, l := range p.Lines {
		amount, err := l.Amount(currency)
		if err != nil {
			errs.Add(fields[i], "This is more than an invoice can hold")
		}
		p.Amounts = append(p.Amounts, amount)
	}
	var err error
	p.Terms = -1
	if p.Totals, err = billing.Total(p.Lines, currency.Code); err != nil {
		errs.Add(fields[len(fields)-1], "The total can't be below zero, nor more than an invoice can hold")
	}
	p.PONumber, p.Note = strings.TrimSpace(in.PONumber), strings.TrimSpace(in.Note)
	errs.CheckLength("po_number", p.PONumber, maxPONumber)
	errs.CheckLength("note", p.Note, maxNote)
	if in.Terms != "" {
		p.Terms, err = billing.ParseTerms(in.Terms)
		errs.Check("terms", err)
	} else if in.Due != "" {
		p.Due, err = billing.ParseDate(in.Due)
		errs.Check("due", err)
	}
	return p, errs
}

// formField turns the name that CheckLines gives a field into the form's: when the short line
// comes first, the others move up by one.
func formField(field string, offset int) string {
	var i int
	var name string
	if _, err := fmt.Sscanf(strings.NewReplacer("[", " ", "].", " ").Replace(field), "line %d %s", &i, &name); err != nil {
		return field
	}
	if i -= offset; i >= 0 {
		return fmt.Sprintf("line[%d].%s", i, name)
	}
	if name == "description" {
		return "summary"
	}
	return "amount"
}

// CreateInvoice stores a new invoice: as a draft, or finalized at once. Sending the same form
// twice makes one invoice. Members may do it. Returns FieldErrors and changes nothing when
// something is wrong.
func (a *App) CreateInvoice(ctx context.Context, actor Actor, in InvoiceInput, finalize bool) (db.Invoice, error) {
	if err := a.need(ctx, actor, EditInvoices); err != nil {
		return db.Invoice{}, err
	}
	if _, err := uuid.Parse(in.ID); err != nil {
		in.ID = newID()
	}
	var inv db.Invoice
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		was, err := tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: actor.WorkspaceID, ID: in.ID})
		if err == nil {
			inv = was // the second click
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("look for the invoice: %w", err)
		}
		p, errs := price(actor.Workspace, in)
		if err := checkProject(ctx, tx, actor, in.ProjectID, nil, errs); err != nil {
			return err
		}
		client, err := a.clientOfForm(ctx, tx, actor, in, finalize, errs)
		if err != nil {
			return err
		}
		if finalize {
			checkFinal(p, errs)
		}
		if err := errs.Err(); err != nil {
			return err
		}
		n, err := tx.InsertInvoice(ctx, db.InsertInvoiceParams{
			ID: in.ID, WorkspaceID: actor.WorkspaceID, ClientID: optional(client.ID), Livemode: a.live, Currency: p.Currency.Code,
			Subtotal: p.Totals.Subtotal, Discount: p.Totals.Discount, Tax: p.Totals.Tax, Total: p.Totals.Total,
			DueDate: string(p.Due), TermsDays: p.Terms, ProjectID: optional(in.ProjectID), PoNumber: p.PONumber, Note: p.Note, Token: newToken(), CreatedBy: actor.UserID, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
		})
		if err != nil {
			return fmt.Errorf("insert invoice: %w", err)
		}
		if n == 0 {
			return ErrNotFound // the id is another workspace's
		}
		if err := insertLines(ctx, tx, actor, in.ID, p); err != nil {
			return err
		}
		if inv, err = a.findInvoice(ctx, tx.Queries, actor, in.ID); err != nil {
			return err
		}
		if err := a.event(ctx, tx, actor, inv.ID, "created", ""); err != nil {
			return err
		}
		if err := record(ctx, tx, actor, "invoice.create", inv.ID, nil, summary(inv)); err != nil {
			return err
		}
		a.changed(tx, inv)
		if finalize {
			inv, err = a.finalize(ctx, tx, actor, inv, client)
		}
		return err
	})
	if err != nil {
		return db.Invoice{}, err
	}
	if finalize {
		a.tryLinks(ctx, actor.WorkspaceID, inv.ID)
	}
	return a.invoice(ctx, actor, inv.ID)
}

// UpdateDraft stores an edited draft, and finalizes it if wanted. Members may do it. Returns
// ErrConflict when the draft was changed or finalized meanwhile, FieldErrors when something
// is wrong; nothing is changed then.
func (a *App) UpdateDraft(ctx context.Context, actor Actor, in InvoiceInput, finalize bool) (db.Invoice, error) {
	if err := a.need(ctx, actor, EditInvoices); err != nil {
		return db.Invoice{}, err
	}
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		was, err := a.findInvoice(ctx, tx.Queries, actor, in.ID)
		if err != nil {
			return err
		}
		if was.Decided != string(billing.Draft) || was.Version != in.Version {
			return ErrConflict
		}
		p, errs := price(actor.Workspace, in)
		if err := checkProject(ctx, tx, actor, in.ProjectID, was.ProjectID, errs); err != nil {
			return err
		}
		client, err := a.clientOfForm(ctx, tx, actor, in, finalize, errs)
		if err != nil {
			return err
		}
		if finalize {
			checkFinal(p, errs)
		}
		if err := errs.Err(); err != nil {
			return err
		}
		n, err := tx.UpdateDraft(ctx, db.UpdateDraftParams{
			WorkspaceID: actor.WorkspaceID, ID: was.ID, Version: was.Version, ClientID: optional(client.ID), Currency: p.Currency.Code,
			Subtotal: p.Totals.Subtotal, Discount: p.Totals.Discount, Tax: p.Totals.Tax, Total: p.Totals.Total,
			DueDate: string(p.Due), TermsDays: p.Terms, ProjectID: optional(in.ProjectID), PoNumber: p.PONumber, Note: p.Note,
			UpdatedAt: tx.Now(),
		})
		if err != nil {
			return fmt.Errorf("update draft: %w", err)
		}
		if n == 0 {
			return ErrConflict
		}
		if err := tx.DeleteDraftLines(ctx, db.DeleteDraftLinesParams{WorkspaceID: actor.WorkspaceID, InvoiceID: was.ID}); err != nil {
			return fmt.Errorf("replace lines: %w", err)
		}
		if err := insertLines(ctx, tx, actor, was.ID, p); err != nil {
			return err
		}
		inv, err := a.findInvoice(ctx, tx.Queries, actor, was.ID)
		if err != nil {
			return err
		}
		if err := record(ctx, tx, actor, "invoice.update", inv.ID, summary(was), summary(inv)); err != nil {
			return err
		}
		a.changed(tx, inv)
		if finalize {
			_, err = a.finalize(ctx, tx, actor, inv, client)
		}
		return err
	})
	if err != nil {
		return db.Invoice{}, err
	}
	if finalize {
		a.tryLinks(ctx, actor.WorkspaceID, in.ID)
	}
	return a.invoice(ctx, actor, in.ID)
}

// FinalizeInvoice numbers a draft, freezes it, and creates the payment link for its whole
// total on the workspace's Stripe account, if it has one that can take charges. Members may
// do it. Returns ErrConflict when the draft changed meanwhile, FieldErrors when it is not
// complete.
func (a *App) FinalizeInvoice(ctx context.Context, actor Actor, id string, version int64) (db.Invoice, error) {
	if err := a.need(ctx, actor, EditInvoices); err != nil {
		return db.Invoice{}, err
	}
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		inv, err := a.findInvoice(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		if inv.Decided != string(billing.Draft) || inv.Version != version {
			return ErrConflict
		}
		if inv.ClientID == nil {
			return billing.FieldErrors{"client": "Choose a client, or type a new one"}
		}
		client, err := tx.ClientByID(ctx, db.ClientByIDParams{WorkspaceID: actor.WorkspaceID, ID: *inv.ClientID})
		if err != nil {
			return fmt.Errorf("read client: %w", err)
		}
		if err := billing.CheckCharge(billing.Money{Minor: inv.Total, Currency: inv.Currency}); err != nil {
			errs := billing.FieldErrors{}
			errs.Check("amount", err)
			return errs
		}
		_, err = a.finalize(ctx, tx, actor, inv, client)
		return err
	})
	if err != nil {
		return db.Invoice{}, err
	}
	a.tryLinks(ctx, actor.WorkspaceID, id)
	return a.invoice(ctx, actor, id)
}

// checkFinal adds what must be right beyond a draft.
func checkFinal(p Priced, errs billing.FieldErrors) {
	if len(errs) > 0 {
		return
	}
	field := "amount"
	if len(p.Lines) > 1 {
		field = "total"
	}
	errs.Check(field, billing.CheckCharge(billing.Money{Minor: p.Totals.Total, Currency: p.Currency.Code}))
}

// finalize gives the number and freezes what the invoice says, in the caller's transaction.
func (a *App) finalize(ctx context.Context, tx *db.Tx, actor Actor, inv db.Invoice, client db.Client) (db.Invoice, error) {
	w, err := tx.WorkspaceByID(ctx, actor.WorkspaceID)
	if err != nil {
		return inv, fmt.Errorf("read workspace: %w", err)
	}
	last, err := tx.NextNumber(ctx, db.NextNumberParams{WorkspaceID: w.ID, Livemode: a.live, Series: "invoice"})
	if err != nil {
		return inv, fmt.Errorf("next number: %w", err)
	}
	number := billing.Number(w.InvoicePrefix, last)
	today := billing.Today(Workspace{TimeZone: w.TimeZone}.Location(), a.now())
	due := inv.DueDate
	if inv.TermsDays >= 0 {
		due = string(today.AddDays(int(inv.TermsDays)))
	}
	s := billing.StandingOf(billing.InvoiceFacts{Decided: billing.Open, Currency: inv.Currency, Livemode: a.live, Total: inv.Total})
	n, err := tx.FinalizeInvoice(ctx, db.FinalizeInvoiceParams{
		WorkspaceID: w.ID, ID: inv.ID, Version: inv.Version, Number: &number, Livemode: a.live,
		Status: string(s.Status), Phase: string(s.Phase), Due: s.Due,
		IssueDate: string(today), DueDate: due, FinalizedAt: tx.Now(), UpdatedAt: tx.Now(),
		BuyerName: client.Name, BuyerEmail: client.Email, BuyerAddress: client.Address,
		SellerName: w.Name, SellerAddress: w.Address, SellerCountry: w.Country, SellerTaxNumber: w.TaxNumber, Locale: w.Locale, TimeZone: w.TimeZone,
	})
	if err != nil {
		return inv, fmt.Errorf("finalize: %w", err)
	}
	if n == 0 {
		return inv, ErrConflict
	}
	if inv, err = a.findInvoice(ctx, tx.Queries, actor, inv.ID); err != nil {
		return inv, err
	}
	if inv.Due > 0 {
		if err := a.insertLink(ctx, tx, inv, 1, afterFirstTry); err != nil {
			return inv, err
		}
	}
	if err := a.event(ctx, tx, actor, inv.ID, "finalized", number); err != nil {
		return inv, err
	}
	if err := record(ctx, tx, actor, "invoice.finalize", inv.ID, nil, summary(inv)); err != nil {
		return inv, err
	}
	a.changed(tx, inv)
	return inv, nil
}

// DeleteDraft removes a draft. Members may do it. Returns ErrConflict when the draft changed
// meanwhile, and for what has a number, which is never deleted.
func (a *App) DeleteDraft(ctx context.Context, actor Actor, id string, version int64) error {
	if err := a.need(ctx, actor, EditInvoices); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		inv, err := a.findInvoice(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		if inv.Decided != string(billing.Draft) || inv.Version != version {
			return ErrConflict
		}
		if err := tx.DeleteDraftLines(ctx, db.DeleteDraftLinesParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID}); err != nil {
			return fmt.Errorf("delete lines: %w", err)
		}
		if err := tx.DeleteDraftEvents(ctx, db.DeleteDraftEventsParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID}); err != nil {
			return fmt.Errorf("delete events: %w", err)
		}
		if _, err := tx.DeleteDraft(ctx, db.DeleteDraftParams{WorkspaceID: inv.WorkspaceID, ID: inv.ID}); err != nil {
			return fmt.Errorf("delete draft: %w", err)
		}
		tx.AfterCommit(func() { a.versions.bump(inv.WorkspaceID) })
		return record(ctx, tx, actor, "invoice.delete", inv.ID, summary(inv), nil)
	})
}

// MarkSent notes that a person has copied the link to send it. Members may do it.
func (a *App) MarkSent(ctx context.Context, actor Actor, id string) error {
	if err := a.need(ctx, actor, EditInvoices); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		inv, err := a.findInvoice(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		n, err := tx.MarkInvoiceSent(ctx, db.MarkInvoiceSentParams{WorkspaceID: inv.WorkspaceID, ID: inv.ID, SentAt: tx.Now()})
		if err != nil {
			return fmt.Errorf("mark sent: %w", err)
		}
		if n == 0 {
			return nil
		}
		inv.Version++
		a.changed(tx, inv)
		if err := a.event(ctx, tx, actor, inv.ID, "link_copied", ""); err != nil {
			return err
		}
		return record(ctx, tx, actor, "invoice.sent", inv.ID, nil, nil)
	})
}

// RevokeLink gives the client's page a new address; the old one leads nowhere from now on.
// Members may do it. The payment link at Stripe is replaced too, since its return leads back
// to the page.
func (a *App) RevokeLink(ctx context.Context, actor Actor, id string) error {
	if err := a.need(ctx, actor, EditInvoices); err != nil {
		return err
	}
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		inv, err := a.findInvoice(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		if inv.Decided == string(billing.Draft) {
			return ErrConflict
		}
		if _, err := tx.SetInvoiceToken(ctx, db.SetInvoiceTokenParams{WorkspaceID: inv.WorkspaceID, ID: inv.ID, Token: newToken(), UpdatedAt: tx.Now()}); err != nil {
			return fmt.Errorf("replace token: %w", err)
		}
		if inv, err = a.findInvoice(ctx, tx.Queries, actor, id); err != nil {
			return err
		}
		links, err := tx.LinksOfInvoice(ctx, db.LinksOfInvoiceParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID})
		if err != nil {
			return fmt.Errorf("read links: %w", err)
		}
		for _, l := range links {
			if err := a.closeLink(ctx, tx, l, afterFirstTry); err != nil {
				return err
			}
		}
		if err := a.settleLinks(ctx, tx, inv, afterFirstTry); err != nil {
			return err
		}
		a.changed(tx, inv)
		if err := a.event(ctx, tx, actor, inv.ID, "link_revoked", ""); err != nil {
			return err
		}
		return record(ctx, tx, actor, "invoice.revoke_link", inv.ID, nil, nil)
	})
	if err != nil {
		return err
	}
	a.tryLinks(ctx, actor.WorkspaceID, id)
	return nil
}

func insertLines(ctx context.Context, tx *db.Tx, actor Actor, invoiceID string, p Priced) error {
	for i, l := range p.Lines {
		err := tx.InsertLine(ctx, db.InsertLineParams{
			ID: newID(), WorkspaceID: actor.WorkspaceID, InvoiceID: invoiceID, Position: int64(i),
			Description: l.Description, Quantity: l.Quantity, UnitPrice: l.UnitPrice, Amount: p.Amounts[i],
		})
		if err != nil {
			return fmt.Errorf("insert line %d: %w", i, err)
		}
	}
	return nil
}

// findInvoice is how every use-case gets at an invoice: within the actor's workspace and the mode
// that Trak runs in, or not.
func (a *App) findInvoice(ctx context.Context, q *db.Queries, actor Actor, id string) (db.Invoice, error) {
	inv, err := q.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: actor.WorkspaceID, ID: id})
	if errors.Is(err, sql.ErrNoRows) || err == nil && inv.Livemode != a.live {
		return inv, ErrNotFound
	}
	if err != nil {
		return inv, fmt.Errorf("read invoice: %w", err)
	}
	return inv, nil
}

func (a *App) invoice(ctx context.Context, actor Actor, id string) (inv db.Invoice, err error) {
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		inv, err = a.findInvoice(ctx, q, actor, id)
		return err
	})
	return inv, err
}

// event adds to the timeline what a person did.
func (a *App) event(ctx context.Context, tx *db.Tx, actor Actor, invoiceID, kind, detail string) error {
	err := tx.InsertInvoiceEvent(ctx, db.InsertInvoiceEventParams{
		ID: newID(), WorkspaceID: actor.WorkspaceID, InvoiceID: invoiceID, Kind: kind, UserID: optional(actor.UserID), Detail: detail, At: tx.Now(),
	})
	if err != nil {
		return fmt.Errorf("add %s to the timeline: %w", kind, err)
	}
	return nil
}

// summary is what the audit log keeps of an invoice.
func summary(inv db.Invoice) map[string]any {
	m := map[string]any{"decided": inv.Decided, "currency": inv.Currency, "total": inv.Total, "due_date": inv.DueDate}
	if inv.Number != nil {
		m["number"] = *inv.Number
	}
	if inv.ClientID != nil {
		m["client"] = *inv.ClientID
	}
	if inv.ProjectID != nil {
		m["project"] = *inv.ProjectID
	}
	return m
}
