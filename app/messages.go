package app

import (
	"context"
	"fmt"

	"trak/db"
)

// Message is mail to one person, in plain text.
type Message struct {
	WorkspaceID string // "" = the installation's
	UserID      string // who it is for, "" when that is no user yet
	Kind        string // invitation, password, …
	To          string // an email address
	Subject     string
	// Body is sent as it stands, but for {link}, which becomes the address of Path below APP_URL
	// with the token at its end.
	Body  string
	Path  string
	Token string // sealed until the message is sent, then dropped
}

// post writes mail in the transaction that causes it; the worker sends it.
func (a *App) post(ctx context.Context, tx *db.Tx, m Message) error {
	id := newID()
	var secret []byte
	if m.Token != "" {
		var err error
		if secret, err = a.secrets.Seal([]byte(m.Token), messagePlace(id)); err != nil {
			return fmt.Errorf("seal the token of a message: %w", err)
		}
	}
	err := tx.InsertMessage(ctx, db.InsertMessageParams{
		ID: id, WorkspaceID: optional(m.WorkspaceID), UserID: optional(m.UserID), Kind: m.Kind, Recipient: m.To,
		Subject: m.Subject, Body: m.Body, Path: m.Path, Secret: secret, Now: tx.Now(),
	})
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	tx.AfterCommit(a.jobs.Wake)
	return nil
}

// messagePlace is where a message's token rests, for auth.Box.
func messagePlace(id string) []byte { return []byte("messages/secret/" + id) }
