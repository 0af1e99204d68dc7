package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"trak/auth"
	"trak/db"
)

// secretKeyKept is the name under which it is kept which secret key everything is sealed with.
const secretKeyKept = "secret_key"

// secretKey says which one is in use, and since when.
type secretKey struct {
	ID    string `json:"id"`    // of auth.Box; empty = none yet
	Since int64  `json:"since"` // Unix microseconds
}

// sealedColumn is where something rests that auth.Box sealed.
type sealedColumn struct {
	name  string                 // as SealedValues calls it: table.column
	what  string                 // for people, in the plural
	place func(id string) []byte // for auth.Box
	store func(ctx context.Context, tx *db.Tx, id string, sealed []byte) error
	// forget takes out what can't be opened any more, so that Trak works without it.
	forget func(ctx context.Context, tx *db.Tx, id string) error
}

// sealedColumns are all of them, those of SealedValues.
var sealedColumns = []sealedColumn{
	{
		name: "installation.value", what: "webhook secrets",
		place: func(string) []byte { return []byte(webhookKept) }, // also while it is put aside for another mode
		store: func(ctx context.Context, tx *db.Tx, id string, sealed []byte) error {
			return tx.SetInstallationValue(ctx, db.SetInstallationValueParams{Name: id, Value: sealed})
		},
		forget: func(ctx context.Context, tx *db.Tx, id string) error { return tx.DeleteInstallationValue(ctx, id) },
	},
	{
		name: "users.totp_secret", what: "second factors",
		place: totpPlace,
		store: func(ctx context.Context, tx *db.Tx, id string, sealed []byte) error {
			return tx.SetTOTPSecret(ctx, db.SetTOTPSecretParams{ID: id, Sealed: sealed})
		},
		forget: dropSecondFactor,
	},
	{
		name: "messages.secret", what: "links in mail that waits",
		place: messagePlace,
		store: func(ctx context.Context, tx *db.Tx, id string, sealed []byte) error {
			return tx.SetMessageSecret(ctx, db.SetMessageSecretParams{ID: id, Sealed: sealed})
		},
		forget: func(ctx context.Context, tx *db.Tx, id string) error {
			return tx.DropMessage(ctx, db.DropMessageParams{ID: id, Reason: "Its link was lost with the secret key: ask for another one."})
		},
	},
}

// sealedAudit is the key of the audit log among the installation's values. Given up, the log goes
// on with another one and says so: see useAudit.
var sealedAudit = sealedColumn{
	name: "installation." + auditKept, what: "keys of the audit log",
	place: func(string) []byte { return []byte(auditKept) },
	store: sealedColumns[0].store, forget: sealedColumns[0].forget,
}

// sealedValue is one of them.
type sealedValue struct {
	sealedColumn
	id     string
	sealed []byte
}

// open decrypts it with one of the keys; old may be nil. Returns auth.ErrSealed.
func (v sealedValue) open(box, old *auth.Box) ([]byte, error) {
	plain, err := box.Open(v.sealed, v.place(v.id))
	if err != nil && old != nil {
		return old.Open(v.sealed, v.place(v.id))
	}
	return plain, err
}

func sealedValues(ctx context.Context, q *db.Queries) (list []sealedValue, err error) {
	rows, err := q.SealedValues(ctx)
	if err != nil {
		return nil, fmt.Errorf("list what is sealed: %w", err)
	}
	for _, row := range rows {
		if !auth.IsSealed(row.Sealed) {
			continue
		}
		if row.Place == "installation.value" && row.ID == auditKept {
			list = append(list, sealedValue{sealedAudit, row.ID, row.Sealed})
			continue
		}
		found := false
		for _, c := range sealedColumns {
			if c.name == row.Place {
				list, found = append(list, sealedValue{c, row.ID, row.Sealed}), true
			}
		}
		if !found {
			return nil, fmt.Errorf("%s is not among the sealed columns", row.Place)
		}
	}
	return list, nil
}

// AdoptKey brings everything that rests encrypted under the key of box, so that no other opens
// it: all of it in one transaction, or nothing. old is the key before, and may be nil. setting is
// what the operator calls the key. Returns how many values were sealed anew, and an Unfit when one
// opens with neither key.
func AdoptKey(ctx context.Context, d *db.DB, box, old *auth.Box, setting string) (sealed int, err error) {
	err = d.Update(ctx, db.System, func(tx *db.Tx) error {
		sealed = 0
		was, err := keyInUse(ctx, tx.Queries)
		if err != nil || was.ID == box.KeyID() {
			return err
		}
		if sealed, err = sealAnew(ctx, tx, box, old); err != nil {
			if errors.Is(err, auth.ErrSealed) {
				return lostKey(ctx, tx.Queries, setting, "is not the key that secrets in the database are encrypted with")
			}
			return err
		}
		if err := keepKey(ctx, tx, box); err != nil || was.ID == "" {
			return err
		}
		if _, _, err := useAudit(ctx, tx, box); err != nil {
			return err
		}
		return record(ctx, tx, Actor{}, "key.rotate", "installation", was.ID, box.KeyID())
	})
	var unfit *Unfit
	if err != nil && !errors.As(err, &unfit) {
		return 0, fmt.Errorf("take up the secret key: %w", err)
	}
	return sealed, err
}

// sealAnew seals with box what was sealed with it or with old, and returns how much that is.
// Returns auth.ErrSealed when something opens with neither.
func sealAnew(ctx context.Context, tx *db.Tx, box, old *auth.Box) (int, error) {
	values, err := sealedValues(ctx, tx.Queries)
	if err != nil {
		return 0, err
	}
	for _, v := range values {
		plain, err := v.open(box, old)
		if err != nil {
			return 0, fmt.Errorf("open %s of %s: %w", v.name, v.id, err)
		}
		sealed, err := box.Seal(plain, v.place(v.id))
		if err != nil {
			return 0, err
		}
		if err := v.store(ctx, tx, v.id, sealed); err != nil {
			return 0, fmt.Errorf("store %s of %s: %w", v.name, v.id, err)
		}
	}
	return len(values), nil
}

// KeyMissing returns an Unfit when something is encrypted, so that a key must not be made up.
func KeyMissing(ctx context.Context, d *db.DB, setting string) error {
	return d.View(ctx, db.System, func(q *db.Queries) error {
		values, err := sealedValues(ctx, q)
		if err != nil || len(values) == 0 {
			return err
		}
		return lostKey(ctx, q, setting, "is missing, and secrets in the database are encrypted with it")
	})
}

// lostKey says what stands still, what works, and what to do.
func lostKey(ctx context.Context, q *db.Queries, setting, what string) error {
	values, err := sealedValues(ctx, q)
	if err != nil {
		return err
	}
	used, err := keyInUse(ctx, q)
	if err != nil {
		return err
	}
	which := "the key from before"
	if used.ID != "" {
		which = fmt.Sprintf("the key %s, in use since %s", used.ID, time.UnixMicro(used.Since).UTC().Format(time.DateOnly))
	}
	return &Unfit{setting, what, "Bring back " + which + ", from where you keep secrets or from a backup; when you meant to change it, start once with the old one as TRAK_SECRET_KEY_OLD. " +
		"Nothing was changed. Invoices, clients and payments are not encrypted: \"trak verify --local\" and \"trak prove\" work without the key. " +
		"Is it lost for good, \"trak key reset\" gives up what it encrypted (" + counted(values) + ")."}
}

// counted tells how many values of each kind there are.
func counted(values []sealedValue) string {
	var parts []string
	for _, c := range append(slices.Clone(sealedColumns), sealedAudit) {
		n := 0
		for _, v := range values {
			if v.name == c.name {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", c.what, n))
		}
	}
	return strings.Join(parts, ", ")
}

// ResetKey gives up all that neither box nor old opens, seals the rest with box, and says what was
// given up, empty for nothing. Nothing is changed unless agreed.
func ResetKey(ctx context.Context, d *db.DB, box, old *auth.Box, agreed bool) (lost string, err error) {
	err = d.Update(ctx, db.System, func(tx *db.Tx) error {
		values, err := sealedValues(ctx, tx.Queries)
		if err != nil {
			return err
		}
		var gone []sealedValue
		for _, v := range values {
			if _, err := v.open(box, old); err != nil {
				gone = append(gone, v)
			}
		}
		lost = counted(gone)
		if !agreed || len(gone) == 0 {
			return nil
		}
		for _, v := range gone {
			if err := v.forget(ctx, tx, v.id); err != nil {
				return fmt.Errorf("forget %s of %s: %w", v.name, v.id, err)
			}
		}
		if _, err := sealAnew(ctx, tx, box, old); err != nil {
			return err
		}
		was, err := keyInUse(ctx, tx.Queries)
		if err != nil {
			return err
		}
		if err := keepKey(ctx, tx, box); err != nil {
			return err
		}
		if _, _, err := useAudit(ctx, tx, box); err != nil {
			return err
		}
		return record(ctx, tx, Actor{}, "key.reset", "installation", was.ID, map[string]string{"key": box.KeyID(), "given_up": lost})
	})
	if err != nil {
		return "", fmt.Errorf("give up what a lost key encrypted: %w", err)
	}
	return lost, nil
}

func keyInUse(ctx context.Context, q *db.Queries) (used secretKey, err error) {
	kept, err := q.InstallationValue(ctx, secretKeyKept)
	if errors.Is(err, sql.ErrNoRows) {
		return used, nil
	}
	if err == nil {
		err = json.Unmarshal(kept, &used)
	}
	if err != nil {
		return used, fmt.Errorf("read which secret key is in use: %w", err)
	}
	return used, nil
}

func keepKey(ctx context.Context, tx *db.Tx, box *auth.Box) error {
	kept := asJSON(secretKey{box.KeyID(), tx.Now()})
	if err := tx.SetInstallationValue(ctx, db.SetInstallationValueParams{Name: secretKeyKept, Value: []byte(kept)}); err != nil {
		return fmt.Errorf("keep which secret key is in use: %w", err)
	}
	return nil
}
