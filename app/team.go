package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"trak/billing"
	"trak/db"
)

// ErrLastOwner is the ErrConflict of what would leave a workspace without an owner.
var ErrLastOwner = fmt.Errorf("the last owner: %w", ErrConflict)

// TeamMember is somebody in a workspace.
type TeamMember struct {
	UserID, Name, Email string
	Role                Role
	Since               int64 // Unix microseconds
	Disabled            bool  // the operator lets them in no more
}

// Team is who is in a workspace, and who is invited.
type Team struct {
	Members     []TeamMember // owners first
	Invitations []Invitation // that nobody has accepted so far; for those who manage the team
}

// Team lists who is in the workspace. Everybody in it may see that.
func (a *App) Team(ctx context.Context, actor Actor) (t Team, err error) {
	if err := a.need(ctx, actor, ViewTeam); err != nil {
		return t, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		rows, err := q.MembersOfWorkspace(ctx, actor.WorkspaceID)
		for _, r := range rows {
			t.Members = append(t.Members, memberOf(db.MemberOfWorkspaceRow(r)))
		}
		if err != nil || !actor.May(ManageTeam) {
			return err
		}
		t.Invitations, err = openInvitations(ctx, q, actor.WorkspaceID)
		return err
	})
	if err != nil {
		return t, fmt.Errorf("list team: %w", err)
	}
	return t, nil
}

// Member is one of the team. Everybody in it may see that. ErrNotFound for others.
func (a *App) Member(ctx context.Context, actor Actor, userID string) (m TeamMember, err error) {
	if err := a.need(ctx, actor, ViewTeam); err != nil {
		return m, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		row, err := q.MemberOfWorkspace(ctx, db.MemberOfWorkspaceParams{WorkspaceID: actor.WorkspaceID, UserID: userID})
		m = memberOf(row)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return m, ErrNotFound
	}
	if err != nil {
		return m, fmt.Errorf("look up member: %w", err)
	}
	return m, nil
}

func memberOf(r db.MemberOfWorkspaceRow) TeamMember {
	return TeamMember{UserID: r.ID, Name: r.Name, Email: r.Email, Role: Role(r.Role), Since: r.CreatedAt, Disabled: r.DisabledAt != 0}
}

func member(ctx context.Context, tx *db.Tx, workspaceID, userID string) (TeamMember, error) {
	row, err := tx.MemberOfWorkspace(ctx, db.MemberOfWorkspaceParams{WorkspaceID: workspaceID, UserID: userID})
	if errors.Is(err, sql.ErrNoRows) {
		return TeamMember{}, ErrNotFound
	}
	return memberOf(row), err
}

// MayLeave says whether the actor may leave the workspace now: ErrLastOwner when nobody would own
// it then.
func (a *App) MayLeave(ctx context.Context, actor Actor) error {
	if err := a.need(ctx, actor, ViewTeam); err != nil {
		return err
	}
	err := a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		return keepsOwner(ctx, q, TeamMember{UserID: actor.UserID, Role: actor.Role}, actor.WorkspaceID)
	})
	return wrapUnlessTold("look at the owners", err)
}

// keepsOwner returns ErrLastOwner when a workspace has no owner but m.
func keepsOwner(ctx context.Context, q *db.Queries, m TeamMember, workspaceID string) error {
	if m.Role != Owner {
		return nil
	}
	others, err := q.CountOtherOwners(ctx, db.CountOtherOwnersParams{WorkspaceID: workspaceID, UserID: m.UserID})
	if err == nil && others == 0 {
		return ErrLastOwner
	}
	return err
}

// ChangeRole makes a member something else. Owners and admins may, only owners where an owner
// is made or ends to be one. Returns billing.FieldErrors for the field role, and ErrLastOwner.
func (a *App) ChangeRole(ctx context.Context, actor Actor, userID string, role Role) error {
	if err := a.need(ctx, actor, ManageTeam); err != nil {
		return err
	}
	if !role.Valid() {
		return billing.FieldErrors{"role": "Choose a role"}
	}
	return a.changeTeam(ctx, actor, "change role", func(tx *db.Tx) error {
		m, err := managed(ctx, tx, actor, userID, role)
		if err != nil || m.Role == role {
			return err
		}
		if err := keepsOwner(ctx, tx.Queries, m, actor.WorkspaceID); err != nil {
			return err
		}
		return setRole(ctx, tx, actor, m, role)
	})
}

// managed is the member that the actor is about to change, after a look at whether they may: of
// an owner, or to make one, only owners.
func managed(ctx context.Context, tx *db.Tx, actor Actor, userID string, role Role) (TeamMember, error) {
	if err := needNow(ctx, tx, actor, ManageTeam); err != nil {
		return TeamMember{}, err
	}
	m, err := member(ctx, tx, actor.WorkspaceID, userID)
	if err == nil && m.Role != role && (m.Role == Owner || role == Owner) {
		err = needNow(ctx, tx, actor, ManageOwners)
	}
	return m, err
}

func setRole(ctx context.Context, tx *db.Tx, actor Actor, m TeamMember, role Role) error {
	if _, err := tx.SetMemberRole(ctx, db.SetMemberRoleParams{WorkspaceID: actor.WorkspaceID, UserID: m.UserID, Role: string(role)}); err != nil {
		return err
	}
	if err := endInvitationsBy(ctx, tx, actor, m.UserID, role); err != nil {
		return err
	}
	return record(ctx, tx, actor, "change role", "user "+m.UserID, map[string]string{"role": string(m.Role)}, map[string]string{"role": string(role)})
}

// RemoveMember ends a membership at once. Owners and admins may, of an owner only owners.
// ErrLastOwner when nobody would own the workspace then.
func (a *App) RemoveMember(ctx context.Context, actor Actor, userID string) error {
	if err := a.need(ctx, actor, ManageTeam); err != nil {
		return err
	}
	return a.changeTeam(ctx, actor, "remove member", func(tx *db.Tx) error {
		m, err := managed(ctx, tx, actor, userID, "")
		if err != nil {
			return err
		}
		return endMembership(ctx, tx, actor, m, "remove member")
	})
}

// Leave ends the actor's own membership. Everybody may, but the last owner: ErrLastOwner.
func (a *App) Leave(ctx context.Context, actor Actor) error {
	if err := a.need(ctx, actor, ViewTeam); err != nil {
		return err
	}
	return a.changeTeam(ctx, actor, "leave workspace", func(tx *db.Tx) error {
		if err := needNow(ctx, tx, actor, ViewTeam); err != nil {
			return err
		}
		m, err := member(ctx, tx, actor.WorkspaceID, actor.UserID)
		if err != nil {
			return err
		}
		return endMembership(ctx, tx, actor, m, "leave workspace")
	})
}

// endMembership takes from somebody all that they have by being in the workspace: their role, the
// invitations that they wrote, and mail that waits for them.
func endMembership(ctx context.Context, tx *db.Tx, actor Actor, m TeamMember, action string) error {
	if err := keepsOwner(ctx, tx.Queries, m, actor.WorkspaceID); err != nil {
		return err
	}
	if _, err := tx.DeleteMembership(ctx, db.DeleteMembershipParams{WorkspaceID: actor.WorkspaceID, UserID: m.UserID}); err != nil {
		return err
	}
	if err := tx.InsertFormerMember(ctx, db.InsertFormerMemberParams{WorkspaceID: actor.WorkspaceID, UserID: m.UserID, LeftAt: tx.Now()}); err != nil {
		return err
	}
	if err := endInvitationsBy(ctx, tx, actor, m.UserID, ""); err != nil {
		return err
	}
	if err := tx.DropMailOfMember(ctx, db.DropMailOfMemberParams{WorkspaceID: &actor.WorkspaceID, UserID: &m.UserID}); err != nil {
		return err
	}
	return record(ctx, tx, actor, action, "user "+m.UserID, map[string]string{"role": string(m.Role)}, nil)
}

// HandOver makes a member the owner and the actor, an owner until then, an admin. Only owners may.
func (a *App) HandOver(ctx context.Context, actor Actor, userID string) error {
	if err := a.need(ctx, actor, ManageOwners); err != nil {
		return err
	}
	return a.changeTeam(ctx, actor, "hand over workspace", func(tx *db.Tx) error {
		if err := needNow(ctx, tx, actor, ManageOwners); err != nil {
			return err
		}
		heir, err := member(ctx, tx, actor.WorkspaceID, userID)
		if err != nil {
			return err
		}
		if heir.UserID == actor.UserID || heir.Disabled {
			return ErrConflict
		}
		if err := record(ctx, tx, actor, "hand over workspace", "user "+heir.UserID, nil, nil); err != nil {
			return err
		}
		if heir.Role != Owner {
			if err := setRole(ctx, tx, actor, heir, Owner); err != nil {
				return err
			}
		}
		return setRole(ctx, tx, actor, TeamMember{UserID: actor.UserID, Role: Owner}, Admin)
	})
}

// changeTeam is a transaction after which no answer is given by what somebody was before.
func (a *App) changeTeam(ctx context.Context, actor Actor, doing string, f func(*db.Tx) error) error {
	err := a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		tx.AfterCommit(a.actors.drop)
		return f(tx)
	})
	return wrapUnlessTold(doing, err)
}
