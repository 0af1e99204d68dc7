package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"trak/auth"
	"trak/db"
)

// CommandLine is the address of what an operator does on the machine itself.
const CommandLine = "command line"

type addressKey struct{}

// From says where what is done with ctx comes from: the client's address, or CommandLine. It is
// kept with each audit record; without it a record is of what Trak did by itself.
func From(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// record leaves the audit record of a change: who did what to what, from where, before and after.
// Neither before nor after holds a secret. Each action is one of auditActions. Returns ErrNotFound,
// which undoes the change, in a workspace that was deleted meanwhile.
func record(ctx context.Context, tx *db.Tx, actor Actor, action, subject string, before, after any) error {
	if actor.WorkspaceID != "" && actor.UserID != "" {
		if err := alive(ctx, tx, actor.WorkspaceID); err != nil {
			return err
		}
	}
	address, _ := ctx.Value(addressKey{}).(string)
	err := tx.Record(ctx, db.AuditLog{
		ID: newID(), WorkspaceID: optional(actor.WorkspaceID), UserID: optional(actor.UserID),
		Action: action, Subject: subject, Before: asJSON(before), After: asJSON(after), At: tx.Now(), Ip: address,
	})
	if err != nil {
		return fmt.Errorf("record %s: %w", action, err)
	}
	return nil
}

func asJSON(v any) string {
	if v == nil {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%q", err.Error())
	}
	return string(b)
}

// auditKept is the name, and for auth.Box the place, under which the key of the audit log is kept,
// sealed. A key of its own outlives a change of TRAK_SECRET_KEY, after which the records of before
// must still be seen to be whole.
const auditKept = "audit_key"

// errOtherKey is why the audit log can't be added to.
var errOtherKey = &Unfit{
	"TRAK_SECRET_KEY", "is not the key that this data directory was made with",
	"Start with the key of before; without the setting, it is the file secret.key of the data directory, which a backup of that directory has.",
}

// OpenAudit makes the audit log of a database ready to be written. The first time it makes the
// key, chains the records that are there already, and says so in the log. It returns an Unfit when
// the secret key is another than the one of before.
func OpenAudit(ctx context.Context, d *db.DB, secrets *auth.Box, log *slog.Logger) error {
	if d.AuditKey() != nil {
		return nil
	}
	key, err := auditKey(ctx, d, secrets)
	if err != nil {
		return err
	}
	if key == nil {
		var begun *auditBegun
		err := d.Update(ctx, db.System, func(tx *db.Tx) error {
			key, begun, err = useAudit(ctx, tx, secrets)
			return err
		})
		if err != nil {
			return fmt.Errorf("begin the chain of the audit log: %w", err)
		}
		begun.tell(log)
	}
	d.UseAuditKey(key)
	return nil
}

// auditKey reads the key of the audit log, nil when there is none yet.
func auditKey(ctx context.Context, d *db.DB, secrets *auth.Box) (key *db.AuditKey, err error) {
	err = d.View(ctx, db.System, func(q *db.Queries) error {
		key, err = keptAuditKey(ctx, q, secrets)
		return err
	})
	return key, err
}

func keptAuditKey(ctx context.Context, q *db.Queries, secrets *auth.Box) (*db.AuditKey, error) {
	sealed, err := q.InstallationValue(ctx, auditKept)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the key of the audit log: %w", err)
	}
	plain, err := secrets.Open(sealed, []byte(auditKept))
	if err != nil {
		return nil, errOtherKey
	}
	key := &db.AuditKey{}
	if err := json.Unmarshal(plain, key); err != nil {
		return nil, fmt.Errorf("read the key of the audit log: %w", err)
	}
	return key, nil
}

// auditBegun says what was there when a key was made.
type auditBegun struct {
	Chained int `json:"earlier_records"`        // chained with the new key
	Lost    int `json:"lost_records,omitempty"` // chained with a key that is gone
}

func (b *auditBegun) tell(log *slog.Logger) {
	switch {
	case b == nil:
	case b.Lost > 0:
		log.Warn("the key of the audit log is gone; a new one was made, and the records of before can't be checked any more", "records", b.Lost)
	case b.Chained > 0:
		log.Info("the audit log is a chain from now on; trak verify tells when it was changed", "records", b.Chained)
	}
}

// useAudit gives a transaction the key of the audit log. When there is none it makes one, and says
// what was there already. The log itself tells of that, so that it can't happen unseen.
func useAudit(ctx context.Context, tx *db.Tx, secrets *auth.Box) (key *db.AuditKey, begun *auditBegun, err error) {
	if key, err = keptAuditKey(ctx, tx.Queries, secrets); err != nil || key != nil {
		tx.UseAuditKey(key)
		return key, nil, err
	}
	key, begun = &db.AuditKey{Secret: auth.NewKey(), Since: map[string]int64{}}, &auditBegun{}
	tx.UseAuditKey(key)
	if err := begun.chain(ctx, tx, key); err != nil {
		return nil, nil, err
	}
	sealed, err := secrets.Seal([]byte(asJSON(key)), []byte(auditKept))
	if err != nil {
		return nil, nil, fmt.Errorf("seal the key of the audit log: %w", err)
	}
	if err := tx.SetInstallationValue(ctx, db.SetInstallationValueParams{Name: auditKept, Value: sealed}); err != nil {
		return nil, nil, err
	}
	return key, begun, record(ctx, tx, Actor{}, "audit.begin", "installation", nil, begun)
}

// chain chains the records of before, each chain in the order of its numbers, which the migration
// gave them by time.
func (b *auditBegun) chain(ctx context.Context, tx *db.Tx, key *db.AuditKey) error {
	workspaces, err := tx.AllWorkspaces(ctx)
	if err != nil {
		return fmt.Errorf("list workspaces: %w", err)
	}
	chains := []string{""}
	for _, w := range workspaces {
		chains = append(chains, w.ID)
	}
	for _, chain := range chains {
		var head db.AuditHead
		err := auditRecords(ctx, tx.Queries, chain, func(r db.AuditLog) error {
			if r.Hash != "" {
				b.Lost++
				head = db.AuditHead{Seq: r.Seq, Seal: key.SealOf(r.Hash)}
				key.Since[chain] = r.Seq
				return nil
			}
			b.Chained++
			hash := key.Hash(head.Seal, r)
			head = db.AuditHead{Seq: r.Seq, Seal: key.SealOf(hash)}
			_, err := tx.SetAuditHash(ctx, db.SetAuditHashParams{ID: r.ID, Hash: hash})
			return err
		})
		if err == nil && head.Seq > 0 {
			err = tx.SetAuditHead(ctx, chain, head)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// auditAtOnce is how many records are read at a time.
const auditAtOnce = 500

// auditRecords calls f with each record of a chain, a workspace's or the installation's (""), in
// its order.
func auditRecords(ctx context.Context, q *db.Queries, chain string, f func(db.AuditLog) error) error {
	after := db.AuditLog{Seq: -1}
	for {
		list, err := auditPart(ctx, q, chain, after)
		if err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
		for _, r := range list {
			after = r
			if err := f(r); err != nil {
				return err
			}
		}
		if len(list) < auditAtOnce {
			return nil
		}
	}
}

func auditPart(ctx context.Context, q *db.Queries, chain string, after db.AuditLog) ([]db.AuditLog, error) {
	if chain == "" {
		return q.AuditOfInstallation(ctx, db.AuditOfInstallationParams{AfterSeq: after.Seq, AfterID: after.ID, Max: auditAtOnce})
	}
	return q.AuditOfWorkspace(ctx, db.AuditOfWorkspaceParams{WorkspaceID: &chain, AfterSeq: after.Seq, AfterID: after.ID, Max: auditAtOnce})
}
