package app

import (
	"context"
	"fmt"
	"strings"

	"trak/billing"
	"trak/db"
)

// What stands in the place of a name that is gone.
const (
	namelessClient  = "Anonymous client"
	namelessProject = "Deleted project"
)

// Deletion is what a workspace holds before it is deleted, for the page that says what happens.
type Deletion struct {
	Name string // to be typed
	db.CountWorkspaceContentsRow
	UnderWay bool // refunds or answers to disputes are on their way to Stripe: not now
	Own      bool // own mode: never
}

// Deletion says what deleting the workspace would do. Owners may ask.
func (a *App) Deletion(ctx context.Context, actor Actor) (d Deletion, err error) {
	if err := a.need(ctx, actor, DeleteWorkspace); err != nil {
		return d, err
	}
	d.Own = a.own != nil
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		w, err := q.WorkspaceByID(ctx, actor.WorkspaceID)
		if err != nil {
			return fmt.Errorf("read workspace: %w", err)
		}
		d.Name = w.Name
		if d.CountWorkspaceContentsRow, err = q.CountWorkspaceContents(ctx, actor.WorkspaceID); err != nil {
			return fmt.Errorf("count what is there: %w", err)
		}
		n, err := q.MoneyUnderWay(ctx, actor.WorkspaceID)
		d.UnderWay = n > 0
		return err
	})
	return d, err
}

// DeleteWorkspace takes a workspace away from everybody, for good: nobody reaches it or its clients'
// pages from the moment of the commit, its payment links are closed at Stripe, and personal data
// goes. Finalized invoices, payments, numbers and the audit log stay, and so does the account at
// Stripe, which is the team's own. Payloads of its events lose what is personal soon after. Owners
// may do it. Returns FieldErrors for the field confirm, which is to hold the workspace's name.
func (a *App) DeleteWorkspace(ctx context.Context, actor Actor, confirm string) error {
	if err := a.need(ctx, actor, DeleteWorkspace); err != nil {
		return err
	}
	if a.own != nil {
		return billing.FieldErrors{"confirm": "This Trak is set up for this one workspace. Whoever runs it can take it down as a whole"}
	}
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		w, err := tx.WorkspaceByID(ctx, actor.WorkspaceID)
		if err != nil {
			return fmt.Errorf("read workspace: %w", err)
		}
		if err := record(ctx, tx, actor, "workspace.delete", w.ID, w.Slug, nil); err != nil {
			return err
		}
		if strings.TrimSpace(confirm) != w.Name {
			return billing.FieldErrors{"confirm": "Type the name exactly as it stands above"}
		}
		underWay, err := tx.MoneyUnderWay(ctx, w.ID)
		if err != nil {
			return fmt.Errorf("look for money under way: %w", err)
		}
		if underWay > 0 {
			return billing.FieldErrors{"confirm": "A refund or an answer to a dispute is on its way to Stripe. Try again in a few minutes"}
		}
		if err := a.letAccountsGo(ctx, tx, w.ID); err != nil {
			return err
		}
		if err := forgetWorkspace(ctx, tx, w.ID); err != nil {
			return err
		}
		if _, err := tx.DeleteWorkspace(ctx, db.DeleteWorkspaceParams{ID: w.ID, DeletedAt: tx.Now()}); err != nil {
			return fmt.Errorf("delete workspace: %w", err)
		}
		a.workspaceChanged(tx, w.ID)
		tx.AfterCommit(a.age)
		return nil
	})
	if err != nil {
		return wrapUnlessInput("delete workspace", err)
	}
	return nil
}

// letAccountsGo disconnects the workspace's accounts. What is left of their work is to close links.
func (a *App) letAccountsGo(ctx context.Context, tx *db.Tx, workspaceID string) error {
	accounts, err := tx.AccountsInUse(ctx, workspaceID)
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	for _, row := range accounts {
		if err := a.putAside(ctx, tx, row); err != nil {
			return err
		}
	}
	return nil
}

// forgetWorkspace takes out what tells of people, and what nobody will ask for any more.
func forgetWorkspace(ctx context.Context, tx *db.Tx, id string) error {
	for what, forget := range map[string]func(context.Context, string) error{
		"accounts": tx.ForgetAccounts, "members": tx.ForgetMembers, "last workspace": tx.ForgetLastWorkspace, "invitations": tx.ForgetInvitations,
		"emails of buyers": tx.ForgetBuyerEmails, "evidence": tx.ForgetEvidence, "files of evidence": tx.ForgetEvidenceFiles,
		"reasons": tx.ForgetIgnored, "logo": tx.DeleteLogo, "reads": tx.StopReads, "syncs": tx.StopSyncs,
	} {
		if err := forget(ctx, id); err != nil {
			return fmt.Errorf("forget %s: %w", what, err)
		}
	}
	if err := tx.ForgetMessages(ctx, &id); err != nil {
		return fmt.Errorf("forget messages: %w", err)
	}
	// Lines and events go before their drafts, which they point to.
	for _, forget := range []func(context.Context, string) error{tx.ForgetDraftLines, tx.ForgetDraftEvents, tx.ForgetDrafts} {
		if err := forget(ctx, id); err != nil {
			return fmt.Errorf("forget drafts: %w", err)
		}
	}
	if err := tx.ForgetClients(ctx, db.ForgetClientsParams{WorkspaceID: id, Name: namelessClient, Now: tx.Now()}); err != nil {
		return fmt.Errorf("forget clients: %w", err)
	}
	if err := tx.ForgetProjects(ctx, db.ForgetProjectsParams{WorkspaceID: id, Name: namelessProject, Now: tx.Now()}); err != nil {
		return fmt.Errorf("forget projects: %w", err)
	}
	return nil
}
