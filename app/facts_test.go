package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"trak/billing"
)

func TestFactsThatAreKnown(t *testing.T) {
	t.Parallel()
	bothModes(t, "", testFactsThatAreKnown)
}

func testFactsThatAreKnown(t *testing.T, w *world) {
	account := w.connect()
	inv := w.invoice("120")
	w.pay(inv.ID, "4242424242424242")
	w.settled()
	w.until("the link is closed at Stripe", func() bool { return w.detail(inv.ID).Link.State == "closed" })
	before := w.detail(inv.ID)
	if w.own {
		account = "" // the sandbox's name for the platform's own
	}

	t.Log("the same object in another event changes nothing, so that no page is drawn again")
	w.caughtUp()
	before = w.detail(inv.ID)
	w.clock.advance(2 * time.Second)
	for _, typ := range []string{"payment_intent.succeeded", "charge.succeeded", "checkout.session.completed"} {
		w.sandbox.Emit(account, typ, w.lastObject(account, typ))
	}
	w.settled()
	if now := w.detail(inv.ID).Invoice.Version; now != before.Invoice.Version {
		t.Errorf("version %d, was %d", now, before.Invoice.Version)
	}

	t.Log("a refund is news")
	if _, err := w.sandbox.Refund(before.Payments[0].PaymentIntentID, 2000); err != nil {
		t.Fatal(err)
	}
	w.until("the refund is seen", func() bool { return w.detail(inv.ID).Standing.Status == billing.PartiallyRefunded })
	if now := w.detail(inv.ID).Invoice.Version; now <= before.Invoice.Version {
		t.Errorf("version %d after a refund, was %d", now, before.Invoice.Version)
	}
	w.settled()
	w.verified()
}

// lastObject is what the account's last event of a type was about.
func (w *world) lastObject(account, typ string) json.RawMessage {
	w.t.Helper()
	var found json.RawMessage
	for _, body := range w.sandbox.Events(account) {
		var e struct {
			Type string
			Data struct{ Object json.RawMessage }
		}
		must(w.t, json.Unmarshal(body, &e))
		if e.Type == typ {
			found = e.Data.Object
		}
	}
	if found == nil {
		w.t.Fatalf("no event of type %s", typ)
	}
	return found
}
