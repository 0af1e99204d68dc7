package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"trak/app"
	"trak/connect"
	"trak/sandbox"
)

// TestMonth lives through a month: accounts with invoices that are paid by all means, declined,
// refunded, disputed, reviewed, warned of, voided and paid twice, money that is paid out every day.
// Five of a hundred events are lost, five come twice, all are shuffled, and Stripe is away for an
// hour. After a sync nothing differs from Stripe, to the minor unit.
//
// TRAK_MONTH says how many invoices there are; a failure names the seed, which TRAK_SEED repeats.
func TestMonth(t *testing.T) {
	t.Parallel()
	m := newMonth(t, fromEnv(t, "TRAK_MONTH", 150), uint64(fromEnv(t, "TRAK_SEED", int(rand.Uint32()))))
	m.w.sandbox.SetKnobs(sandbox.Knobs{DropPercent: 5, DuplicatePercent: 5, Shuffle: true, AtOnce: 16})
	for m.day = range monthDays {
		if m.day == awayOn {
			m.w.sandbox.GoAway(time.Hour, false)
		}
		m.invoices()
		if m.day == awayOn { // what was begun waits for Stripe to come back
			m.w.clock.advance(time.Hour + time.Minute)
			m.w.app.Wake()
		}
		m.links()
		m.visits()
		m.follow()
		m.payOut()
		m.w.settled()
		m.w.clock.advance(24 * time.Hour)
	}
	m.lastDay()
	m.payOut()
	m.w.settled()
	m.healed()
}

// lastDay is one of which no event ever comes, and which begins after the accounts were read.
func (m *month) lastDay() {
	m.t.Helper()
	began := m.w.clock.now().UnixMicro()
	m.w.app.Wake()
	for _, account := range m.places {
		m.w.until(account+" was read", func() bool {
			return ask[int64](m.w, "SELECT last_done_at FROM sync_cursors WHERE stripe_account_id = ?", account) >= began
		})
	}
	m.w.sandbox.SetKnobs(sandbox.Knobs{Drop: true})
	m.follow()
	for _, account := range m.places {
		must(m.t, ignore(m.w.sandbox.PayInDashboard(account, "4242424242424242", "eur", 4200, "A friend")))
	}
}

const (
	monthDays = 28
	awayOn    = 14
)

func fromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	must(t, err)
	return n
}

type month struct {
	t      *testing.T
	w      *world
	seed   uint64
	random *rand.Rand
	each   int // invoices a day
	owners []app.Actor
	places []string // their accounts, at Stripe
	day    int
	open   []*monthly // invoices whose links are to be visited

	mu     sync.Mutex // of what follows
	later  map[int][]func()
	events map[string]int // what happened, how often
}

// monthly is an invoice of the month.
type monthly struct {
	owner    int
	id, link string
	currency string
	random   *rand.Rand // decides what happens to it
}

func newMonth(t *testing.T, invoices int, seed uint64) *month {
	t.Helper()
	m := &month{t: t, w: newWorld(t), seed: seed, random: rand.New(rand.NewPCG(seed, 7)), each: max(1, invoices/monthDays), later: map[int][]func(){}, events: map[string]int{}}
	ctx := context.Background()
	for n := range max(2, min(50, invoices/100)) {
		ws, err := m.w.app.CreateWorkspace(ctx, m.w.owner.UserID, app.NewWorkspace{Name: fmt.Sprintf("Studio %d", n), Country: "DE", Currency: "eur", TimeZone: "Europe/Berlin", Locale: "en"})
		must(t, err)
		owner, err := m.w.app.ActorIn(ctx, m.w.owner.UserID, ws.Slug)
		must(t, err)
		must(t, ignore(m.w.app.StartOnboarding(ctx, owner, "DE")))
		c, err := m.w.app.Connection(ctx, owner)
		must(t, err)
		must(t, m.w.sandbox.Onboard(c.Account.ID, "complete"))
		must(t, m.w.app.CheckAccount(ctx, owner))
		m.owners, m.places = append(m.owners, owner), append(m.places, c.Account.ID)
	}
	return m
}

// invoices makes those of a day, several at a time.
func (m *month) invoices() {
	m.t.Helper()
	made := make([]*monthly, m.each)
	for i := range made {
		random := rand.New(rand.NewPCG(m.seed, m.random.Uint64()))
		made[i] = &monthly{owner: random.IntN(len(m.owners)), currency: []string{"eur", "eur", "usd"}[random.IntN(3)], random: random}
	}
	m.sideBySide(made, func(i *monthly) {
		inv, err := m.w.app.CreateInvoice(context.Background(), m.owners[i.owner], app.InvoiceInput{
			ClientName: "Halden & Vik", Summary: "Work", Amount: strconv.Itoa(100 + i.owner), Currency: i.currency,
		}, true)
		if err != nil {
			m.t.Error(err)
			return
		}
		i.id = inv.ID
	})
	m.open = append(m.open, made...)
}

// links waits for them.
func (m *month) links() {
	m.t.Helper()
	m.sideBySide(m.open, func(i *monthly) {
		ctx := context.Background()
		m.w.until("the invoice has a link", func() bool {
			d, err := m.w.app.InvoiceDetail(ctx, m.owners[i.owner], i.id)
			if err != nil {
				m.t.Error(err)
			}
			i.link = d.Link.URL
			if i.link == "" {
				m.w.app.Wake()
				time.Sleep(5 * time.Millisecond)
			}
			return i.link != "" || err != nil
		})
	})
}

func (m *month) sideBySide(list []*monthly, do func(*monthly)) {
	todo := make([]func(), len(list))
	for n, i := range list {
		todo[n] = func() { do(i) }
	}
	m.doAll(todo)
}

// doAll does several things at a time.
func (m *month) doAll(todo []func()) {
	work := make(chan func(), len(todo))
	for _, do := range todo {
		work <- do
	}
	close(work)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for do := range work {
				do()
			}
		})
	}
	wg.Wait()
}

// visits has clients open the links and do what clients do.
func (m *month) visits() {
	m.t.Helper()
	m.sideBySide(m.open, m.visit)
	m.open = nil
}

func (m *month) visit(i *monthly) {
	if i.link == "" {
		return
	}
	switch n := i.random.IntN(100); {
	case n < 40:
		m.pay(i, "4242424242424242", nil)
	case n < 44:
		m.pay(i, "4000000000000002", nil) // declined, and nothing more
	case n < 50:
		m.pay(i, "4242424242424242", func(_, charge string) { m.count("refund", ignore(m.w.sandbox.Refund(charge, 2500))) })
	case n < 54:
		m.pay(i, "4242424242424242", func(_, charge string) { m.count("whole refund", ignore(m.w.sandbox.Refund(charge, 0))) })
	case n < 57:
		m.pay(i, "4000000000005126", func(_, charge string) { m.count("failing refund", ignore(m.w.sandbox.Refund(charge, 0))) })
	case n < 60:
		m.pay(i, "4000000000007726", func(_, charge string) { m.count("pending refund", ignore(m.w.sandbox.Refund(charge, 1000))) })
	case n < 66:
		won := i.random.IntN(2) == 0
		m.pay(i, "4242424242424242", func(_, charge string) {
			dispute, err := m.w.sandbox.Dispute(charge, "fraudulent", []int64{0, 3000}[i.random.IntN(2)])
			m.count("dispute", err)
			if i.random.IntN(3) > 0 { // otherwise nobody answers, and it is lost in time
				m.in(2, func() { m.count("decision", m.w.sandbox.CloseDispute(dispute, won)) })
			}
		})
	case n < 69:
		m.pay(i, "4242424242424242", func(_, charge string) {
			dispute, err := m.w.sandbox.Inquire(charge, "general", 0)
			m.count("inquiry", err)
			m.in(1, func() { m.count("escalation", m.w.sandbox.EscalateInquiry(dispute)) })
		})
	case n < 72:
		m.pay(i, "4000000000005423", func(_, charge string) { m.count("refund of a warning", ignore(m.w.sandbox.Refund(charge, 0))) })
	case n < 75:
		m.pay(i, "4000000000009235", func(_, charge string) { m.count("refund of a review", ignore(m.w.sandbox.Refund(charge, 500))) })
	case n < 80 && i.currency == "usd":
		m.pay(i, "000123456789", nil)
	case n < 83 && i.currency == "usd":
		m.pay(i, "000222222227", nil)
	case n < 86:
		m.count("void", m.w.app.VoidInvoice(context.Background(), m.owners[i.owner], i.id))
	case n < 89:
		m.count("twice", m.twice(i))
	case n < 91:
		m.count("in the dashboard", ignore(m.w.sandbox.PayInDashboard(m.places[i.owner], "4242424242424242", i.currency, 4200, "A friend")))
	case n < 93:
		m.count("booked by Stripe", ignore(m.w.sandbox.Adjust(m.places[i.owner], i.currency, 300, "Goodwill")))
		m.count("fee", ignore(m.w.sandbox.TakeFee(m.places[i.owner], i.currency, 200, "Radar")))
	case n < 96: // somebody opens it and leaves
		m.count("left open", ignore(m.w.sandbox.Checkout(i.link)))
	default: // paid days later
		m.in(1+i.random.IntN(9), func() { m.pay(i, "4242424242424242", nil) })
	}
}

// pay pays an invoice; what follows happens on another day.
func (m *month) pay(i *monthly, number string, follow func(session, charge string)) {
	m.t.Helper()
	session, err := m.w.sandbox.Checkout(i.link)
	if err == nil {
		_, err = m.w.sandbox.Pay(session, sandbox.Card{Number: number, Email: "ana@haldenvik.example"})
	}
	m.count("payment by "+number, err)
	if err != nil || follow == nil {
		return
	}
	intent := m.read(i.owner, "/v1/checkout/sessions/"+session)["payment_intent"].(string)
	charge := m.read(i.owner, "/v1/payment_intents/"+intent)["latest_charge"].(string)
	m.in(1+i.random.IntN(4), func() { follow(session, charge) })
}

// twice pays in two windows that were open at once.
func (m *month) twice(i *monthly) error {
	one, err := m.w.sandbox.Checkout(i.link)
	if err != nil {
		return err
	}
	two, err := m.w.sandbox.Checkout(i.link)
	if err != nil {
		return err
	}
	for _, session := range []string{one, two} {
		if _, err = m.w.sandbox.Pay(session, sandboxCard); err != nil {
			return err
		}
	}
	return nil
}

// count notes what happened. Some of it can't: a charge that was disputed can't be refunded.
func (m *month) count(what string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.events[what]++
	} else {
		m.events["not possible"]++
	}
}

// in has something happen so many days from now; what the month is too short for, on its last day.
func (m *month) in(days int, do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	day := min(m.day+days, monthDays)
	m.later[day] = append(m.later[day], do)
}

func (m *month) follow() {
	day := m.day
	if _, ok := m.later[day]; !ok && day == monthDays-1 {
		day = monthDays
	}
	for len(m.later[day]) > 0 {
		todo := m.later[day]
		m.later[day] = nil
		m.doAll(todo)
	}
	m.w.sandbox.SettleBankDebits()
	m.w.sandbox.SettleRefunds()
}

func (m *month) payOut() {
	payouts := m.w.sandbox.PayOutAll()
	m.events["payout"] += len(payouts)
	if m.day == 10 && len(payouts) > 0 {
		m.count("payout that comes back", m.w.sandbox.FailPayout(payouts[0]))
		for _, account := range m.places {
			m.count("bank account", ignore(m.w.sandbox.AddBank(account)))
		}
	}
	if m.day%2 == 1 {
		m.w.sandbox.SettlePayouts(false)
	}
}

// read is what Stripe has of an account.
func (m *month) read(owner int, path string) (o map[string]any) {
	m.t.Helper()
	r := httptest.NewRequest(http.MethodGet, m.w.sandbox.URL()+path, nil)
	r.Header.Set("Authorization", "Bearer sk_test_sandbox")
	r.Header.Set("Stripe-Account", m.places[owner])
	answer := httptest.NewRecorder()
	m.w.sandbox.ServeHTTP(answer, r)
	must(m.t, json.Unmarshal(answer.Body.Bytes(), &o))
	if answer.Code != http.StatusOK {
		m.t.Fatalf("%s: %s", path, answer.Body)
	}
	return o
}

// healed syncs, and compares everything with Stripe.
func (m *month) healed() {
	t, w := m.t, m.w
	t.Helper()
	before := m.compared()
	if len(before.Differences) == 0 {
		t.Error("nothing differed before the sync, so that it proves nothing")
	}
	for range 2 { // what the first finds may have Trak read more, which Stripe tells of
		for _, r := range w.syncNow(app.SyncRequest{}) {
			if r.Error != "" || !r.Done {
				t.Fatalf("TRAK_SEED=%d: %s was not read to its end: %s", m.seed, r.Account, r.Error)
			}
		}
		w.later("all work is done", func() bool {
			return ask[int](w, `SELECT (SELECT count(*) FROM stripe_reads WHERE next_attempt_at > 0) + (SELECT count(*) FROM payment_links WHERE next_attempt_at > 0)
				+ (SELECT count(*) FROM stripe_webhook_events WHERE next_attempt_at > 0)`) == 0
		})
		w.settled()
	}
	r := m.compared()
	for n, d := range r.Differences {
		if n == 10 {
			t.Errorf("and %d more", len(r.Differences)-n)
			break
		}
		t.Errorf("TRAK_SEED=%d: %s %s %s: %s", m.seed, d.Workspace, d.Kind, d.ID, d.What)
	}
	if got := len(r.Accounts); got != len(m.places) {
		t.Errorf("%d accounts were compared, not %d", got, len(m.places))
	}
	synced := ask[int](w, "SELECT count(*) FROM stripe_webhook_events WHERE source = 'sync'")
	if synced == 0 {
		t.Error("no event had to be looked for")
	}
	var kinds []string
	for kind, n := range m.events {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, n))
	}
	slices.Sort(kinds)
	t.Logf("seed %d: %d accounts, %d invoices, %d events of which %d were looked for; before the sync %d differences; %v", m.seed, len(m.places),
		r.Invoices, ask[int](w, "SELECT count(*) FROM stripe_webhook_events"), synced, len(before.Differences), kinds)
}

// compared does what `trak verify` does.
func (m *month) compared() app.VerifyReport {
	m.t.Helper()
	stripe, err := connect.New(connect.Config{SecretKey: "sk_test_sandbox", BaseURL: m.w.sandboxURL(), InstallID: "verify", BackgroundRate: 10_000})
	must(m.t, err)
	r, err := app.VerifyWith(context.Background(), m.w.db, app.VerifyOptions{Stripe: stripe})
	must(m.t, err)
	return r
}
