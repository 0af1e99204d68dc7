-- name: InsertInvoice :execrows
-- The id comes from a form: one that is taken, by whatever workspace, gives no row.
INSERT INTO invoices (id, workspace_id, client_id, project_id, livemode, decided, status, phase, currency,
    subtotal, discount, tax, total, due_date, terms_days, po_number, note, token, created_by, created_at, updated_at)
VALUES (@id, @workspace_id, @client_id, @project_id, @livemode, 'draft', 'draft', 'draft', @currency,
    @subtotal, @discount, @tax, @total, @due_date, @terms_days, @po_number, @note, @token, @created_by, @created_at, @updated_at)
ON CONFLICT (id) DO NOTHING;

-- name: InvoiceByID :one
SELECT * FROM invoices WHERE workspace_id = @workspace_id AND id = @id;

-- name: InvoiceByToken :one
-- The client's page: whoever has the token may see this one invoice.
SELECT * FROM invoices WHERE token = @token AND token_revoked = FALSE
  AND EXISTS (SELECT 1 FROM workspaces w WHERE w.id = invoices.workspace_id AND w.deleted_at = 0);

-- name: UpdateDraft :execrows
UPDATE invoices SET client_id = @client_id, project_id = @project_id, currency = @currency, subtotal = @subtotal, discount = @discount,
    tax = @tax, total = @total, due_date = @due_date, terms_days = @terms_days, po_number = @po_number, note = @note, updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND decided = 'draft' AND version = @version;

-- name: FinalizeInvoice :execrows
UPDATE invoices SET decided = 'open', status = @status, phase = @phase, due = @due, number = @number, livemode = @livemode,
    issue_date = @issue_date, due_date = @due_date, finalized_at = @finalized_at,
    buyer_name = @buyer_name, buyer_email = @buyer_email, buyer_address = @buyer_address,
    seller_name = @seller_name, seller_address = @seller_address, seller_country = @seller_country, seller_tax_number = @seller_tax_number,
    locale = @locale, time_zone = @time_zone, updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND decided = 'draft' AND version = @version;

-- name: VoidInvoice :execrows
UPDATE invoices SET decided = 'void', voided_at = @voided_at, updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND decided = 'open';

-- name: DeleteDraftLines :exec
DELETE FROM invoice_lines WHERE invoice_lines.workspace_id = @workspace_id AND invoice_lines.invoice_id = @invoice_id
  AND EXISTS (SELECT 1 FROM invoices i WHERE i.workspace_id = @workspace_id AND i.id = @invoice_id AND i.decided = 'draft');

-- name: DeleteDraftEvents :exec
DELETE FROM invoice_events WHERE invoice_events.workspace_id = @workspace_id AND invoice_events.invoice_id = @invoice_id
  AND EXISTS (SELECT 1 FROM invoices i WHERE i.workspace_id = @workspace_id AND i.id = @invoice_id AND i.decided = 'draft');

-- name: DeleteDraft :execrows
DELETE FROM invoices WHERE workspace_id = @workspace_id AND id = @id AND decided = 'draft';

-- name: SetInvoiceDerived :execrows
-- What the facts say, cached. Nothing else writes these columns after finalizing.
UPDATE invoices SET status = @status, phase = @phase, flags = @flags, received = @received, refunded = @refunded, due = @due,
    updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id;

-- name: TouchInvoice :execrows
UPDATE invoices SET updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id;

-- name: MarkInvoiceSent :execrows
UPDATE invoices SET sent_at = @sent_at, updated_at = @sent_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND sent_at = 0 AND decided = 'open';

-- name: MarkInvoiceViewed :execrows
UPDATE invoices SET viewed_at = @viewed_at, updated_at = @viewed_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND viewed_at = 0 AND decided = 'open';

-- name: SetInvoiceToken :execrows
UPDATE invoices SET token = @token, updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id;

-- name: InsertLine :exec
INSERT INTO invoice_lines (id, workspace_id, invoice_id, position, description, quantity, unit_price, amount)
VALUES (@id, @workspace_id, @invoice_id, @position, @description, @quantity, @unit_price, @amount);

-- name: LinesOfInvoice :many
SELECT * FROM invoice_lines WHERE workspace_id = @workspace_id AND invoice_id = @invoice_id ORDER BY position;

-- name: NextNumber :one
INSERT INTO counters (workspace_id, livemode, series, last) VALUES (@workspace_id, @livemode, @series, 1)
ON CONFLICT (workspace_id, livemode, series) DO UPDATE SET last = counters.last + 1
RETURNING last;

-- name: CountersOfWorkspace :many
SELECT * FROM counters WHERE workspace_id = @workspace_id ORDER BY livemode, series;

-- name: NumbersOfWorkspace :many
-- For verify: numbers must run from 1 to the counter without a gap.
SELECT id, livemode, number FROM invoices
WHERE workspace_id = @workspace_id AND number IS NOT NULL AND id > CAST(@after AS TEXT) ORDER BY id LIMIT CAST(@max AS BIGINT);

-- name: ListInvoices :many
SELECT i.id, i.number, i.status, i.phase, i.flags, i.currency, i.total, i.due, i.due_date, i.buyer_name, i.sent_at, i.viewed_at,
    i.created_at, i.version, COALESCE(c.name, '') AS client_name
FROM invoices i LEFT JOIN clients c ON c.workspace_id = i.workspace_id AND c.id = i.client_id
WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode
  AND (i.created_at, i.id) < (CAST(@before_at AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY i.created_at DESC, i.id DESC LIMIT CAST(@max AS BIGINT);

-- name: ListInvoicesInPhase :many
SELECT i.id, i.number, i.status, i.phase, i.flags, i.currency, i.total, i.due, i.due_date, i.buyer_name, i.sent_at, i.viewed_at,
    i.created_at, i.version, COALESCE(c.name, '') AS client_name
FROM invoices i LEFT JOIN clients c ON c.workspace_id = i.workspace_id AND c.id = i.client_id
WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode AND i.phase = @phase
  AND (i.created_at, i.id) < (CAST(@before_at AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY i.created_at DESC, i.id DESC LIMIT CAST(@max AS BIGINT);

-- name: ListOverdueInvoices :many
-- Oldest due date first. An invoice whose payment is under way is not overdue.
SELECT i.id, i.number, i.status, i.phase, i.flags, i.currency, i.total, i.due, i.due_date, i.buyer_name, i.sent_at, i.viewed_at,
    i.created_at, i.version, COALESCE(c.name, '') AS client_name
FROM invoices i LEFT JOIN clients c ON c.workspace_id = i.workspace_id AND c.id = i.client_id
WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode AND i.phase = 'open' AND i.status <> 'processing'
  AND i.due_date <> '' AND i.due_date < CAST(@today AS TEXT)
  AND (i.due_date, i.id) > (CAST(@after_date AS TEXT), CAST(@after_id AS TEXT))
ORDER BY i.due_date, i.id LIMIT CAST(@max AS BIGINT);

-- name: InvoiceRow :one
SELECT i.id, i.number, i.status, i.phase, i.flags, i.currency, i.total, i.due, i.due_date, i.buyer_name, i.sent_at, i.viewed_at,
    i.created_at, i.version, COALESCE(c.name, '') AS client_name
FROM invoices i LEFT JOIN clients c ON c.workspace_id = i.workspace_id AND c.id = i.client_id
WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode AND i.id = @id;

-- name: CountInvoices :one
-- Counters of tabs stop at max, so that they never scan a whole workspace.
SELECT count(*) FROM (SELECT 1 FROM invoices i WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode LIMIT CAST(@max AS BIGINT)) AS t;

-- name: CountInvoicesInPhase :one
SELECT count(*) FROM (SELECT 1 FROM invoices i WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode AND i.phase = @phase LIMIT CAST(@max AS BIGINT)) AS t;

-- name: CountOverdueInvoices :one
SELECT count(*) FROM (SELECT 1 FROM invoices i WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode
  AND i.phase = 'open' AND i.status <> 'processing' AND i.due_date <> '' AND i.due_date < CAST(@today AS TEXT) LIMIT CAST(@max AS BIGINT)) AS t;

-- name: OutstandingTotals :many
SELECT currency, count(*) AS invoices, CAST(sum(due) AS BIGINT) AS due
FROM invoices WHERE workspace_id = @workspace_id AND livemode = @livemode AND phase = 'open'
GROUP BY currency ORDER BY currency;

-- name: OverdueTotals :many
SELECT currency, count(*) AS invoices, CAST(sum(due) AS BIGINT) AS due, CAST(min(due_date) AS TEXT) AS oldest
FROM invoices WHERE workspace_id = @workspace_id AND livemode = @livemode AND phase = 'open' AND status <> 'processing'
  AND due_date <> '' AND due_date < CAST(@today AS TEXT)
GROUP BY currency ORDER BY currency;

-- name: OpenInvoicesWithoutLink :many
-- Invoices that could be paid but have no link that is alive: a worker makes one.
SELECT i.id FROM invoices i
WHERE i.workspace_id = @workspace_id AND i.livemode = @livemode AND i.phase = 'open' AND i.due > 0
  AND NOT EXISTS (SELECT 1 FROM payment_links l WHERE l.workspace_id = i.workspace_id AND l.invoice_id = i.id
    AND l.state IN ('creating', 'active', 'failed'))
  AND i.id > CAST(@after AS TEXT)
ORDER BY i.id LIMIT CAST(@max AS BIGINT);

-- name: InvoicesForVerify :many
SELECT * FROM invoices WHERE workspace_id = @workspace_id AND id > CAST(@after AS TEXT) ORDER BY id LIMIT CAST(@max AS BIGINT);

-- name: InsertInvoiceEvent :exec
INSERT INTO invoice_events (id, workspace_id, invoice_id, kind, user_id, detail, at)
VALUES (@id, @workspace_id, @invoice_id, @kind, @user_id, @detail, @at);

-- name: EventsOfInvoice :many
SELECT e.kind, e.detail, e.at, COALESCE(u.name, '') AS user_name
FROM invoice_events e LEFT JOIN users u ON u.id = e.user_id
WHERE e.workspace_id = @workspace_id AND e.invoice_id = @invoice_id ORDER BY e.at, e.id;

-- name: MarkUncollectible :execrows
UPDATE invoices SET decided = 'uncollectible', uncollectible_at = @uncollectible_at, updated_at = @uncollectible_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND decided = 'open';

-- name: ReopenInvoice :execrows
UPDATE invoices SET decided = 'open', uncollectible_at = 0, updated_at = @updated_at, version = version + 1
WHERE workspace_id = @workspace_id AND id = @id AND decided = 'uncollectible';

-- name: WhoChanged :one
-- Who made the change to a draft that is the latest one: at is its updated_at.
SELECT u.name FROM audit_log l JOIN users u ON u.id = l.user_id
WHERE l.workspace_id = @workspace_id AND l.at = @at AND l.subject = @subject LIMIT 1;
