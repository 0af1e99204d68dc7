package app

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trak/billing"
	"trak/db"
)

// States of the answer to a dispute. What is on its way (saving, submitting, accepting) is the
// worker's; the rest waits for people, or for nobody.
const (
	answerDraft      = "draft" // only here: Stripe refused it, see the error
	answerSaving     = "saving"
	answerSaved      = "saved" // staged at Stripe, the bank has not seen it
	answerSubmitting = "submitting"
	answerSubmitted  = "submitted"
	answerAccepting  = "accepting"
	answerAccepted   = "accepted"
)

// DisputeDetail is all that a dispute's page shows.
type DisputeDetail struct {
	DisputeRow
	There, Here bool // where it is answered: in a dashboard at Stripe, in Trak
	// Open says that an answer can be written here and now.
	Open    bool
	Settled string // the currency of what moved in the account's balance
	Fields  []EvidenceField
	Texts   map[string]string // by field
	Files   []db.DisputeFilesRow
	Kept    []db.DisputeFilesRow // files of a form of the actor's that could not be saved: they wait for the next one
	Filled  bool                 // the texts are a suggestion from the invoice, and stored nowhere
	Version int64
	Writer  string // who wrote or decided last
	At      int64
}

// Dispute returns one dispute with its answer. Members may see it.
func (a *App) Dispute(ctx context.Context, actor Actor, id string) (d DisputeDetail, err error) {
	if err := a.need(ctx, actor, ViewPayments); err != nil {
		return d, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		d, err = a.disputeDetail(ctx, q, actor, id)
		return err
	})
	return d, err
}

func (a *App) disputeDetail(ctx context.Context, q *db.Queries, actor Actor, id string) (d DisputeDetail, err error) {
	if d.DisputeRow, err = findDispute(ctx, q, actor, id); err != nil {
		return d, err
	}
	account, err := q.AccountByStripeID(ctx, &d.Account)
	if err != nil {
		return d, fmt.Errorf("read account of dispute: %w", err)
	}
	d.There, d.Here = a.answeredAtStripe(account)
	d.Settled = cmp.Or(account.DefaultCurrency, d.Currency)
	d.Fields = EvidenceFields(d.Reason)
	ans, found, err := findAnswer(ctx, q, actor.WorkspaceID, d.Account, id)
	if err != nil {
		return d, err
	}
	d.Version, d.At, d.Texts = ans.Version, ans.UpdatedAt, textsOf(ans)
	d.Open = d.Here && d.Unanswered() && d.Livemode == a.live && d.Answer != answerSubmitting && d.Answer != answerAccepting
	d.Files, err = disputeFiles(ctx, q, actor.WorkspaceID, d.Account, id, "")
	if err != nil {
		return d, err
	}
	if d.Open {
		if d.Kept, err = disputeFiles(ctx, q, actor.WorkspaceID, d.Account, id, actor.UserID); err != nil {
			return d, err
		}
	}
	if found {
		writer, err := q.UserByID(ctx, ans.UpdatedBy)
		d.Writer = writer.Name
		return d, err
	}
	if d.InvoiceID == "" || !d.Open {
		return d, nil
	}
	d.Filled = true
	d.Texts, err = suggestedTexts(ctx, q, actor, d.InvoiceID)
	return d, err
}

// suggestedTexts is what the invoice knows of the sale.
func suggestedTexts(ctx context.Context, q *db.Queries, actor Actor, invoiceID string) (map[string]string, error) {
	inv, err := q.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: actor.WorkspaceID, ID: invoiceID})
	if err != nil {
		return nil, fmt.Errorf("read invoice of dispute: %w", err)
	}
	lines, err := q.LinesOfInvoice(ctx, db.LinesOfInvoiceParams{WorkspaceID: inv.WorkspaceID, InvoiceID: inv.ID})
	if err != nil {
		return nil, fmt.Errorf("read lines: %w", err)
	}
	var sold []string
	for _, l := range lines {
		sold = append(sold, l.Description)
	}
	return map[string]string{
		"customer_name": inv.BuyerName, "customer_email_address": inv.BuyerEmail, "billing_address": inv.BuyerAddress,
		"product_description": strings.Join(sold, "\n"), "service_date": inv.IssueDate,
	}, nil
}

// findAnswer reads the answer to a dispute; found is false when nobody has begun one.
func findAnswer(ctx context.Context, q *db.Queries, workspace, account, id string) (ans db.DisputeAnswer, found bool, err error) {
	ans, err = q.DisputeAnswer(ctx, db.DisputeAnswerParams{WorkspaceID: workspace, StripeAccountID: account, DisputeID: id})
	if errors.Is(err, sql.ErrNoRows) {
		return db.DisputeAnswer{}, false, nil
	}
	if err != nil {
		return ans, false, fmt.Errorf("read answer to dispute: %w", err)
	}
	return ans, true, nil
}

// textsOf are the texts of an answer by field: also those that were taken out, which are empty.
func textsOf(ans db.DisputeAnswer) map[string]string {
	texts := map[string]string{}
	_ = json.Unmarshal([]byte(ans.Fields), &texts) // our own text; nothing is the safe reading
	return texts
}

// SaveEvidence keeps what is written and attached against a dispute, and stages it at Stripe, where
// the bank does not see it yet. Owners and admins may do it. Returns FieldErrors, or ErrConflict when
// somebody changed the answer meanwhile or the dispute can't be answered here (any more): nothing of
// the answer is changed then, and the files that are all right are kept for the person's next try.
func (a *App) SaveEvidence(ctx context.Context, actor Actor, id string, in EvidenceInput) error {
	err := a.decideDispute(ctx, actor, id, func(tx *db.Tx, d DisputeDetail) (bool, error) {
		if d.Open && d.isSaved(in) {
			return false, nil
		}
		if !d.Open || d.Version != in.Version {
			return false, ErrConflict
		}
		files, errs := in.check(d.Reason, d.Files, d.Kept)
		if err := errs.Err(); err != nil {
			return false, err
		}
		fields := map[string]string{}
		for name := range d.Texts {
			if !d.Filled {
				fields[name] = "" // taken out, unless it is there again
			}
		}
		for _, f := range d.Files {
			if !in.replaces(f.Field) && !slices.Contains(in.Remove, f.Field) {
				continue
			}
			if err := deleteFile(ctx, tx, actor, f); err != nil {
				return false, err
			}
			fields[f.Field] = ""
		}
		maps.Copy(fields, nonEmpty(in.Texts))
		for _, f := range d.Kept {
			if in.Kept[f.Field] == f.ID && !in.sends(f.Field) {
				if _, err := tx.TakeDisputeFile(ctx, db.TakeDisputeFileParams{WorkspaceID: actor.WorkspaceID, ID: f.ID}); err != nil {
					return false, fmt.Errorf("take file: %w", err)
				}
			} else if err := deleteFile(ctx, tx, actor, f); err != nil {
				return false, err
			}
		}
		if err := insertFiles(ctx, tx, actor, d, files, ""); err != nil {
			return false, err
		}
		return true, a.writeAnswer(ctx, tx, actor, d, fields, answerSaving)
	})
	if errors.As(err, new(billing.FieldErrors)) || errors.Is(err, ErrConflict) {
		if err := a.keepFiles(ctx, actor, id, in); err != nil {
			a.log.Error("keep files of evidence", "dispute", id, "error", err)
		}
	}
	return err
}

// SubmitEvidence sends the saved answer to the bank, which takes it once. version is the one that the
// person has seen. Owners and admins may do it. Returns ErrConflict when it is another one by now or
// the dispute can't be answered here (any more), and FieldErrors when there is nothing to send.
func (a *App) SubmitEvidence(ctx context.Context, actor Actor, id string, version int64) error {
	return a.decideDispute(ctx, actor, id, func(tx *db.Tx, d DisputeDetail) (bool, error) {
		sent := d.Answer == answerSubmitting || d.Answer == answerSubmitted && !d.Open
		switch {
		case sent && d.Version == version+1: // a second click
			return false, nil
		case !d.Open || d.Version != version:
			return false, ErrConflict
		case !d.hasEvidence():
			return false, billing.FieldErrors{"uncategorized_text": "Write what speaks for you, or attach a file, and save it first"}
		}
		return true, a.writeAnswer(ctx, tx, actor, d, d.Texts, answerSubmitting)
	})
}

// AcceptDispute gives the disputed money up. Owners and admins may do it. Returns ErrConflict for an
// inquiry, which a refund ends, and for a dispute that can't be answered here (any more).
func (a *App) AcceptDispute(ctx context.Context, actor Actor, id string) error {
	return a.decideDispute(ctx, actor, id, func(tx *db.Tx, d DisputeDetail) (bool, error) {
		switch {
		case d.Answer == answerAccepting || d.Answer == answerAccepted: // a second click
			return false, nil
		case !d.Open || d.Inquiry():
			return false, ErrConflict
		}
		texts := d.Texts
		if d.Filled {
			texts = nil
		}
		return true, a.writeAnswer(ctx, tx, actor, d, texts, answerAccepting)
	})
}

// decideDispute runs what somebody decides about a dispute in one transaction, and then tries at once
// to bring it to Stripe. decide says whether it changed anything.
func (a *App) decideDispute(ctx context.Context, actor Actor, id string, decide func(*db.Tx, DisputeDetail) (bool, error)) error {
	if err := a.need(ctx, actor, AnswerDisputes); err != nil {
		return err
	}
	var d DisputeDetail
	changed := false
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) (err error) {
		if d, err = a.disputeDetail(ctx, tx.Queries, actor, id); err != nil {
			return err
		}
		changed, err = decide(tx, d)
		return err
	})
	if err != nil || !changed {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, firstTry)
	defer cancel()
	if _, err := a.workAnswer(ctx, actor.WorkspaceID, d.Account, id); err != nil {
		a.log.Error("answer dispute", "dispute", id, "error", err)
	}
	return nil
}

// writeAnswer stores a new version of the answer, which the worker brings to Stripe.
func (a *App) writeAnswer(ctx context.Context, tx *db.Tx, actor Actor, d DisputeDetail, fields map[string]string, state string) error {
	if fields == nil {
		fields = map[string]string{}
	}
	n, err := tx.WriteDisputeAnswer(ctx, db.WriteDisputeAnswerParams{
		WorkspaceID: actor.WorkspaceID, StripeAccountID: d.Account, DisputeID: d.ID, Fields: asJSON(fields), Version: d.Version, Answer: state,
		Submissions: d.Submissions, NextAttemptAt: tx.Now() + afterFirstTry.Microseconds(), UpdatedBy: actor.UserID, UpdatedAt: tx.Now(),
	})
	if err != nil {
		return fmt.Errorf("write answer to dispute %s: %w", d.ID, err)
	}
	if n == 0 {
		return ErrConflict
	}
	if state != answerSaving { // no form waits for another try
		_, err := tx.DeleteKeptDisputeFiles(ctx, db.DeleteKeptDisputeFilesParams{WorkspaceID: actor.WorkspaceID, StripeAccountID: d.Account, DisputeID: d.ID})
		if err != nil {
			return fmt.Errorf("delete files that are not needed: %w", err)
		}
	}
	tx.AfterCommit(a.jobs.Wake)
	action := map[string]string{answerSaving: "dispute.save", answerSubmitting: "dispute.submit", answerAccepting: "dispute.accept"}[state]
	return record(ctx, tx, actor, action, d.ID, map[string]any{"answer": d.Answer, "version": d.Version}, map[string]any{"answer": state, "version": d.Version + 1})
}

// hasEvidence says that something is saved that could be sent.
func (d DisputeDetail) hasEvidence() bool {
	return !d.Filled && (len(nonEmpty(d.Texts)) > 0 || len(d.Files) > 0)
}

// isSaved says that the answer is what the input asks for already: the same form was sent twice.
func (d DisputeDetail) isSaved(in EvidenceInput) bool {
	if d.Version != in.Version+1 {
		return false
	}
	texts := map[string]string{}
	for _, f := range d.Fields { // a form carries more than texts
		texts[f.Name] = strings.TrimSpace(in.Texts[f.Name])
	}
	have := map[string]db.DisputeFilesRow{}
	for _, f := range d.Files {
		have[f.Field] = f
	}
	for _, f := range in.Files {
		if have[f.Field].Size != int64(len(f.Content)) {
			return false
		}
	}
	for field, id := range in.Kept {
		if have[field].ID != id && !in.sends(field) {
			return false
		}
	}
	for _, field := range in.Remove {
		if _, there := have[field]; there && !in.replaces(field) {
			return false
		}
	}
	return maps.Equal(nonEmpty(texts), nonEmpty(d.Texts))
}

func nonEmpty(texts map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range texts {
		if text != "" {
			out[name] = text
		}
	}
	return out
}

// DaysLeft counts the days of a deadline in a time zone: 0 is today, negative is past. ok is false
// when there is no deadline.
func DaysLeft(dueBy int64, now time.Time, zone *time.Location) (days int, ok bool) {
	if dueBy == 0 {
		return 0, false
	}
	if dueBy < now.UnixMicro() {
		return -1, true
	}
	due := time.UnixMicro(dueBy).In(zone).Format(time.DateOnly)
	return daysBetween(now.In(zone).Format(time.DateOnly), due), true
}
