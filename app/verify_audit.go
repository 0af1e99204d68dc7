package app

import (
	"context"
	"fmt"
	"strings"

	"trak/db"
)

// AuditReport says how far the chains of the audit log have come.
type AuditReport struct {
	Records int          `json:"records"`
	Chains  []AuditChain `json:"chains"`
}

// AuditChain is one chain of the audit log. Who notes the end of one somewhere else can see later
// that everything until there is as it was: the record with that number has that hash for ever.
type AuditChain struct {
	Workspace string `json:"workspace"` // slug, "" = the installation
	Records   int    `json:"records"`
	Last      int64  `json:"last"` // number of the last record
	Head      string `json:"head"` // its hash
	// Unchecked is up to which record nothing can be told, since the key that made them is lost.
	Unchecked int64 `json:"unchecked,omitempty"`
}

// audit walks each chain of the audit log and names each record that is not as it was written, and
// each that is gone.
func (v *verifier) audit(ctx context.Context, key *db.AuditKey) error {
	heads, err := v.q.AuditHeads(ctx)
	if err != nil {
		return fmt.Errorf("read the heads of the audit log: %w", err)
	}
	chains := []string{""}
	for _, w := range v.workspaces {
		chains = append(chains, w.ID)
	}
	report := &AuditReport{}
	for _, chain := range chains {
		c := auditChain{v: v, key: key, id: chain, slug: v.slugs[chain], next: 1, judged: true}
		if err := auditRecords(ctx, v.q, chain, func(r db.AuditLog) error { c.look(r); return nil }); err != nil {
			return err
		}
		head, found, err := db.HeadOfAudit(ctx, v.q, chain)
		if err != nil {
			return err
		}
		c.end(head, found)
		report.Records += c.records
		report.Chains = append(report.Chains, AuditChain{Workspace: c.slug, Records: c.records, Last: c.next - 1, Head: c.hash, Unchecked: key.Since[chain]})
	}
	for _, h := range heads {
		id := strings.TrimPrefix(h.Name, db.HeadNames)
		if id != "" && v.slugs[id] == "" {
			v.differ("", "audit", id, "is the end of a chain whose workspace is not there")
		}
	}
	v.report.Audit = report
	return nil
}

// auditChain is a walk along a chain.
type auditChain struct {
	v       *verifier
	key     *db.AuditKey
	id      string // of the workspace
	slug    string
	records int
	next    int64  // number of the record that must come now
	hash    string // of the one before, as it is stored
	seal    string
	judged  bool // the one before is there, so that the next can be judged
}

// look judges a record by the one before as it is stored: of a record that was changed, the ones
// after it still tell that they are whole.
func (c *auditChain) look(r db.AuditLog) {
	c.records++
	id := fmt.Sprintf("%d/%s", r.Seq, r.ID)
	if r.Seq < c.next {
		c.v.differ(c.slug, "audit", id, "is not from Trak: another record has its place")
		return
	}
	if r.Seq > c.next {
		c.gone(c.next, r.Seq-1, "")
		c.judged = false
	}
	if c.judged && r.Seq > c.key.Since[c.id] && c.key.Hash(c.seal, r) != r.Hash {
		c.v.differ(c.slug, "audit", id, "%q is not as it was written: it was changed, moved, or put there by somebody else", r.Action)
	}
	c.next, c.hash, c.seal, c.judged = r.Seq+1, r.Hash, c.key.SealOf(r.Hash), true
}

// end compares the last record with what is kept beside the chain.
func (c *auditChain) end(head db.AuditHead, found bool) {
	last := c.next - 1
	switch {
	case !found && last == 0 && c.id != "":
		c.v.differ(c.slug, "audit", "0", "has no record, though making the workspace leaves one")
	case !found:
		c.v.differ(c.slug, "audit", fmt.Sprint(last), "is the last record, and what is kept beside the log to know that is gone")
	case head.Seq > last:
		c.gone(last+1, head.Seq, " at the end")
	case head.Seq < last || head.Seal != c.seal:
		c.v.differ(c.slug, "audit", fmt.Sprint(last), "is not the record that Trak wrote last")
	}
}

func (c *auditChain) gone(from, to int64, where string) {
	if from == to {
		c.v.differ(c.slug, "audit", fmt.Sprint(from), "is missing%s", where)
		return
	}
	c.v.differ(c.slug, "audit", fmt.Sprintf("%d-%d", from, to), "%d records are missing%s", to-from+1, where)
}
