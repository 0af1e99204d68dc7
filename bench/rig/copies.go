package rig

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// copyInvoices makes n copies of the last invoice: its row, lines and link. Nobody has the
// database open.
func (w *World) copyInvoices(ctx context.Context, n int) error {
	return write(ctx, w.Dir, func(tx *sql.Tx) error {
		const copyOf = "substr(%s, 1, 24) || printf('%%012x', i)" // the last group of a UUID
		steps := []struct {
			table, where string
			set          map[string]string
		}{
			{"invoices", "id", map[string]string{
				"id": fmt.Sprintf(copyOf, "id"), "token": "printf('copy%018d', i)",
				"number": "printf('INV-%04d', CAST(substr(number, 5) AS INTEGER) + i)", "created_at": "created_at + i",
			}},
			{"invoice_lines", "invoice_id", map[string]string{"id": fmt.Sprintf(copyOf, "id"), "invoice_id": fmt.Sprintf(copyOf, "invoice_id")}},
			{"payment_links", "invoice_id", map[string]string{
				"id": fmt.Sprintf(copyOf, "id"), "invoice_id": fmt.Sprintf(copyOf, "invoice_id"),
				"stripe_link_id": "printf('plink_copy%014d', i)", "url": "url || i", "idempotency_key": "idempotency_key || i",
			}},
		}
		last := w.Invoices[len(w.Invoices)-1]
		for _, s := range steps {
			names, values, err := columns(ctx, tx, s.table, s.set)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM n, %[1]s WHERE %[4]s = ?`, s.table, names, values, s.where), n, last.ID)
			if err != nil {
				return fmt.Errorf("copy rows of %s: %w", s.table, err)
			}
		}
		if _, err := tx.ExecContext(ctx, "UPDATE counters SET last = last + ?", n); err != nil {
			return fmt.Errorf("count the copies: %w", err)
		}
		for i := 1; i <= n; i++ {
			w.Invoices = append(w.Invoices, Invoice{ID: last.ID[:24] + fmt.Sprintf("%012x", i), Link: fmt.Sprintf("plink_copy%014d", i)})
		}
		return nil
	})
}

// columns lists a table's columns, and beside each the value that a copy gets.
func columns(ctx context.Context, tx *sql.Tx, table string, set map[string]string) (names, values string, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT name FROM pragma_table_info(?)", table)
	if err != nil {
		return "", "", fmt.Errorf("list columns of %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }()
	var list, of []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return "", "", err
		}
		value, ok := set[name]
		if !ok {
			value = name
		}
		list, of = append(list, name), append(of, value)
	}
	return strings.Join(list, ", "), strings.Join(of, ", "), rows.Err()
}
