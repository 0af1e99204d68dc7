package db

import "context"

// QuickCheck reads the whole database and returns what is damaged, nothing when it is whole. On
// PostgreSQL that is the server's business, and it only asks whether it answers.
func (d *DB) QuickCheck(ctx context.Context) (problems []string, err error) {
	if d.path == "" {
		return nil, d.Ping(ctx)
	}
	err = d.View(ctx, System, func(q *Queries) error {
		rows, err := q.db.QueryContext(ctx, "PRAGMA quick_check(10)")
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			if line != "ok" {
				problems = append(problems, line)
			}
		}
		return rows.Err()
	})
	return problems, err
}
