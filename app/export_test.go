package app

import (
	"context"
	"slices"

	"trak/db"
)

// Wake makes the workers look at once, for tests that move the clock: they sleep by the real one.
func (a *App) Wake() { a.jobs.Wake() }

// Clip is what bounds the texts of errors.
var Clip = clip

// CheckFree is the doctor's word on a disk with so many bytes free.
func CheckFree(bytes uint64) Check { return Check{}.ofFree(bytes) }

// SealedColumns are the columns that a change of the secret key knows, by name.
func SealedColumns() (names []string) {
	for _, c := range sealedColumns {
		names = append(names, c.name)
	}
	return names
}

// SealedPlace is where a row of such a column rests, for auth.Box.
func SealedPlace(column, id string) []byte {
	for _, c := range append(slices.Clone(sealedColumns), sealedAudit) {
		if c.name == column {
			return c.place(id)
		}
	}
	return nil
}

// SealedRows are all values that are sealed.
func SealedRows(ctx context.Context, q *db.Queries) (rows []db.SealedValuesRow, err error) {
	values, err := sealedValues(ctx, q)
	for _, v := range values {
		rows = append(rows, db.SealedValuesRow{Place: v.name, ID: v.id, Sealed: v.sealed})
	}
	return rows, err
}

// KnownAction says whether an action of records is named for people.
func KnownAction(action string) bool {
	_, ok := auditActions[action]
	return ok
}
