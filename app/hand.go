package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"trak/billing"
	"trak/db"
)

// HandMethods are the ways in which money comes outside Stripe.
func HandMethods() []string { return []string{"bank_transfer", "cash", "cheque", "other"} }

// maxReference is how many characters a payment's reference may have.
const maxReference = 120

// HandInput is the form of a payment outside Stripe, as typed.
type HandInput struct {
	FormKey    string // chosen when the form is shown: the same form sent twice is one payment
	Amount     string // in the invoice's currency
	ReceivedOn string // YYYY-MM-DD
	Method     string
	Reference  string
	TooMuch    bool // agreed that it is more than is due
}

// HandPayment is a payment outside Stripe. Amounts are minor units.
type HandPayment struct {
	Method, Reference string
	ReceivedOn        billing.Date
	Recorded, Left    int64
}

// errSentTwice rolls back what another sending of the same form has done already.
var errSentTwice = errors.New("the form was sent before")

// RecordPayment notes that money came for an invoice outside Stripe. What is due then gets a link
// for exactly that amount, and the link for more is closed: the invoice says so at once, and
// Stripe is told until it agrees. Owners and admins may do it. Returns FieldErrors for what can't
// be, and for more than is due that was not agreed to; ErrConflict for a draft, and for an
// invoice that is void.
func (a *App) RecordPayment(ctx context.Context, actor Actor, invoiceID string, in HandInput) error {
	if err := a.need(ctx, actor, RecordPayments); err != nil {
		return err
	}
	same := func(was db.HandEntry) bool {
		return was.Amount > 0 && was.Method == in.Method && was.ReceivedOn == in.ReceivedOn && was.Reference == strings.TrimSpace(in.Reference)
	}
	return a.byHand(ctx, actor, invoiceID, in.FormKey, in.Amount, same, func(tx *db.Tx, inv db.Invoice, key string) (string, error) {
		if inv.Decided == string(billing.Draft) || inv.Decided == string(billing.Void) {
			return "", ErrConflict
		}
		e, errs := a.readHand(actor.Workspace, inv, in)
		if err := errs.Err(); err != nil {
			return "", err
		}
		id := newID()
		row := db.Payment{ID: id, WorkspaceID: inv.WorkspaceID, InvoiceID: &inv.ID, PaymentIntentID: id, Livemode: inv.Livemode}
		e.PaymentID, e.FormKey = id, key
		return "payment.record", a.addEntry(ctx, tx, actor, row, nil, e)
	})
}

// TakeBackInput is the form that takes a payment outside Stripe back, as typed.
type TakeBackInput struct {
	FormKey string // as in HandInput
	Amount  string
	Note    string // why
}

// TakeBackPayment takes back what was recorded of a payment outside Stripe, in full or in part:
// it is due again. Owners and admins may do it. Returns FieldErrors for more than is left of it
// and without a note, ErrNotFound for a payment that nobody recorded.
func (a *App) TakeBackPayment(ctx context.Context, actor Actor, invoiceID, paymentID string, in TakeBackInput) error {
	if err := a.need(ctx, actor, RecordPayments); err != nil {
		return err
	}
	note := strings.TrimSpace(in.Note)
	same := func(was db.HandEntry) bool { return was.Amount < 0 && was.PaymentID == paymentID && was.Note == note }
	return a.byHand(ctx, actor, invoiceID, in.FormKey, in.Amount, same, func(tx *db.Tx, inv db.Invoice, key string) (string, error) {
		row, err := tx.PaymentByID(ctx, db.PaymentByIDParams{WorkspaceID: inv.WorkspaceID, ID: paymentID})
		if errors.Is(err, sql.ErrNoRows) || err == nil && (row.StripeAccountID != "" || row.InvoiceID == nil || *row.InvoiceID != inv.ID) {
			return "", ErrNotFound
		}
		if err != nil {
			return "", fmt.Errorf("read payment: %w", err)
		}
		was, err := tx.HandEntriesOfPayment(ctx, db.HandEntriesOfPaymentParams{WorkspaceID: inv.WorkspaceID, PaymentID: row.ID})
		if err != nil {
			return "", fmt.Errorf("read entries: %w", err)
		}
		errs := checkReason("note", note)
		amount, err := billing.ParseAmount(in.Amount, inv.Currency, actor.Workspace.Locale)
		errs.Check("amount", err)
		if amount > row.Gross {
			errs.Add("amount", "Only "+billing.FormatMoney(billing.Money{Minor: row.Gross, Currency: row.Currency}, actor.Workspace.Locale)+" of it is left")
		}
		if err := errs.Err(); err != nil {
			return "", err
		}
		return "payment.take_back", a.addEntry(ctx, tx, actor, row, was, db.HandEntry{
			PaymentID: row.ID, Amount: -amount, Method: was[0].Method, Note: note, FormKey: key,
			ReceivedOn: string(billing.Today(actor.Workspace.Location(), a.now())), ReceivedAt: tx.Now(),
		})
	})
}

// byHand adds an entry to an invoice, unless its form was sent before, with all that follows from
// it; then Stripe is told for as long as a person is willing to wait. same says whether the rest of
// the form is what an entry was made from.
func (a *App) byHand(ctx context.Context, actor Actor, invoiceID, formKey, amount string, same func(was db.HandEntry) bool, add func(tx *db.Tx, inv db.Invoice, key string) (action string, err error)) error {
	key := formKey
	if _, err := uuid.Parse(key); err != nil {
		key = newID()
	}
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		inv, err := a.findInvoice(ctx, tx.Queries, actor, invoiceID)
		if err != nil {
			return err
		}
		if err := handSentBefore(ctx, tx, actor, inv, key, amount, same); err != nil {
			return err
		}
		action, err := add(tx, inv, key)
		if err != nil {
			return err
		}
		s, err := a.restand(ctx, tx, inv, nil, afterFirstTry)
		if err != nil {
			return err
		}
		return record(ctx, tx, actor, action, inv.ID, received(standingOf(inv), inv.Currency), received(s, inv.Currency))
	})
	if err != nil && !errors.Is(err, errSentTwice) {
		return err
	}
	a.tryLinks(ctx, actor.WorkspaceID, invoiceID)
	return nil
}

// handSentBefore is errSentTwice when the form was sent before, or FieldErrors when something else was
// typed into it then: neither may count once more unseen.
func handSentBefore(ctx context.Context, tx *db.Tx, actor Actor, inv db.Invoice, key, amount string, same func(db.HandEntry) bool) error {
	was, err := tx.HandEntryByFormKey(ctx, db.HandEntryByFormKeyParams{WorkspaceID: actor.WorkspaceID, FormKey: key})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the form: %w", err)
	}
	row, err := tx.PaymentByID(ctx, db.PaymentByIDParams{WorkspaceID: actor.WorkspaceID, ID: was.PaymentID})
	if err != nil {
		return fmt.Errorf("read payment: %w", err)
	}
	minor, _ := billing.ParseAmount(amount, inv.Currency, actor.Workspace.Locale) // 0 is no entry's
	if row.InvoiceID != nil && *row.InvoiceID == inv.ID && max(was.Amount, -was.Amount) == minor && same(was) {
		return errSentTwice
	}
	return billing.FieldErrors{"amount": "This form was sent before, with something else in it. Look at the invoice, and send it again if this is to come on top"}
}

// received is what the audit log keeps of what came in for an invoice.
func received(s billing.Standing, currency string) map[string]any {
	return map[string]any{"status": s.Status, "received": s.Received, "due": s.Due, "currency": currency}
}

// addEntry adds to the entries that a payment has and stores what they come to.
func (a *App) addEntry(ctx context.Context, tx *db.Tx, actor Actor, row db.Payment, was []db.HandEntry, e db.HandEntry) error {
	e.ID, e.WorkspaceID, e.CreatedBy, e.CreatedAt = newID(), actor.WorkspaceID, actor.UserID, tx.Now()
	if row.Currency != "" {
		e.Currency = row.Currency
	}
	f := billing.PaymentFacts{Intent: billing.Intent{ID: row.PaymentIntentID, Currency: e.Currency, Livemode: row.Livemode}}
	for _, entry := range append(was, e) {
		f.Entries = append(f.Entries, entryOf(entry))
	}
	fillPayment(&row, f.Intent, billing.PaymentOf(f))
	if err := tx.UpsertPayment(ctx, db.UpsertPaymentParams(row)); err != nil {
		return fmt.Errorf("store payment: %w", err)
	}
	n, err := tx.InsertHandEntry(ctx, db.InsertHandEntryParams(e))
	if err != nil {
		return fmt.Errorf("insert entry: %w", err)
	}
	if n == 0 {
		return errSentTwice
	}
	return nil
}

// readHand reads the form of a payment for an invoice.
func (a *App) readHand(w Workspace, inv db.Invoice, in HandInput) (e db.HandEntry, errs billing.FieldErrors) {
	errs = billing.FieldErrors{}
	e = db.HandEntry{Currency: inv.Currency, Method: in.Method, Reference: strings.TrimSpace(in.Reference)}
	var err error
	e.Amount, err = billing.ParseAmount(in.Amount, inv.Currency, w.Locale)
	if other := otherCurrency(in.Amount, inv.Currency); err != nil && other != "" {
		errs.Add("amount", "This invoice is in "+strings.ToUpper(inv.Currency)+". Enter what the "+other+" came to in "+strings.ToUpper(inv.Currency))
	}
	errs.Check("amount", err)
	if e.Amount > inv.Due && !in.TooMuch {
		errs.Add("amount", "This is more than the "+billing.FormatMoney(billing.Money{Minor: inv.Due, Currency: inv.Currency}, w.Locale)+" that is due. If it is right, tick the box below")
	}
	day, err := billing.ParseDate(in.ReceivedOn)
	errs.Check("received_on", err)
	now := a.now().In(w.Location())
	today := billing.Today(w.Location(), now)
	switch {
	case day > today:
		errs.Add("received_on", "This day is still to come. Record the payment once it has arrived")
	case day < billing.Date(fmt.Sprintf("%04d%s", now.Year()-10, today[4:])):
		errs.Add("received_on", "This is more than ten years ago")
	}
	e.ReceivedOn, e.ReceivedAt = string(day), now.UnixMicro()
	if day != today {
		e.ReceivedAt = noon(day, w.Location())
	}
	if !slices.Contains(HandMethods(), in.Method) {
		errs.Add("method", "Choose how it came")
	}
	errs.CheckLength("reference", e.Reference, maxReference)
	return e, errs
}

// noon of a day in a zone: a moment of that day, whatever a clock change does.
func noon(day billing.Date, zone *time.Location) int64 {
	t, err := time.ParseInLocation(time.DateOnly, string(day), zone)
	if err != nil {
		return 0
	}
	return t.Add(12 * time.Hour).UnixMicro()
}

// otherCurrency is the code of another currency that an amount was typed with, "" = none.
func otherCurrency(typed, code string) string {
	for _, word := range strings.FieldsFunc(typed, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if c, ok := billing.CurrencyOf(strings.ToLower(word)); ok && c.Code != code {
			return strings.ToUpper(word)
		}
	}
	return ""
}

// handEntries are the facts of a payment outside Stripe.
func handEntries(ctx context.Context, q *db.Queries, row db.Payment) (list []billing.Entry, err error) {
	entries, err := q.HandEntriesOfPayment(ctx, db.HandEntriesOfPaymentParams{WorkspaceID: row.WorkspaceID, PaymentID: row.ID})
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	for _, e := range entries {
		list = append(list, entryOf(e))
	}
	return list, nil
}

func entryOf(e db.HandEntry) billing.Entry {
	return billing.Entry{ID: e.ID, Amount: e.Amount, Currency: e.Currency, Method: e.Method, ReceivedAt: e.ReceivedAt}
}

// handPayments are those of the payments that came outside Stripe, by id.
func handPayments(ctx context.Context, q *db.Queries, payments []db.Payment) (map[string]HandPayment, error) {
	byID := map[string]HandPayment{}
	for _, p := range payments {
		if p.StripeAccountID != "" {
			continue
		}
		entries, err := q.HandEntriesOfPayment(ctx, db.HandEntriesOfPaymentParams{WorkspaceID: p.WorkspaceID, PaymentID: p.ID})
		if err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		if len(entries) == 0 {
			continue
		}
		first := entries[0]
		byID[p.ID] = HandPayment{Method: first.Method, Reference: first.Reference, ReceivedOn: billing.Date(first.ReceivedOn), Recorded: first.Amount, Left: p.Gross}
	}
	return byID, nil
}

// momentsByHand tells who recorded a payment, and who took what of it back.
func momentsByHand(ctx context.Context, q *db.Queries, p db.Payment) (list []Moment, err error) {
	rows, err := q.HandEntriesWithNames(ctx, db.HandEntriesWithNamesParams{WorkspaceID: p.WorkspaceID, PaymentID: p.ID})
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	for _, r := range rows {
		m := Moment{
			At: r.CreatedAt, Kind: "recorded", Who: r.UserName, Money: billing.Money{Minor: r.Amount, Currency: r.Currency},
			Entry: db.HandEntry{Amount: r.Amount, Method: r.Method, Reference: r.Reference, Note: r.Note, ReceivedOn: r.ReceivedOn},
		}
		if r.Amount < 0 {
			m.Kind, m.Money.Minor = "taken_back", -r.Amount
		}
		list = append(list, m)
	}
	return list, nil
}
