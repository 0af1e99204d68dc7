-- name: InsertMessage :exec
INSERT INTO messages (id, workspace_id, user_id, kind, recipient, subject, body, path, secret, state, next_attempt_at, created_at)
VALUES (@id, @workspace_id, @user_id, @kind, @recipient, @subject, @body, @path, @secret, 'waiting', @now, @now);
