package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"trak/billing"
	"trak/db"
)

// ClientInput is the client form as typed.
type ClientInput struct {
	Name, Email, Address string
	Version              int64 // of the client that was edited
}

const (
	clientsPerPage = 50
	suggestions    = 8
)

// NameCursor is where the next page of a list by name begins; the zero value is the first page.
type NameCursor struct{ Text, ID string }

// OpenTotal is what a client owes in one currency.
type OpenTotal struct {
	ClientID string
	Money    billing.Money
}

// Clients lists the workspace's clients by name, a page at a time, with what each owes.
// Members may see them. next is nil on the last page.
func (a *App) Clients(ctx context.Context, actor Actor, after NameCursor) (list []db.Client, owed []OpenTotal, next *NameCursor, err error) {
	if err := a.need(ctx, actor, ViewClients); err != nil {
		return nil, nil, nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err = q.ListClients(ctx, db.ListClientsParams{WorkspaceID: actor.WorkspaceID, AfterText: after.Text, AfterID: after.ID, Max: clientsPerPage + 1})
		if err != nil {
			return fmt.Errorf("list clients: %w", err)
		}
		totals, err := q.OpenTotalsOfClients(ctx, db.OpenTotalsOfClientsParams{WorkspaceID: actor.WorkspaceID, Livemode: a.live})
		if err != nil {
			return fmt.Errorf("sum what clients owe: %w", err)
		}
		for _, t := range totals {
			owed = append(owed, OpenTotal{ClientID: *t.ClientID, Money: billing.Money{Minor: t.Due, Currency: t.Currency}})
		}
		return nil
	})
	list, next = pageOf(list, clientsPerPage, func(c db.Client) NameCursor { return NameCursor{c.SearchText, c.ID} })
	return list, owed, next, err
}

// ArchivedClients lists the clients that are put away, the first hundred by name.
func (a *App) ArchivedClients(ctx context.Context, actor Actor) (list []db.Client, err error) {
	if err := a.need(ctx, actor, ViewClients); err != nil {
		return nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err = q.ListArchivedClients(ctx, db.ListArchivedClientsParams{WorkspaceID: actor.WorkspaceID, Max: 100})
		return err
	})
	return list, err
}

// SuggestClients finds clients by a part of name or email, for the invoice form.
func (a *App) SuggestClients(ctx context.Context, actor Actor, text string) (list []db.Client, err error) {
	if err := a.need(ctx, actor, ViewClients); err != nil {
		return nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err = q.SearchClients(ctx, db.SearchClientsParams{WorkspaceID: actor.WorkspaceID, Pattern: likePattern(text), Max: suggestions})
		return err
	})
	return list, err
}

// Client returns one client.
func (a *App) Client(ctx context.Context, actor Actor, id string) (c db.Client, err error) {
	if err := a.need(ctx, actor, ViewClients); err != nil {
		return c, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		c, err = findClient(ctx, q, actor, id)
		return err
	})
	return c, err
}

// CreateClient adds a client. Members may do it. Returns FieldErrors.
func (a *App) CreateClient(ctx context.Context, actor Actor, in ClientInput) (c db.Client, err error) {
	if err := a.need(ctx, actor, EditClients); err != nil {
		return c, err
	}
	err = a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		errs := billing.FieldErrors{}
		in = in.checked(errs, "name", "email")
		if err := errs.Err(); err != nil {
			return err
		}
		c, err = insertClient(ctx, tx, actor, in)
		return err
	})
	return c, err
}

// UpdateClient changes a client; finalized invoices keep what they say. Members may do it.
// Returns FieldErrors, or ErrConflict when somebody changed the client meanwhile.
func (a *App) UpdateClient(ctx context.Context, actor Actor, id string, in ClientInput) error {
	if err := a.need(ctx, actor, EditClients); err != nil {
		return err
	}
	errs := billing.FieldErrors{}
	in = in.checked(errs, "name", "email")
	if err := errs.Err(); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		was, err := findClient(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		n, err := tx.UpdateClient(ctx, db.UpdateClientParams{
			WorkspaceID: actor.WorkspaceID, ID: id, Version: in.Version, Name: in.Name, Email: in.Email, Address: in.Address,
			SearchText: searchText(in.Name, in.Email), UpdatedAt: tx.Now(),
		})
		if err != nil {
			return fmt.Errorf("update client: %w", err)
		}
		if n == 0 {
			return ErrConflict
		}
		tx.AfterCommit(func() { a.versions.bump(actor.WorkspaceID) })
		return record(ctx, tx, actor, "client.update", id, clientSummary(was), clientSummary(db.Client{Name: in.Name, Email: in.Email, Address: in.Address}))
	})
}

// ArchiveClient puts a client away, or takes it back. Members may do it. Returns ErrConflict for one
// that was made anonymous.
func (a *App) ArchiveClient(ctx context.Context, actor Actor, id string, archived bool) error {
	if err := a.need(ctx, actor, EditClients); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		if _, err := findClient(ctx, tx.Queries, actor, id); err != nil {
			return err
		}
		at := int64(0)
		if archived {
			at = tx.Now()
		}
		n, err := tx.SetClientArchived(ctx, db.SetClientArchivedParams{WorkspaceID: actor.WorkspaceID, ID: id, ArchivedAt: at, UpdatedAt: tx.Now()})
		if err != nil {
			return fmt.Errorf("archive client: %w", err)
		}
		if n == 0 {
			return ErrConflict
		}
		return record(ctx, tx, actor, "client.archive", id, nil, archived)
	})
}

// clientOfForm finds the client that an invoice form names, or makes the new one that it
// describes. A draft may have none.
func (a *App) clientOfForm(ctx context.Context, tx *db.Tx, actor Actor, in InvoiceInput, needed bool, errs billing.FieldErrors) (db.Client, error) {
	name := strings.TrimSpace(in.ClientName)
	if in.ClientID != "" {
		c, err := findClient(ctx, tx.Queries, actor, in.ClientID)
		if err == nil && (name == "" || foldText(name) == foldText(c.Name)) {
			return c, nil
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return c, err
		}
		if name == "" {
			errs.Add("client", "Choose a client, or type a new one")
			return db.Client{}, nil
		}
		// The name was changed after a client had been picked: the name counts.
	}
	if name == "" {
		if needed {
			errs.Add("client", "Choose a client, or type a new one")
		}
		return db.Client{}, nil
	}
	found, err := tx.SearchClients(ctx, db.SearchClientsParams{WorkspaceID: actor.WorkspaceID, Pattern: likePattern(name), Max: 50})
	if err != nil {
		return db.Client{}, fmt.Errorf("look for client: %w", err)
	}
	for _, c := range found {
		if foldText(c.Name) == foldText(name) {
			return c, nil
		}
	}
	c := ClientInput{Name: name, Email: in.ClientEmail}.checked(errs, "client", "client_email")
	if len(errs) > 0 {
		return db.Client{}, nil // nothing is made while something else is wrong
	}
	return insertClient(ctx, tx, actor, c)
}

func insertClient(ctx context.Context, tx *db.Tx, actor Actor, in ClientInput) (db.Client, error) {
	c := db.Client{
		ID: newID(), WorkspaceID: actor.WorkspaceID, Name: in.Name, Email: in.Email, Address: in.Address,
		SearchText: searchText(in.Name, in.Email), Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
	}
	err := tx.InsertClient(ctx, db.InsertClientParams{
		ID: c.ID, WorkspaceID: c.WorkspaceID, Name: c.Name, Email: c.Email, Address: c.Address, SearchText: c.SearchText,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	})
	if err != nil {
		return c, fmt.Errorf("insert client: %w", err)
	}
	return c, record(ctx, tx, actor, "client.create", c.ID, nil, clientSummary(c))
}

func findClient(ctx context.Context, q *db.Queries, actor Actor, id string) (db.Client, error) {
	c, err := q.ClientByID(ctx, db.ClientByIDParams{WorkspaceID: actor.WorkspaceID, ID: id})
	if errors.Is(err, sql.ErrNoRows) {
		return c, ErrNotFound
	}
	if err != nil {
		return c, fmt.Errorf("read client: %w", err)
	}
	return c, nil
}

// checked trims the input and adds what is wrong with it, under the form's names of the fields.
func (in ClientInput) checked(errs billing.FieldErrors, nameField, emailField string) ClientInput {
	in.Name, in.Email, in.Address = strings.TrimSpace(in.Name), strings.TrimSpace(in.Email), strings.TrimSpace(in.Address)
	checkListed(errs, nameField, in.Name)
	if in.Email != "" && !validEmail(in.Email) {
		errs.Add(emailField, "Enter an email address like name@example.com, or leave it empty")
	}
	errs.CheckLength("address", in.Address, 500)
	return in
}

// checkListed adds what is wrong with the name of something that is found in a list by it: a
// client, a project.
func checkListed(errs billing.FieldErrors, field, name string) {
	if name == "" {
		errs.Add(field, "Enter a name")
	}
	errs.CheckLength(field, name, 120)
}

func validEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 254 && strings.Contains(s, "@") && !strings.HasSuffix(s, "@localhost")
}

func clientSummary(c db.Client) map[string]any {
	return map[string]any{"name": c.Name, "email": c.Email, "address": c.Address}
}

// searchText is what clients and projects are found and sorted by: folded, so that case and accents don't
// matter on either engine.
func searchText(parts ...string) string { return foldText(strings.Join(parts, " ")) }

func foldText(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(cases.Fold().String(s)) {
		if r < 0x300 || r > 0x36f { // combining accents
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// likePattern finds the text anywhere; LIKE's own wildcards in it are taken literally.
func likePattern(s string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(foldText(s)) + "%"
}
