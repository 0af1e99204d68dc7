package app_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"trak/app"
	"trak/billing"
)

// What can't be applied is kept, tried at least once an hour for as long as it takes, and
// finished at once by a start of a Trak that can.
func TestFailedEventsAreNeverLost(t *testing.T) {
	t.Parallel()
	bothModes(t, "", func(t *testing.T, w *world) {
		w.connect()
		inv := w.invoice("120")
		w.until("the link is there", func() bool { return w.detail(inv.ID).Link.URL != "" })
		w.exec("CREATE TRIGGER broken BEFORE INSERT ON charges BEGIN SELECT RAISE(ABORT, 'not today'); END")
		w.pay(inv.ID, "4242424242424242")
		w.settled()
		failed := func() int64 {
			return ask[int64](w, "SELECT count(*) FROM stripe_webhook_events WHERE state = 'failed'")
		}
		kept := failed()
		if kept == 0 {
			t.Fatal("the planted failure has no effect")
		}
		rows, _, err := w.app.Events(context.Background(), w.owner, app.EventFilter{State: "failed"}, app.Cursor{})
		if must(t, err); int64(len(rows)) != kept || rows[0].Outcome == "" {
			t.Errorf("the inbox shows %+v", rows)
		}

		const month = 31 * 24 * time.Hour
		for end, tries := w.clock.now().Add(month), 0; w.clock.now().Before(end); tries++ {
			wait := time.UnixMicro(ask[int64](w, "SELECT max(next_attempt_at) FROM stripe_webhook_events WHERE state = 'failed'")).Sub(w.clock.now())
			if wait > 75*time.Minute {
				t.Fatalf("after %d tries the next one is %s off", tries, wait)
			}
			if w.clock.advance(75 * time.Minute); tries == 10 { // an hour from here on
				w.clock.advance(month)
			}
			w.until("all were tried again", func() bool {
				w.app.Wake()
				return ask[int64](w, fmt.Sprintf("SELECT count(*) FROM stripe_webhook_events WHERE state = 'failed' AND next_attempt_at > %d", w.clock.now().UnixMicro())) == kept
			})
		}

		w.stop()
		w.exec("DROP TRIGGER broken")
		w.start()
		w.until("all are applied", func() bool { return failed() == 0 })
		if d := w.detail(inv.ID); d.Standing.Status != billing.Paid || d.Standing.Received != 12000 {
			t.Errorf("the invoice is %+v", d.Standing)
		}
		w.verified()
	})
}
