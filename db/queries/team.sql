-- name: MembersOfWorkspace :many
SELECT u.id, u.name, u.email, u.disabled_at, m.role, m.created_at
FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = @workspace_id
ORDER BY CASE m.role WHEN 'owner' THEN 1 WHEN 'admin' THEN 2 WHEN 'member' THEN 3 ELSE 4 END, u.name, u.id;

-- name: MemberOfWorkspace :one
SELECT u.id, u.name, u.email, u.disabled_at, m.role, m.created_at
FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = @workspace_id AND m.user_id = @user_id;

-- name: MemberByEmail :one
SELECT u.id, u.name, u.email, u.disabled_at, m.role, m.created_at
FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = @workspace_id AND u.email = @email;

-- name: CountOtherOwners :one
-- Owners who can sign in, beside one.
SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = @workspace_id AND m.role = 'owner' AND m.user_id <> @user_id AND u.disabled_at = 0;

-- name: SetMemberRole :execrows
UPDATE memberships SET role = @role WHERE workspace_id = @workspace_id AND user_id = @user_id;

-- name: DeleteMembership :execrows
DELETE FROM memberships WHERE workspace_id = @workspace_id AND user_id = @user_id;

-- name: InsertFormerMember :exec
INSERT INTO former_members (workspace_id, user_id, left_at) VALUES (@workspace_id, @user_id, @left_at)
ON CONFLICT (workspace_id, user_id) DO UPDATE SET left_at = excluded.left_at;

-- name: DeleteFormerMember :exec
DELETE FROM former_members WHERE workspace_id = @workspace_id AND user_id = @user_id;

-- name: FormerMemberBySlug :one
-- Bound to the user who is signed in, like MembershipBySlug, which found nothing.
SELECT count(*) FROM workspaces w JOIN former_members f ON f.workspace_id = w.id AND f.user_id = @user_id
WHERE w.slug = @slug;

-- name: InsertInvitation :exec
INSERT INTO invitations (id, workspace_id, email, role, hash, invited_by, created_at, expires_at)
VALUES (@id, @workspace_id, @email, @role, @hash, @invited_by, @created_at, @expires_at);

-- name: OpenInvitations :many
-- Expired ones as well: they can be sent again.
SELECT i.id, i.email, i.role, i.invited_by, i.created_at, i.expires_at, u.name AS inviter
FROM invitations i JOIN users u ON u.id = i.invited_by
WHERE i.workspace_id = @workspace_id AND i.accepted_at = 0 AND i.revoked_at = 0
ORDER BY i.created_at DESC, i.id;

-- name: OpenInvitation :one
SELECT * FROM invitations
WHERE workspace_id = @workspace_id AND id = @id AND accepted_at = 0 AND revoked_at = 0;

-- name: OpenInvitationTo :one
SELECT * FROM invitations
WHERE workspace_id = @workspace_id AND email = @email AND accepted_at = 0 AND revoked_at = 0;

-- name: RenewInvitation :execrows
-- The older link ends, as its hash is gone.
UPDATE invitations SET hash = @hash, expires_at = @expires_at
WHERE workspace_id = @workspace_id AND id = @id AND accepted_at = 0 AND revoked_at = 0;

-- name: RevokeInvitation :execrows
UPDATE invitations SET revoked_at = @revoked_at
WHERE workspace_id = @workspace_id AND id = @id AND accepted_at = 0 AND revoked_at = 0;

-- name: OpenInvitationsBy :many
SELECT * FROM invitations
WHERE workspace_id = @workspace_id AND invited_by = @invited_by AND accepted_at = 0 AND revoked_at = 0;

-- name: InvitationByHash :one
-- The token is the permission: for this invitation only, while it is open.
SELECT i.id, i.workspace_id, i.email, i.role, i.invited_by, i.expires_at, w.slug, w.name AS workspace, u.name AS inviter
FROM invitations i JOIN workspaces w ON w.id = i.workspace_id JOIN users u ON u.id = i.invited_by
WHERE i.hash = @hash AND i.accepted_at = 0 AND i.revoked_at = 0 AND i.expires_at > @now AND w.deleted_at = 0;

-- name: UseInvitation :execrows
-- Single use: of two at once one changes the row.
UPDATE invitations SET accepted_at = @now, accepted_by = @accepted_by
WHERE workspace_id = @workspace_id AND id = @id AND hash = @hash AND accepted_at = 0 AND revoked_at = 0 AND expires_at > @now;

-- name: CountInvitationMail :one
-- What a workspace has sent lately: to anybody, and to one address.
SELECT count(*) AS sent, CAST(coalesce(sum(CASE WHEN recipient = @recipient THEN 1 ELSE 0 END), 0) AS BIGINT) AS to_recipient,
    CAST(coalesce(min(created_at), 0) AS BIGINT) AS oldest,
    CAST(coalesce(min(CASE WHEN recipient = @recipient THEN created_at END), 0) AS BIGINT) AS oldest_to_recipient
FROM messages
WHERE workspace_id = @workspace_id AND kind = 'invitation' AND created_at > @since;

-- name: DropInvitationMail :exec
-- Mail that still waits, with a link that leads nowhere by now.
UPDATE messages SET state = 'dropped', secret = NULL, next_attempt_at = 0, claimed_until = 0
WHERE workspace_id = @workspace_id AND kind = 'invitation' AND recipient = @recipient AND state IN ('waiting', 'failed');

-- name: DropMailOfMember :exec
-- Who is no longer in the workspace gets no more of its mail.
UPDATE messages SET state = 'dropped', secret = NULL, next_attempt_at = 0, claimed_until = 0
WHERE workspace_id = @workspace_id AND user_id = @user_id AND state IN ('waiting', 'failed');
