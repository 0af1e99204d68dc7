package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"trak/auth"
	"trak/billing"
	"trak/db"
)

const (
	invitationValid  = 7 * 24 * time.Hour
	invitationPrefix = "trk_inv_" // so that a token is known as one wherever it turns up
	invitationMail   = "invitation"
	invitationPath   = "/invite?token="

	// How many invitations a workspace may send in a day, and to one address, those that are
	// sent again included: it is mail to people who did not ask for it.
	invitationsPerDay       = 50
	invitationsPerRecipient = 5
)

// ErrOtherAccount means that an invitation is for another address than that of who is signed in.
var ErrOtherAccount = errors.New("the invitation is for another address")

// Invitation is one that nobody has accepted so far. An expired one can be sent again.
type Invitation struct {
	ID, Email            string
	Role                 Role
	Inviter              string // name of who wrote it
	CreatedAt, ExpiresAt int64  // Unix microseconds
}

// InvitationInput is whom to invite, as what.
type InvitationInput struct {
	Email string
	Role  Role
}

func (in *InvitationInput) check() billing.FieldErrors {
	errs := billing.FieldErrors{}
	in.Email = normalEmail(in.Email)
	if !isEmail(in.Email) {
		errs.Add("email", "Enter an email address, such as mira@example.com")
	}
	if !in.Role.Valid() {
		errs.Add("role", "Choose a role")
	}
	return errs
}

func openInvitations(ctx context.Context, q *db.Queries, workspaceID string) (list []Invitation, err error) {
	rows, err := q.OpenInvitations(ctx, workspaceID)
	for _, r := range rows {
		list = append(list, Invitation{ID: r.ID, Email: r.Email, Role: Role(r.Role), Inviter: r.Inviter, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt})
	}
	return list, err
}

// Invite sends somebody a link with which they join the workspace within seven days, and returns
// it for the owner who has to pass it on; for others it is "". Owners and admins may, owners alone
// as an owner. An older invitation to the same address ends. Returns billing.FieldErrors for email
// and role, and *auth.TooMany after too many in a day.
func (a *App) Invite(ctx context.Context, actor Actor, in InvitationInput) (link string, err error) {
	if err := a.need(ctx, actor, ManageTeam); err != nil {
		return "", err
	}
	if err := in.check().Err(); err != nil {
		return "", err
	}
	token := newInvitationToken()
	err = a.changeTeam(ctx, actor, "invite", func(tx *db.Tx) error {
		if err := needToInvite(ctx, tx, actor, in.Role); err != nil {
			return err
		}
		m, err := tx.MemberByEmail(ctx, db.MemberByEmailParams{WorkspaceID: actor.WorkspaceID, Email: in.Email})
		if err == nil {
			return billing.FieldErrors{"email": m.Name + " is in the team already"}
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := endInvitationTo(ctx, tx, actor, in.Email); err != nil {
			return err
		}
		id := newID()
		err = tx.InsertInvitation(ctx, db.InsertInvitationParams{
			ID: id, WorkspaceID: actor.WorkspaceID, Email: in.Email, Role: string(in.Role), Hash: auth.HashToken(token),
			InvitedBy: actor.UserID, CreatedAt: tx.Now(), ExpiresAt: tx.Now() + invitationValid.Microseconds(),
		})
		if err != nil {
			return err
		}
		if err := record(ctx, tx, actor, "invite", "invitation "+id, nil, invited(in.Email, in.Role)); err != nil {
			return err
		}
		link, err = a.postInvitation(ctx, tx, actor, in.Email, in.Role, token)
		return err
	})
	return link, err
}

func newInvitationToken() string { return invitationPrefix + auth.NewToken() }

// invited is what the audit log says of an invitation.
func invited(email string, role Role) map[string]string {
	return map[string]string{"email": email, "role": string(role)}
}

// needToInvite looks whether the actor may make somebody what the role says.
func needToInvite(ctx context.Context, tx *db.Tx, actor Actor, role Role) error {
	if role == Owner {
		return needNow(ctx, tx, actor, ManageOwners)
	}
	return needNow(ctx, tx, actor, ManageTeam)
}

// endInvitationTo ends the one that an address has, as the actor writes another.
func endInvitationTo(ctx context.Context, tx *db.Tx, actor Actor, email string) error {
	old, err := tx.OpenInvitationTo(ctx, db.OpenInvitationToParams{WorkspaceID: actor.WorkspaceID, Email: email})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := needToInvite(ctx, tx, actor, Role(old.Role)); err != nil {
		return err
	}
	return endInvitation(ctx, tx, actor, old)
}

func endInvitation(ctx context.Context, tx *db.Tx, actor Actor, inv db.Invitation) error {
	_, err := tx.RevokeInvitation(ctx, db.RevokeInvitationParams{WorkspaceID: actor.WorkspaceID, ID: inv.ID, RevokedAt: tx.Now()})
	if err != nil {
		return err
	}
	if err := dropInvitationMail(ctx, tx, actor.WorkspaceID, inv.Email); err != nil {
		return err
	}
	return record(ctx, tx, actor, "revoke invitation", "invitation "+inv.ID, invited(inv.Email, Role(inv.Role)), nil)
}

// dropInvitationMail keeps from going out what says a link that leads nowhere by now.
func dropInvitationMail(ctx context.Context, tx *db.Tx, workspaceID, email string) error {
	return tx.DropInvitationMail(ctx, db.DropInvitationMailParams{WorkspaceID: &workspaceID, Recipient: email})
}

// endInvitationsBy ends those that somebody wrote and, with the role that they have now, could
// write no more; "" is no role.
func endInvitationsBy(ctx context.Context, tx *db.Tx, actor Actor, userID string, role Role) error {
	list, err := tx.OpenInvitationsBy(ctx, db.OpenInvitationsByParams{WorkspaceID: actor.WorkspaceID, InvitedBy: userID})
	if err != nil {
		return err
	}
	for _, inv := range list {
		if role.May(ManageOwners) || role.May(ManageTeam) && Role(inv.Role) != Owner {
			continue
		}
		if err := endInvitation(ctx, tx, actor, inv); err != nil {
			return err
		}
	}
	return nil
}

// postInvitation writes the mail, unless there was too much of it. What still waits with an older
// link is dropped. It returns the link for owners alone: who has it joins as the invited address.
func (a *App) postInvitation(ctx context.Context, tx *db.Tx, actor Actor, email string, role Role, token string) (link string, err error) {
	day := int64(24 * time.Hour / time.Microsecond)
	sent, err := tx.CountInvitationMail(ctx, db.CountInvitationMailParams{WorkspaceID: &actor.WorkspaceID, Recipient: email, Since: tx.Now() - day})
	if err != nil {
		return "", err
	}
	wait := int64(0)
	if sent.Sent >= invitationsPerDay {
		wait = sent.Oldest + day - tx.Now()
	}
	if sent.ToRecipient >= invitationsPerRecipient {
		wait = max(wait, sent.OldestToRecipient+day-tx.Now())
	}
	if wait > 0 {
		return "", &auth.TooMany{RetryAfter: time.Duration(wait) * time.Microsecond}
	}
	if err := dropInvitationMail(ctx, tx, actor.WorkspaceID, email); err != nil {
		return "", err
	}
	me, err := member(ctx, tx, actor.WorkspaceID, actor.UserID)
	if err != nil {
		return "", err
	}
	err = a.post(ctx, tx, Message{
		WorkspaceID: actor.WorkspaceID, Kind: invitationMail, To: email, Path: invitationPath, Token: token,
		Subject: fmt.Sprintf("%s invites you to %s", me.Name, actor.Workspace.Name),
		Body: fmt.Sprintf(`Hello,

%s (%s) invites you to join %s on Trak, as %s.

Join here within seven days:
{link}

If you did not expect this, ignore it. Nothing happens then.
`, me.Name, me.Email, actor.Workspace.Name, Article(role)),
	})
	if err != nil || !me.Role.May(ManageOwners) {
		return "", err
	}
	return a.url + invitationPath + token, nil
}

// Article is a role with its article, as it stands in the middle of a sentence.
func Article(r Role) string {
	if r == Member {
		return "a member"
	}
	return "an " + string(r)
}

// ResendInvitation sends a new link, which works for seven days, and ends the older one; see
// Invite. ErrNotFound when it is accepted or revoked.
func (a *App) ResendInvitation(ctx context.Context, actor Actor, id string) (link string, err error) {
	if err := a.need(ctx, actor, ManageTeam); err != nil {
		return "", err
	}
	token := newInvitationToken()
	err = a.changeTeam(ctx, actor, "resend invitation", func(tx *db.Tx) error {
		inv, err := openInvitation(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		_, err = tx.RenewInvitation(ctx, db.RenewInvitationParams{
			WorkspaceID: actor.WorkspaceID, ID: id, Hash: auth.HashToken(token), ExpiresAt: tx.Now() + invitationValid.Microseconds(),
		})
		if err != nil {
			return err
		}
		if err := record(ctx, tx, actor, "resend invitation", "invitation "+id, nil, invited(inv.Email, Role(inv.Role))); err != nil {
			return err
		}
		link, err = a.postInvitation(ctx, tx, actor, inv.Email, Role(inv.Role), token)
		return err
	})
	return link, err
}

// RevokeInvitation ends an invitation. Who may write it may. ErrNotFound when it is accepted or
// revoked.
func (a *App) RevokeInvitation(ctx context.Context, actor Actor, id string) error {
	if err := a.need(ctx, actor, ManageTeam); err != nil {
		return err
	}
	return a.changeTeam(ctx, actor, "revoke invitation", func(tx *db.Tx) error {
		inv, err := openInvitation(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		return endInvitation(ctx, tx, actor, inv)
	})
}

// openInvitation is one that the actor may change.
func openInvitation(ctx context.Context, tx *db.Tx, actor Actor, id string) (db.Invitation, error) {
	if err := needNow(ctx, tx, actor, ManageTeam); err != nil {
		return db.Invitation{}, err
	}
	inv, err := tx.OpenInvitation(ctx, db.OpenInvitationParams{WorkspaceID: actor.WorkspaceID, ID: id})
	if errors.Is(err, sql.ErrNoRows) {
		return inv, ErrNotFound
	}
	if err == nil {
		err = needToInvite(ctx, tx, actor, Role(inv.Role))
	}
	return inv, err
}
