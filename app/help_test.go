package app_test

import (
	"context"
	"errors"

	"trak/app"
	"trak/sandbox"
)

var sandboxCard = sandbox.Card{Number: "4242424242424242", Expiry: "12/40", CVC: "123", Email: "ana@haldenvik.example"}

func errorsAs[T error](err error, target *T) bool { return errors.As(err, target) }

// voidIgnoringConflict voids, unless the payment was faster.
func voidIgnoringConflict(w *world, id string) error {
	err := w.app.VoidInvoice(context.Background(), w.owner, id)
	if errors.Is(err, app.ErrConflict) {
		return nil
	}
	return err
}
