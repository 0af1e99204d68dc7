package db

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// The audit log is a chain for each workspace, and one for what belongs to none. Each record has
// the next number of its chain, and a keyed hash over itself and over the seal of the one before.
// The seal is a keyed hash of that record's hash: it stands nowhere but at the chain's head, beside
// the log, so that whoever cuts records off can't write the head that would belong to the rest.

// AuditKey is what audit records are chained with.
type AuditKey struct {
	Secret []byte
	// Since is the last record of each chain that was made with a key that is lost: the id of the
	// workspace, or "", to the record's number. Nobody can check those any more.
	Since map[string]int64
}

// ErrNoAuditKey is returned by Record before UseAuditKey.
var ErrNoAuditKey = errors.New("the audit log has no key yet")

// UseAuditKey gives the transactions that begin from now on the key that they chain records with.
func (d *DB) UseAuditKey(k *AuditKey) { d.audit.Store(k) }

// AuditKey is the key in use, nil before there is one.
func (d *DB) AuditKey() *AuditKey { return d.audit.Load() }

// UseAuditKey is DB.UseAuditKey for this transaction alone.
func (tx *Tx) UseAuditKey(k *AuditKey) { tx.audit = k }

// AuditHead is how far a chain has come.
type AuditHead struct {
	Seq  int64  // of its last record, 0 = it has none
	Seal string // of that record
}

// HeadNames begins the names of the heads among the values of the installation; the workspace's id
// follows, or nothing for the chain of the installation.
const HeadNames = "audit/"

// HeadOfAudit reads the head that is kept beside a chain: a workspace's, or "" for the installation's.
// What can't be read is an empty head, from which nothing that is there can follow.
func HeadOfAudit(ctx context.Context, q *Queries, workspaceID string) (h AuditHead, found bool, err error) {
	value, err := q.InstallationValue(ctx, HeadNames+workspaceID)
	if errors.Is(err, sql.ErrNoRows) {
		return h, false, nil
	}
	if err != nil {
		return h, false, fmt.Errorf("read the head of the audit log: %w", err)
	}
	if _, err := fmt.Sscanf(string(value), "%d %s", &h.Seq, &h.Seal); err != nil {
		return AuditHead{}, false, nil
	}
	return h, true, nil
}

// Record adds a record to its chain. It makes Seq and Hash. What is undone with the transaction
// or with a Savepoint leaves no gap, since the head is undone with it.
func (tx *Tx) Record(ctx context.Context, r AuditLog) error {
	if tx.audit == nil {
		return ErrNoAuditKey
	}
	chain := chainOf(r)
	head, found, err := HeadOfAudit(ctx, tx.Queries, chain)
	if err != nil {
		return err
	}
	if !found {
		// A new chain; or the head was taken away, which must not stop the work: Verify will tell.
		if head.Seq, err = tx.lastOfAudit(ctx, r.WorkspaceID); err != nil {
			return fmt.Errorf("look for the end of the audit log: %w", err)
		}
	}
	r.Seq = head.Seq + 1
	r.Hash = tx.audit.Hash(head.Seal, r)
	// The head comes first: on PostgreSQL, two that record at once meet there, and one of them runs
	// again. Meeting at the record's number would be an error of its own.
	if err := tx.SetAuditHead(ctx, chain, AuditHead{r.Seq, tx.audit.SealOf(r.Hash)}); err != nil {
		return err
	}
	return tx.InsertAudit(ctx, InsertAuditParams(r))
}

// SetAuditHead keeps the head of a chain.
func (tx *Tx) SetAuditHead(ctx context.Context, workspaceID string, h AuditHead) error {
	err := tx.SetInstallationValue(ctx, SetInstallationValueParams{Name: HeadNames + workspaceID, Value: fmt.Appendf(nil, "%d %s", h.Seq, h.Seal)})
	if err != nil {
		return fmt.Errorf("keep the head of the audit log: %w", err)
	}
	return nil
}

func (tx *Tx) lastOfAudit(ctx context.Context, workspaceID *string) (int64, error) {
	if workspaceID == nil {
		return tx.LastAuditOfInstallation(ctx)
	}
	return tx.LastAuditOfWorkspace(ctx, workspaceID)
}

func chainOf(r AuditLog) string {
	if r.WorkspaceID == nil {
		return ""
	}
	return *r.WorkspaceID
}

// Hash is that of a record after one with the seal.
func (k *AuditKey) Hash(seal string, r AuditLog) string {
	b := []byte("trak audit record 1 ")
	number := func(n int64) { b = binary.BigEndian.AppendUint64(b, uint64(n)) }
	text := func(s string) {
		number(int64(len(s)))
		b = append(b, s...)
	}
	id := func(s *string) {
		if s == nil {
			number(-1)
			return
		}
		text(*s)
	}
	text(seal)
	number(r.Seq)
	text(r.ID)
	id(r.WorkspaceID)
	id(r.UserID)
	text(r.Action)
	text(r.Subject)
	text(r.Before)
	text(r.After)
	number(r.At)
	text(r.Ip)
	return k.sum(b)
}

// SealOf is the seal of a record with the hash.
func (k *AuditKey) SealOf(hash string) string { return k.sum([]byte("trak audit seal 1 " + hash)) }

func (k *AuditKey) sum(b []byte) string {
	h := hmac.New(sha256.New, k.Secret)
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}
