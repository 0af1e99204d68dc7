package app_test

import (
	"testing"
)

func TestOwnModeProbe(t *testing.T) {
	t.Parallel()
	w := newWorldIn(t, true)
	acct := w.connect()
	t.Log(acct)
	inv := w.invoice("1200.00")
	w.until("link", func() bool { return w.detail(inv.ID).Link.URL != "" })
	w.pay(inv.ID, "4242424242424242")
	w.settled()
	w.until("paid", func() bool { return w.detail(inv.ID).Invoice.Status == "paid" })
	w.verified()
}
