-- name: PeopleOfWorkspace :many
SELECT u.id, u.name, u.email, m.role FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = @workspace_id ORDER BY u.name, u.id;

-- name: AnonymiseClient :execrows
UPDATE clients SET name = @name, email = '', address = '', search_text = '', anonymised_at = @now,
    archived_at = CASE WHEN archived_at > 0 THEN archived_at ELSE CAST(@now AS BIGINT) END, updated_at = @now, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND anonymised_at = 0;

-- name: DraftsOfClient :many
SELECT * FROM invoices WHERE workspace_id = @workspace_id AND client_id = @client_id AND decided = 'draft' ORDER BY id;

-- name: TakeClientOffDraft :execrows
UPDATE invoices SET client_id = NULL, po_number = '', note = '', updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND decided = 'draft';

-- name: ForgetBuyerEmailsOf :execrows
-- The law wants name and address on an invoice, and no email.
UPDATE invoices SET buyer_email = ''
WHERE workspace_id = @workspace_id AND client_id = @client_id AND buyer_email <> '';
