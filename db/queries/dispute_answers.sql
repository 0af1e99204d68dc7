-- Disputes as pages show them, and the answers that people write.

-- name: ListDisputes :many
SELECT sqlc.embed(d), COALESCE(p.id, '') AS payment_id, COALESCE(i.id, '') AS invoice_id, COALESCE(i.number, '') AS invoice_number,
    COALESCE(i.buyer_name, '') AS buyer_name, COALESCE(a.state, '') AS answer, COALESCE(a.last_error, '') AS answer_error
FROM disputes d
LEFT JOIN charges c ON c.workspace_id = d.workspace_id AND c.stripe_account_id = d.stripe_account_id AND c.charge_id = d.charge_id
LEFT JOIN payments p ON p.workspace_id = d.workspace_id AND p.stripe_account_id = d.stripe_account_id
    AND p.payment_intent_id = COALESCE(NULLIF(c.payment_intent_id, ''), d.payment_intent_id)
LEFT JOIN invoices i ON i.workspace_id = p.workspace_id AND i.id = p.invoice_id
LEFT JOIN dispute_answers a ON a.workspace_id = d.workspace_id AND a.stripe_account_id = d.stripe_account_id AND a.dispute_id = d.dispute_id
WHERE d.workspace_id = @workspace_id AND d.livemode = @livemode
  AND (d.created_at, d.dispute_id) < (CAST(@before_at AS BIGINT), CAST(@before_id AS TEXT))
ORDER BY d.created_at DESC, d.dispute_id DESC LIMIT CAST(@max AS BIGINT);

-- name: DisputesOfInvoice :many
SELECT sqlc.embed(d), COALESCE(p.id, '') AS payment_id, COALESCE(i.id, '') AS invoice_id, COALESCE(i.number, '') AS invoice_number,
    COALESCE(i.buyer_name, '') AS buyer_name, COALESCE(a.state, '') AS answer, COALESCE(a.last_error, '') AS answer_error
FROM disputes d
LEFT JOIN charges c ON c.workspace_id = d.workspace_id AND c.stripe_account_id = d.stripe_account_id AND c.charge_id = d.charge_id
LEFT JOIN payments p ON p.workspace_id = d.workspace_id AND p.stripe_account_id = d.stripe_account_id
    AND p.payment_intent_id = COALESCE(NULLIF(c.payment_intent_id, ''), d.payment_intent_id)
LEFT JOIN invoices i ON i.workspace_id = p.workspace_id AND i.id = p.invoice_id
LEFT JOIN dispute_answers a ON a.workspace_id = d.workspace_id AND a.stripe_account_id = d.stripe_account_id AND a.dispute_id = d.dispute_id
WHERE d.workspace_id = @workspace_id AND i.id = CAST(@invoice_id AS TEXT)
ORDER BY d.created_at, d.dispute_id;

-- name: FindDispute :one
-- Ids are Stripe's, unique over all accounts.
SELECT sqlc.embed(d), COALESCE(p.id, '') AS payment_id, COALESCE(i.id, '') AS invoice_id, COALESCE(i.number, '') AS invoice_number,
    COALESCE(i.buyer_name, '') AS buyer_name, COALESCE(a.state, '') AS answer, COALESCE(a.last_error, '') AS answer_error
FROM disputes d
LEFT JOIN charges c ON c.workspace_id = d.workspace_id AND c.stripe_account_id = d.stripe_account_id AND c.charge_id = d.charge_id
LEFT JOIN payments p ON p.workspace_id = d.workspace_id AND p.stripe_account_id = d.stripe_account_id
    AND p.payment_intent_id = COALESCE(NULLIF(c.payment_intent_id, ''), d.payment_intent_id)
LEFT JOIN invoices i ON i.workspace_id = p.workspace_id AND i.id = p.invoice_id
LEFT JOIN dispute_answers a ON a.workspace_id = d.workspace_id AND a.stripe_account_id = d.stripe_account_id AND a.dispute_id = d.dispute_id
WHERE d.workspace_id = @workspace_id AND d.dispute_id = @dispute_id;

-- name: DisputeAnswer :one
SELECT * FROM dispute_answers WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND dispute_id = @dispute_id;

-- name: WriteDisputeAnswer :execrows
-- What a person wrote or decided. Nothing is changed when it was another version that they saw.
INSERT INTO dispute_answers (workspace_id, stripe_account_id, dispute_id, fields, version, state, submissions, next_attempt_at, updated_by, updated_at)
VALUES (@workspace_id, @stripe_account_id, @dispute_id, @fields, CAST(@version AS BIGINT) + 1, @answer, @submissions, @next_attempt_at, @updated_by, @updated_at)
ON CONFLICT (stripe_account_id, dispute_id) DO UPDATE SET fields = excluded.fields, version = excluded.version, state = excluded.state,
    submissions = excluded.submissions, attempts = 0, keys_spent = 0, next_attempt_at = excluded.next_attempt_at, last_error = '',
    updated_by = excluded.updated_by, updated_at = excluded.updated_at
WHERE dispute_answers.workspace_id = excluded.workspace_id AND dispute_answers.version = excluded.version - 1;

-- name: DueDisputeAnswers :many
-- Work of all workspaces in the mode that Trak runs in; each row is then claimed within its own.
SELECT a.workspace_id, a.stripe_account_id, a.dispute_id, a.next_attempt_at
FROM dispute_answers a JOIN disputes d ON d.workspace_id = a.workspace_id AND d.stripe_account_id = a.stripe_account_id AND d.dispute_id = a.dispute_id
WHERE a.next_attempt_at > 0 AND d.livemode = @livemode ORDER BY a.next_attempt_at LIMIT CAST(@max AS BIGINT);

-- name: ClaimDisputeAnswer :one
UPDATE dispute_answers SET claimed_until = @claimed_until, next_attempt_at = @claimed_until, attempts = attempts + 1
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND dispute_id = @dispute_id
  AND state IN ('saving', 'submitting', 'accepting') AND claimed_until < CAST(@now AS BIGINT)
RETURNING *;

-- name: KeepDisputeClaim :execrows
-- Several files take longer than a claim holds.
UPDATE dispute_answers SET claimed_until = @claimed_until, next_attempt_at = @claimed_until
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND dispute_id = @dispute_id AND claimed_until = CAST(@held AS BIGINT);

-- name: SetDisputeAnswer :execrows
-- The outcome of a try. What was written meanwhile (another version) goes on at once.
UPDATE dispute_answers SET claimed_until = 0, keys_spent = keys_spent + @spent,
    state = CASE WHEN version = @version THEN CAST(@answer AS TEXT) ELSE state END,
    last_error = CASE WHEN version = @version THEN CAST(@last_error AS TEXT) ELSE last_error END,
    next_attempt_at = CASE WHEN version = @version THEN CAST(@next_attempt_at AS BIGINT) ELSE CAST(@now AS BIGINT) END
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND dispute_id = @dispute_id;

-- name: DisputeFiles :many
-- Those of the answer (kept_by = ''), or those that wait in somebody's form. Without what is in
-- them, which nobody but the worker needs.
SELECT id, field, name, media_type, size, stripe_file_id FROM dispute_files
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND dispute_id = @dispute_id AND kept_by = @kept_by ORDER BY field;

-- name: DisputeFilesToSend :many
SELECT * FROM dispute_files
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND dispute_id = @dispute_id AND kept_by = '' AND stripe_file_id = '' ORDER BY field;

-- name: InsertDisputeFile :exec
INSERT INTO dispute_files (id, workspace_id, stripe_account_id, dispute_id, field, kept_by, name, media_type, size, content, created_by, created_at)
VALUES (@id, @workspace_id, @stripe_account_id, @dispute_id, @field, @kept_by, @name, @media_type, @size, @content, @created_by, @created_at);

-- name: TakeDisputeFile :execrows
-- What waited in a form becomes part of the answer.
UPDATE dispute_files SET kept_by = '' WHERE workspace_id = @workspace_id AND id = @id;

-- name: DeleteDisputeFile :execrows
DELETE FROM dispute_files WHERE workspace_id = @workspace_id AND id = @id;

-- name: DeleteKeptDisputeFiles :execrows
-- Once the answer is given, no form waits any more.
DELETE FROM dispute_files
WHERE workspace_id = @workspace_id AND stripe_account_id = @stripe_account_id AND dispute_id = @dispute_id AND kept_by <> '';

-- name: SetDisputeFileSent :execrows
UPDATE dispute_files SET stripe_file_id = @stripe_file_id, content = NULL
WHERE workspace_id = @workspace_id AND id = @id;
