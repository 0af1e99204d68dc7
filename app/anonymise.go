package app

import (
	"context"
	"encoding/json"
	"fmt"

	"trak/db"
)

// ExportClient is all that Trak holds of one client, as JSON: the client, and each invoice with its
// lines and payments. Owners and admins may do it, and that they did is recorded. Returns ErrNotFound.
func (a *App) ExportClient(ctx context.Context, actor Actor, id string) ([]byte, error) {
	if err := a.need(ctx, actor, Export); err != nil {
		return nil, err
	}
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		if _, err := findClient(ctx, tx.Queries, actor, id); err != nil {
			return err
		}
		return record(ctx, tx, actor, "client.export", id, nil, nil)
	})
	if err != nil {
		return nil, err
	}
	var client, invoices []map[string]any
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		of := func(table, column, value string) ([]map[string]any, error) {
			return dumped(ctx, q, actor.WorkspaceID, db.Dump{Table: table, Key: []string{"id"}, Column: column, Value: value})
		}
		if client, err = of("clients", "id", id); err != nil {
			return err
		}
		if invoices, err = of("invoices", "client_id", id); err != nil {
			return err
		}
		for _, inv := range invoices {
			if inv["lines"], err = of("invoice_lines", "invoice_id", inv["id"].(string)); err != nil {
				return err
			}
			if inv["payments"], err = of("payments", "invoice_id", inv["id"].(string)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("export client: %w", err)
	}
	return json.MarshalIndent(map[string]any{"client": client[0], "invoices": invoices}, "", "  ")
}

// dumped is all rows of a dump, for JSON.
func dumped(ctx context.Context, q *db.Queries, workspaceID string, d db.Dump) (list []map[string]any, err error) {
	list = []map[string]any{}
	for after := []any(nil); ; {
		page, err := d.Page(ctx, q, workspaceID, after, exportPage)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			after = d.KeyOf(r)
			list = append(list, object(exportedOf(r)))
		}
		if len(page) < exportPage {
			return list, nil
		}
	}
}

// AnonymiseClient takes out who a client is, for good: name, email and address of the client, the
// text that finds them, and the client, note and purchase order of each draft. Finalized invoices
// keep the buyer's name and address, which the law wants on them, and lose the email. Owners and
// admins may do it. Returns ErrNotFound, or ErrConflict when it was done already.
func (a *App) AnonymiseClient(ctx context.Context, actor Actor, id string) error {
	if err := a.need(ctx, actor, AnonymiseClients); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		if _, err := findClient(ctx, tx.Queries, actor, id); err != nil {
			return err
		}
		n, err := tx.AnonymiseClient(ctx, db.AnonymiseClientParams{WorkspaceID: actor.WorkspaceID, ID: id, Name: namelessClient, Now: tx.Now()})
		if err != nil {
			return fmt.Errorf("make client anonymous: %w", err)
		}
		if n == 0 {
			return ErrConflict
		}
		if err := a.freeDrafts(ctx, tx, actor, id); err != nil {
			return err
		}
		_, err = tx.ForgetBuyerEmailsOf(ctx, db.ForgetBuyerEmailsOfParams{WorkspaceID: actor.WorkspaceID, ClientID: &id})
		if err != nil {
			return fmt.Errorf("forget emails of invoices: %w", err)
		}
		tx.AfterCommit(func() { a.versions.bump(actor.WorkspaceID) })
		return record(ctx, tx, actor, "client.anonymise", id, nil, nil)
	})
}

// freeDrafts takes a client off their drafts.
func (a *App) freeDrafts(ctx context.Context, tx *db.Tx, actor Actor, clientID string) error {
	drafts, err := tx.DraftsOfClient(ctx, db.DraftsOfClientParams{WorkspaceID: actor.WorkspaceID, ClientID: &clientID})
	if err != nil {
		return fmt.Errorf("list drafts: %w", err)
	}
	for _, inv := range drafts {
		if _, err := tx.TakeClientOffDraft(ctx, db.TakeClientOffDraftParams{WorkspaceID: actor.WorkspaceID, ID: inv.ID, UpdatedAt: tx.Now()}); err != nil {
			return fmt.Errorf("take client off draft: %w", err)
		}
		inv.Version++
		a.changed(tx, inv)
	}
	return nil
}
