package billing

import (
	"errors"
	"fmt"
	"testing"
)

func TestFieldErrors(t *testing.T) {
	t.Parallel()
	errs := FieldErrors{}
	if errs.Err() != nil {
		t.Error("no field, but an error")
	}
	errs.Check("good", nil)
	errs.Check("b", fmt.Errorf("parse: %w", InputError("Enter a date like 2026-12-07")))
	errs.Check("c", errors.New("internal text"))
	errs.Add("a", "first")
	errs.Add("a", "second")
	errs.Merge(FieldErrors{"a": "third", "d": "fourth"})

	var got FieldErrors
	if err := fmt.Errorf("create invoice: %w", errs.Err()); !errors.As(err, &got) {
		t.Fatalf("%v is not FieldErrors", err)
	}
	const want = "a: first; b: Enter a date like 2026-12-07; c: Check this value; d: fourth"
	if got.Error() != want {
		t.Errorf("got %q, want %q", got.Error(), want)
	}
}
