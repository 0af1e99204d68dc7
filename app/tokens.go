package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"trak/auth"
	"trak/db"
)

// tokenOpen says whether a one-time token of the kind works, else ErrNotFound: one that was used, is
// too old or never was is all the same.
func (a *App) tokenOpen(ctx context.Context, q *db.Queries, kind, token string) error {
	n, err := q.OneTimeTokenValid(ctx, db.OneTimeTokenValidParams{Hash: auth.HashToken(token), Kind: kind, Now: a.nowMicro()})
	if err != nil {
		return fmt.Errorf("look up %s link: %w", kind, err)
	}
	if n == 0 {
		return ErrNotFound
	}
	return nil
}

// useToken uses a token up and returns it, or ErrNotFound: of two at once one gets it.
func useToken(ctx context.Context, tx *db.Tx, kind, token string) (db.OneTimeToken, error) {
	t, err := tx.UseOneTimeToken(ctx, db.UseOneTimeTokenParams{Hash: auth.HashToken(token), Kind: kind, Now: tx.Now()})
	if errors.Is(err, sql.ErrNoRows) {
		return t, ErrNotFound
	}
	return t, err
}
