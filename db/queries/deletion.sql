-- name: DeleteWorkspace :execrows
-- The row stays: money rows, numbers and the audit log belong to it, and nobody else may take its slug.
UPDATE workspaces SET deleted_at = @deleted_at, address = '', tax_number = '', accent = '', logo = '', version = version + 1
WHERE id = @id AND deleted_at = 0;

-- name: CountWorkspaceContents :one
-- What the page says that will happen to.
SELECT (SELECT count(*) FROM memberships m WHERE m.workspace_id = @workspace_id) AS people,
    (SELECT count(*) FROM clients c WHERE c.workspace_id = @workspace_id) AS clients,
    (SELECT count(*) FROM invoices i WHERE i.workspace_id = @workspace_id AND i.decided = 'draft') AS drafts,
    (SELECT count(*) FROM invoices i WHERE i.workspace_id = @workspace_id AND i.decided <> 'draft') AS invoices,
    (SELECT count(*) FROM payment_links l WHERE l.workspace_id = @workspace_id AND l.state IN ('creating', 'active', 'failed')) AS links,
    (SELECT count(*) FROM stripe_connect_accounts a WHERE a.workspace_id = @workspace_id AND a.stripe_account_id IS NOT NULL) AS accounts;

-- name: MoneyUnderWay :one
-- What was asked of Stripe and not answered yet: refunds, and answers to disputes.
SELECT (SELECT count(*) FROM refund_requests r WHERE r.workspace_id = @workspace_id AND r.state = 'asking')
     + (SELECT count(*) FROM dispute_answers d WHERE d.workspace_id = @workspace_id AND d.state IN ('saving', 'submitting', 'accepting')) AS n;

-- name: AccountsInUse :many
-- In both modes, those included that Stripe has not made yet.
SELECT * FROM stripe_connect_accounts WHERE workspace_id = @workspace_id AND disconnected_at = 0 ORDER BY id;

-- name: ForgetAccounts :exec
UPDATE stripe_connect_accounts SET email = '', name = '', requirements = '{}', last_error = '', next_attempt_at = 0, version = version + 1
WHERE workspace_id = @workspace_id;

-- name: ForgetMembers :exec
DELETE FROM memberships WHERE workspace_id = @workspace_id;

-- name: ForgetLastWorkspace :exec
UPDATE users SET last_workspace_id = NULL WHERE last_workspace_id = CAST(@id AS TEXT);

-- name: ForgetInvitations :exec
DELETE FROM invitations WHERE workspace_id = @workspace_id;

-- name: ForgetMessages :exec
DELETE FROM messages WHERE workspace_id = @workspace_id;

-- name: ForgetDraftLines :exec
DELETE FROM invoice_lines WHERE invoice_lines.workspace_id = @workspace_id
  AND EXISTS (SELECT 1 FROM invoices i WHERE i.workspace_id = @workspace_id AND i.id = invoice_lines.invoice_id AND i.decided = 'draft');

-- name: ForgetDraftEvents :exec
DELETE FROM invoice_events WHERE invoice_events.workspace_id = @workspace_id
  AND EXISTS (SELECT 1 FROM invoices i WHERE i.workspace_id = @workspace_id AND i.id = invoice_events.invoice_id AND i.decided = 'draft');

-- name: ForgetDrafts :exec
DELETE FROM invoices WHERE workspace_id = @workspace_id AND decided = 'draft';

-- name: ForgetBuyerEmails :exec
-- The law wants name and address on an invoice, and no email.
UPDATE invoices SET buyer_email = '' WHERE workspace_id = @workspace_id AND buyer_email <> '';

-- name: ForgetClients :exec
UPDATE clients SET name = @name, email = '', address = '', search_text = '', anonymised_at = @now, updated_at = @now, version = version + 1
WHERE workspace_id = @workspace_id;

-- name: ForgetProjects :exec
UPDATE projects SET name = @name, note = '', search_text = '', updated_at = @now, version = version + 1 WHERE workspace_id = @workspace_id;

-- name: ForgetEvidence :exec
UPDATE dispute_answers SET fields = '{}' WHERE workspace_id = @workspace_id;

-- name: ForgetEvidenceFiles :exec
DELETE FROM dispute_files WHERE workspace_id = @workspace_id;

-- name: ForgetIgnored :exec
UPDATE attention_ignored SET reason = '' WHERE workspace_id = @workspace_id;

-- name: StopReads :exec
UPDATE stripe_reads SET next_attempt_at = 0 WHERE workspace_id = @workspace_id;

-- name: StopSyncs :exec
UPDATE sync_cursors SET next_attempt_at = 0 WHERE workspace_id = @workspace_id;
