package app

import (
	"context"
	"errors"
	"fmt"

	"trak/billing"
	"trak/connect"
	"trak/db"
	"trak/jobs"
)

// answerTry is one try to bring an answer to Stripe, and what came of it.
type answerTry struct {
	db.DisputeAnswer
	charge  string
	invoice string // "" when the payment belongs to none

	dispute billing.Dispute // what Stripe said last, the zero value when it said nothing
	state   string          // what the answer is now
	problem string          // why it is not what was asked for
}

// workAnswer claims a dispute's answer and brings it to Stripe. It reports false when there was
// nothing to claim. A refusal of Stripe's is the answer's state, not an error of this function.
func (a *App) workAnswer(ctx context.Context, workspaceID, account, id string) (bool, error) {
	var try answerTry
	_, claimed, err := claim(ctx, a, workspaceID, func(tx *db.Tx, now, until int64) (db.DisputeAnswer, error) {
		return tx.ClaimDisputeAnswer(ctx, db.ClaimDisputeAnswerParams{
			WorkspaceID: workspaceID, StripeAccountID: account, DisputeID: id, Now: now, ClaimedUntil: until,
		})
	}, func(tx *db.Tx, ans db.DisputeAnswer) error {
		row, err := findDispute(ctx, tx.Queries, Actor{WorkspaceID: workspaceID}, id)
		try = answerTry{DisputeAnswer: ans, charge: row.ChargeID, invoice: row.InvoiceID}
		return err
	})
	if err != nil || !claimed {
		return false, err
	}
	switch try.State {
	case answerSaving:
		err = a.stageAtStripe(ctx, &try)
	case answerSubmitting:
		err = a.submitAtStripe(ctx, &try)
	case answerAccepting:
		err = a.acceptAtStripe(ctx, &try)
	}
	return true, a.storeAnswer(context.WithoutCancel(ctx), try, err)
}

// stageAtStripe keeps the evidence at Stripe, without showing it to the bank.
func (a *App) stageAtStripe(ctx context.Context, try *answerTry) error {
	evidence, err := a.sendFiles(ctx, try)
	if err != nil {
		return err
	}
	try.dispute, err = a.stripe.UpdateDispute(ctx, try.StripeAccountID, try.DisputeID, evidence, a.nowMicro())
	try.state = answerSaved
	return err
}

// submitAtStripe sends the evidence to the bank. An earlier try may have done so and its answer be
// lost, so that each one begins and, when it is refused, ends with a look.
func (a *App) submitAtStripe(ctx context.Context, try *answerTry) error {
	if over, err := a.lookAtDispute(ctx, try); err != nil || over {
		return err
	}
	evidence, err := a.sendFiles(ctx, try)
	if err != nil {
		return err
	}
	key := keyOf(a.answerKey(*try), try.KeysSpent)
	d, err := a.stripe.SubmitDispute(ctx, try.StripeAccountID, try.DisputeID, evidence, key, a.nowMicro())
	return a.afterDecision(ctx, try, d, err)
}

// acceptAtStripe gives the money up.
func (a *App) acceptAtStripe(ctx context.Context, try *answerTry) error {
	if over, err := a.lookAtDispute(ctx, try); err != nil || over {
		return err
	}
	key := keyOf(a.answerKey(*try), try.KeysSpent)
	d, err := a.stripe.CloseDispute(ctx, try.StripeAccountID, try.DisputeID, key, a.nowMicro())
	return a.afterDecision(ctx, try, d, err)
}

// afterDecision believes what Stripe says of the dispute after it was submitted or accepted.
func (a *App) afterDecision(ctx context.Context, try *answerTry, d billing.Dispute, failure error) error {
	if failure == nil {
		if try.dispute = d; !try.judge() {
			return fmt.Errorf("dispute %s still waits for an answer after %s", d.ID, try.State)
		}
		return nil
	}
	if mayPass(failure) {
		return failure
	}
	if over, err := a.lookAtDispute(ctx, try); err == nil && over {
		return nil
	}
	return failure
}

// lookAtDispute reads the dispute and says whether nothing is left to be done.
func (a *App) lookAtDispute(ctx context.Context, try *answerTry) (over bool, err error) {
	if try.dispute, err = a.stripe.ReadDispute(ctx, try.StripeAccountID, try.DisputeID, a.nowMicro()); err != nil {
		return false, err
	}
	return try.judge(), nil
}

// judge says from what Stripe told of the dispute whether the answer is done with, and how.
func (t *answerTry) judge() bool {
	d := t.dispute
	reviewed := d.Rank == billing.DisputeUnderReview || d.Rank == billing.DisputeWarningUnderReview
	switch {
	case t.State == answerSubmitting && (d.Submissions > t.Submissions || reviewed):
		t.state = answerSubmitted
	case t.State == answerAccepting && d.Rank == billing.DisputeLost:
		t.state = answerAccepted
	case !d.Unanswered():
		t.state, t.problem = answerDraft, "The bank decided, or somebody answered at Stripe, before this got there."
	default:
		return false
	}
	return true
}

// answerKey is the idempotency key of one decision about a dispute.
func (a *App) answerKey(t answerTry) string {
	return fmt.Sprintf("trak:%s:dispute:%s:%d", a.install, t.DisputeID, t.Version)
}

// sendFiles gives Stripe the files that it does not have yet, each under a key of its own, and
// returns all evidence.
func (a *App) sendFiles(ctx context.Context, try *answerTry) (connect.Evidence, error) {
	var waiting []db.DisputeFile
	var files []db.DisputeFilesRow
	scope := db.Scope(try.WorkspaceID)
	err := a.db.View(ctx, scope, func(q *db.Queries) (err error) {
		waiting, err = q.DisputeFilesToSend(ctx, db.DisputeFilesToSendParams{WorkspaceID: try.WorkspaceID, StripeAccountID: try.StripeAccountID, DisputeID: try.DisputeID})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read files to send: %w", err)
	}
	for _, f := range waiting {
		stripeID, err := a.stripe.UploadFile(ctx, connect.FileUpload{
			Account: f.StripeAccountID, Name: f.Name, Content: f.Content, Key: keyOf("trak:"+a.install+":file:"+f.ID, try.KeysSpent),
		})
		if err != nil {
			return nil, err
		}
		held, until := try.ClaimedUntil, int64(0)
		err = a.db.Update(context.WithoutCancel(ctx), scope, func(tx *db.Tx) error {
			if _, err := tx.SetDisputeFileSent(ctx, db.SetDisputeFileSentParams{WorkspaceID: f.WorkspaceID, ID: f.ID, StripeFileID: stripeID}); err != nil {
				return fmt.Errorf("store file at stripe: %w", err)
			}
			until = tx.Now() + jobs.ClaimFor.Microseconds()
			n, err := tx.KeepDisputeClaim(ctx, db.KeepDisputeClaimParams{
				WorkspaceID: try.WorkspaceID, StripeAccountID: try.StripeAccountID, DisputeID: try.DisputeID, Held: held, ClaimedUntil: until,
			})
			if err == nil && n == 0 {
				return errors.New("the claim has run out")
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		try.ClaimedUntil = until
	}
	err = a.db.View(ctx, scope, func(q *db.Queries) (err error) {
		files, err = disputeFiles(ctx, q, try.WorkspaceID, try.StripeAccountID, try.DisputeID, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	return evidenceOf(textsOf(try.DisputeAnswer), files), nil
}

// storeAnswer writes down what came of a try, and what Stripe said of the dispute as a fact.
func (a *App) storeAnswer(ctx context.Context, try answerTry, failure error) error {
	return a.db.Update(ctx, db.Scope(try.WorkspaceID), func(tx *db.Tx) error {
		account, err := tx.AccountByStripeID(ctx, &try.StripeAccountID)
		if err != nil {
			return fmt.Errorf("read account of dispute: %w", err)
		}
		if try.dispute.ID != "" {
			if err := a.applyRead(ctx, tx, account, billing.Facts{Disputes: []billing.Dispute{try.dispute}}); err != nil {
				return err
			}
		}
		set := db.SetDisputeAnswerParams{
			WorkspaceID: try.WorkspaceID, StripeAccountID: try.StripeAccountID, DisputeID: try.DisputeID, Version: try.Version, Now: tx.Now(),
			Answer: try.state, LastError: try.problem,
		}
		switch {
		case failure == nil:
		case mayPass(failure) || !isStripes(failure):
			set.Answer, set.LastError, set.Spent = try.State, connect.UserMessage(failure), spent(failure)
			set.NextAttemptAt = tx.Now() + pauseAfter(failure, try.Attempts).Microseconds()
			a.log.Warn("answer to dispute not at stripe yet", "dispute", try.DisputeID, "attempt", try.Attempts, "error", failure)
		default:
			set.Answer, set.LastError = answerDraft, connect.UserMessage(failure)
			a.log.Warn("answer to dispute refused", "dispute", try.DisputeID, "error", failure)
			if err := a.askRead(ctx, tx, account, billing.Read{Kind: billing.ReadCharge, ID: try.charge, At: tx.Now()}, 0); err != nil {
				return err
			}
		}
		if _, err := tx.SetDisputeAnswer(ctx, set); err != nil {
			return fmt.Errorf("store outcome of answer to dispute %s: %w", try.DisputeID, err)
		}
		tx.AfterCommit(a.jobs.Wake)
		return a.tellInvoice(ctx, tx, try, set.Answer)
	})
}

// isStripes says that Stripe answered, so that asking again would bring the same.
func isStripes(err error) bool { return errors.As(err, new(*connect.Error)) }

// tellInvoice adds what was done to the timeline of the invoice, whose page shows it.
func (a *App) tellInvoice(ctx context.Context, tx *db.Tx, try answerTry, state string) error {
	if try.invoice == "" {
		return nil
	}
	if state == answerSubmitted || state == answerAccepted {
		actor := Actor{UserID: try.UpdatedBy, WorkspaceID: try.WorkspaceID}
		if err := a.event(ctx, tx, actor, try.invoice, "dispute_"+state, ""); err != nil {
			return err
		}
	}
	inv, err := tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: try.WorkspaceID, ID: try.invoice})
	if err != nil {
		return fmt.Errorf("read invoice of dispute: %w", err)
	}
	return a.touch(ctx, tx, inv)
}

func (a *App) dueAnswers(ctx context.Context, limit int64) (tasks []jobs.Task, err error) {
	var rows []db.DueDisputeAnswersRow
	err = a.db.View(ctx, db.System, func(q *db.Queries) (err error) {
		rows, err = q.DueDisputeAnswers(ctx, db.DueDisputeAnswersParams{Livemode: a.live, Max: limit})
		return err
	})
	for _, r := range rows {
		tasks = append(tasks, jobs.Task{Key: r.StripeAccountID + " " + r.DisputeID, At: r.NextAttemptAt, Run: func(ctx context.Context) (bool, error) {
			return a.workAnswer(ctx, r.WorkspaceID, r.StripeAccountID, r.DisputeID)
		}})
	}
	return tasks, err
}
