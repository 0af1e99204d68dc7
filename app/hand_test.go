package app_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"trak/app"
	"trak/billing"
	"trak/sandbox"
)

// byTransfer is the form of a bank transfer that came today.
func (w *world) byTransfer(amount string) app.HandInput {
	return app.HandInput{FormKey: uuid.NewString(), Amount: amount, ReceivedOn: w.today(0), Method: "bank_transfer", Reference: "RF18 5390"}
}

// today is the day where the workspace is, so many days on.
func (w *world) today(days int) string {
	return string(billing.Today(w.owner.Workspace.Location(), w.clock.now()).AddDays(days))
}

func (w *world) record(id string, in app.HandInput) {
	w.t.Helper()
	must(w.t, w.app.RecordPayment(context.Background(), w.owner, id, in))
}

func (w *world) takeBack(id, payment, amount string) error {
	return w.app.TakeBackPayment(context.Background(), w.owner, id, payment, app.TakeBackInput{FormKey: uuid.NewString(), Amount: amount, Note: "It was another client's"})
}

// stands fails unless an invoice has received so much, and so much of it is due.
func (w *world) stands(id string, status billing.Status, received, due int64) {
	w.t.Helper()
	s := w.detail(id).Standing
	if s.Status != status || s.Received != received || s.Due != due {
		w.t.Errorf("%s, received %d, due %d; not %s, %d, %d", s.Status, s.Received, s.Due, status, received, due)
	}
}

// openAt are the amounts of the links of the account that can be paid.
func (w *world) openAt(account string) (amounts []float64) {
	w.t.Helper()
	prices := map[any]float64{}
	for _, p := range w.atStripe(account, "prices") {
		prices[p["id"]] = p["unit_amount"].(float64)
	}
	for _, l := range w.atStripe(account, "payment_links") {
		if l["active"] == true {
			amounts = append(amounts, prices[ask[string](w, "SELECT stripe_price_id FROM payment_links WHERE stripe_link_id = '"+l["id"].(string)+"'")])
		}
	}
	return amounts
}

func TestRecordedPaymentReplacesTheLink(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		currency, total, came string
		due                   int64
	}{
		{"eur", "1,250.00", "400.10", 84990}, {"jpy", "50,000", "12,345", 37655}, {"kwd", "10.500", "3.250", 7250},
	} {
		bothModes(t, c.currency, func(t *testing.T, w *world) {
			account := w.connect()
			inv := w.invoiceIn(c.currency, c.total)
			w.record(inv.ID, w.byTransfer(c.came))
			// No worker is waited for: when the person is told, Stripe knows.
			w.stands(inv.ID, billing.PartiallyPaid, inv.Total-c.due, c.due)
			if got := w.openAt(account); len(got) != 1 || got[0] != float64(c.due) {
				t.Errorf("links for %v can be paid, not one for %d", got, c.due)
			}
			if l := w.detail(inv.ID).Link; l.State != "active" || l.StillOpen != 0 {
				t.Errorf("the link is %+v", l)
			}
			w.pay(inv.ID, "4242424242424242")
			w.until("the rest is paid", func() bool { return w.detail(inv.ID).Standing.Status == billing.Paid })
			w.stands(inv.ID, billing.Paid, inv.Total, 0)
			w.settled()
			w.verified()
		})
	}
}

func TestRecordedPaymentIsKnownBeforeStripeAgrees(t *testing.T) {
	t.Parallel()
	bothModes(t, "", func(t *testing.T, w *world) {
		w.answers(func(a *sandbox.Answers) { a.DeactivatedLinkClosesSessions, a.LimitHoldsAtCompletion = false, false })
		account := w.connect()
		inv := w.invoice("100")
		page, err := w.sandbox.Checkout(w.detail(inv.ID).Link.URL)
		must(t, err)
		w.sandbox.SetKnobs(sandbox.Knobs{Fail: sandbox.FailHang, FailMethod: "POST", FailPath: "/v1/payment_links", FailTimes: 1000})
		start := time.Now()
		w.record(inv.ID, w.byTransfer("60"))
		if took := time.Since(start); took > answersWithin {
			t.Errorf("a person waited for %s", took)
		}
		w.stands(inv.ID, billing.PartiallyPaid, 6000, 4000)
		d := w.detail(inv.ID)
		if d.Link.State != "creating" || d.Link.StillOpen != 10000 || !d.Waiting {
			t.Errorf("the page says %+v", d.Link)
		}
		// The client pays the old amount on a page that was open: it is too much, and not lost.
		w.sandbox.SetKnobs(sandbox.Knobs{})
		_, err = w.sandbox.Pay(page, sandboxCard)
		must(t, err)
		w.until("it has arrived", func() bool { return w.detail(inv.ID).Standing.Received == 16000 })
		w.stands(inv.ID, billing.Paid, 16000, 0)
		if d := w.detail(inv.ID); d.Invoice.Flags != billing.FlagOverpaid {
			t.Errorf("flags %q", d.Invoice.Flags)
		}
		w.until("nothing can be paid any more", func() bool {
			w.clock.advance(10 * time.Second)
			w.app.Wake()
			return len(w.openAt(account)) == 0 && w.detail(inv.ID).Link.StillOpen == 0
		})
		list := w.attention()
		if len(list) != 1 || list[0].Kind != app.AttentionOverpaid || list[0].Minor != 6000 || list[0].PaymentID == "" {
			t.Errorf("needs attention: %+v", list)
		}
		w.settled()
		w.verified()
	})
}

func TestRecordedPaymentCanBeTakenBack(t *testing.T) {
	t.Parallel()
	bothModes(t, "", func(t *testing.T, w *world) {
		account := w.connect()
		inv := w.invoice("100")
		w.record(inv.ID, w.byTransfer("100"))
		w.stands(inv.ID, billing.Paid, 10000, 0)
		if got := w.openAt(account); len(got) != 0 {
			t.Errorf("links for %v can be paid", got)
		}
		payment := w.detail(inv.ID).Payments[0].ID
		must(t, w.takeBack(inv.ID, payment, "30"))
		w.stands(inv.ID, billing.PartiallyPaid, 7000, 3000)
		if got := w.openAt(account); len(got) != 1 || got[0] != 3000 {
			t.Errorf("links for %v can be paid", got)
		}
		var wrong billing.FieldErrors
		if err := w.takeBack(inv.ID, payment, "70.01"); !errors.As(err, &wrong) || wrong["amount"] != "Only €70.00 of it is left" {
			t.Errorf("more than is left: %v", err)
		}
		other := w.invoice("20")
		w.pay(other.ID, "4242424242424242")
		w.until("the other one is paid", func() bool { return w.detail(other.ID).Standing.Status == billing.Paid })
		if err := w.takeBack(other.ID, payment, "10"); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("by another invoice: %v", err)
		}
		if err := w.takeBack(other.ID, w.detail(other.ID).Payments[0].ID, "10"); !errors.Is(err, app.ErrNotFound) {
			t.Errorf("what came through Stripe: %v", err)
		}
		must(t, w.takeBack(inv.ID, payment, "70"))
		w.stands(inv.ID, billing.Open, 0, 10000)
		d := w.detail(inv.ID)
		if d.Payments[0].Status != string(billing.TakenBack) || d.Payments[0].Gross != 0 || d.Hand[payment].Left != 0 || d.Hand[payment].Recorded != 10000 {
			t.Errorf("%+v, %+v", d.Payments[0], d.Hand[payment])
		}
		var told []string
		for _, m := range d.Timeline {
			if m.Kind == "recorded" || m.Kind == "taken_back" {
				told = append(told, m.Kind+" "+billing.FormatMoney(m.Money, "en")+" "+m.Who)
			}
		}
		if got := strings.Join(told, ", "); got != "recorded €100.00 Mira Osei, taken_back €30.00 Mira Osei, taken_back €70.00 Mira Osei" {
			t.Error(got)
		}
		if got := w.openAt(account); len(got) != 1 || got[0] != 10000 {
			t.Errorf("links for %v can be paid", got)
		}
		w.verified()
		// What a person recorded is checked like what Stripe told.
		w.exec("UPDATE payments SET gross = 500")
		if r := w.report(); len(r.Differences) == 0 {
			t.Error("a payment that does not come of its entries goes unnoticed")
		}
	})
}

func TestRecordedPaymentsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // without Stripe: it takes no connection
	ctx := context.Background()
	inv := w.invoice("100")
	for name, c := range map[string]struct {
		change       func(*app.HandInput)
		field, wants string
	}{
		"nothing":             {func(in *app.HandInput) { in.Amount = "0" }, "amount", ""},
		"below nothing":       {func(in *app.HandInput) { in.Amount = "-5" }, "amount", ""},
		"no amount":           {func(in *app.HandInput) { in.Amount = "" }, "amount", ""},
		"another currency":    {func(in *app.HandInput) { in.Amount = "50 USD" }, "amount", "This invoice is in EUR"},
		"too many decimals":   {func(in *app.HandInput) { in.Amount = "1.005" }, "amount", ""},
		"more than is due":    {func(in *app.HandInput) { in.Amount = "100.01" }, "amount", "more than the €100.00 that is due"},
		"tomorrow":            {func(in *app.HandInput) { in.ReceivedOn = w.today(1) }, "received_on", "still to come"},
		"long ago":            {func(in *app.HandInput) { in.ReceivedOn = w.today(-3654) }, "received_on", "ten years"},
		"no day":              {func(in *app.HandInput) { in.ReceivedOn = "" }, "received_on", ""},
		"no method":           {func(in *app.HandInput) { in.Method = "" }, "method", ""},
		"an unknown method":   {func(in *app.HandInput) { in.Method = "card" }, "method", ""},
		"a reference too far": {func(in *app.HandInput) { in.Reference = strings.Repeat("x", 121) }, "reference", ""},
	} {
		in := w.byTransfer("10")
		c.change(&in)
		var wrong billing.FieldErrors
		if err := w.app.RecordPayment(ctx, w.owner, inv.ID, in); !errors.As(err, &wrong) || len(wrong) != 1 || !strings.Contains(wrong[c.field], c.wants) || wrong[c.field] == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := draft(w, "10")
	void := w.invoice("10")
	must(t, w.app.VoidInvoice(ctx, w.owner, void.ID))
	for name, id := range map[string]string{"a draft": d.ID, "a void one": void.ID} {
		if err := w.app.RecordPayment(ctx, w.owner, id, w.byTransfer("10")); !errors.Is(err, app.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.app.RecordPayment(ctx, w.member, inv.ID, w.byTransfer("10")); !errors.Is(err, app.ErrForbidden) {
		t.Errorf("a member: %v", err)
	}
	if n := ask[int](w, "SELECT (SELECT count(*) FROM payments) + (SELECT count(*) FROM hand_entries)"); n != 0 {
		t.Errorf("%d rows", n)
	}
	// What is agreed to counts, and says that it is too much.
	in := w.byTransfer("100.01")
	in.TooMuch = true
	w.record(inv.ID, in)
	w.stands(inv.ID, billing.Paid, 10001, 0)
	// So does what was given up on.
	given := w.invoice("50")
	must(t, w.app.MarkUncollectible(ctx, w.owner, given.ID))
	w.record(given.ID, w.byTransfer("50"))
	w.stands(given.ID, billing.Paid, 5000, 0)
	w.verified()
}

func TestRecordedOnceHoweverOftenSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	inv := w.invoice("100")
	in := w.byTransfer("100")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := w.app.RecordPayment(ctx, w.owner, inv.ID, in); err != nil {
				t.Errorf("the same form once more: %v", err)
			}
		})
	}
	all.Wait()
	w.stands(inv.ID, billing.Paid, 10000, 0)
	// Something else in the same form is neither counted nor dropped unseen.
	var wrong billing.FieldErrors
	for name, change := range map[string]func(*app.HandInput){
		"another amount": func(in *app.HandInput) { in.Amount = "20" }, "another day": func(in *app.HandInput) { in.ReceivedOn = w.today(-1) },
		"another way": func(in *app.HandInput) { in.Method = "cash" }, "another reference": func(in *app.HandInput) { in.Reference += "7" },
	} {
		other := in
		change(&other)
		if err := w.app.RecordPayment(ctx, w.owner, inv.ID, other); !errors.As(err, &wrong) || !strings.Contains(wrong["amount"], "sent before") {
			t.Errorf("%s: %v", name, err)
		}
	}
	payment := w.detail(inv.ID).Payments[0].ID
	// Two people at once: what is taken back never comes to more than was recorded.
	took := make(chan error, 8)
	for range 8 {
		go func() { took <- w.takeBack(inv.ID, payment, "40") }()
	}
	done := 0
	for range 8 {
		if err := <-took; err == nil {
			done++
		} else if !errors.As(err, &wrong) {
			t.Error(err)
		}
	}
	if done != 2 {
		t.Errorf("taken back %d times", done)
	}
	w.stands(inv.ID, billing.PartiallyPaid, 2000, 8000)
	// And two who record the whole at once record it once.
	other := w.invoice("70")
	for range 4 {
		go func() { took <- w.app.RecordPayment(ctx, w.owner, other.ID, w.byTransfer("70")) }()
	}
	done = 0
	for range 4 {
		if err := <-took; err == nil {
			done++
		}
	}
	if done != 1 {
		t.Errorf("recorded %d times", done)
	}
	w.stands(other.ID, billing.Paid, 7000, 0)
	w.verified()
}

func TestRecordedPaymentBelongsToItsDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inv := w.invoice("100")
	in := w.byTransfer("100")
	in.ReceivedOn = w.today(-40)
	w.record(inv.ID, in)
	o, err := w.app.Overview(context.Background(), w.owner)
	must(t, err)
	if len(o.Received) != 0 {
		t.Errorf("this month received %+v of what came forty days ago", o.Received)
	}
	rows, _, err := w.app.Payments(context.Background(), w.owner, app.Cursor{})
	must(t, err)
	zone := w.owner.Workspace.Location()
	if len(rows) != 1 || time.UnixMicro(rows[0].HappenedAt).In(zone).Format(time.DateOnly) != in.ReceivedOn || rows[0].Method != "bank_transfer" || rows[0].Label.Text != "Succeeded" {
		t.Errorf("history: %+v", rows)
	}
	var p app.Public
	p, err = w.app.PublicInvoice(context.Background(), inv.Token)
	must(t, err)
	if h := p.Hand[rows[0].ID]; h.ReceivedOn != billing.Date(in.ReceivedOn) || h.Method != "bank_transfer" {
		t.Errorf("the client's page: %+v", h)
	}
}
