package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"trak/app"
	"trak/sandbox"
)

// history is what happened at Stripe to one invoice.
type history struct {
	name     string
	currency string
	// happen makes it happen, with the address of the invoice's link and its id.
	happen func(in *inbox, link, id string)
	want   string // what Trak has to say in the end, see inbox.standing
	untold string // events with this in their type are never delivered
}

var histories = []history{
	{"a card pays", "eur", func(in *inbox, link, _ string) { in.pay(link, "4242424242424242") },
		"paid received 50000 due 0 payments 1", ""},
	{"a declined card, then another on the same intent", "eur", func(in *inbox, link, _ string) {
		session := in.open(link)
		in.submit(session, "4000000000000002")
		in.advance(5 * time.Second)
		in.submit(session, "4000000000009995")
		in.advance(5 * time.Second)
		in.submit(session, "4242424242424242")
	}, "paid received 50000 due 0 payments 1", ""},
	{"3-D Secure, failed and then passed", "eur", func(in *inbox, link, _ string) {
		session := in.open(link)
		for _, passed := range []bool{false, true} {
			in.submit(session, "4000002760003184")
			in.advance(5 * time.Second)
			_, err := in.sandbox.Authenticate(session, passed)
			must(in.t, err)
		}
	}, "paid received 50000 due 0 payments 1", ""},
	{"refunded in part, twice", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4242424242424242") })
		for _, amount := range []int64{12000, 500} {
			in.advance(time.Minute)
			in.refund(intent, amount)
		}
	}, "partially_refunded received 50000 due 0 payments 1", ""},
	{"refunded whole", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4242424242424242") })
		in.advance(time.Minute)
		in.refund(intent, 0)
	}, "refunded received 50000 due 0 payments 1", ""},
	{"refunded in part, and only the charge says so, without its refunds", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4242424242424242") })
		in.advance(time.Minute)
		in.refund(intent, 12000)
	}, "partially_refunded received 50000 due 0 payments 1", "refund."},
	{"a refund that fails after it succeeded", "eur", func(in *inbox, link, _ string) {
		intent := in.intent(func() { in.pay(link, "4000000000005126") })
		in.refund(intent, 7000)
		in.advance(time.Hour)
		in.sandbox.SettleRefunds()
	}, "paid received 50000 due 0 payments 1 refund_failed", ""},
	{"a bank debit that settles", "usd", func(in *inbox, link, _ string) {
		in.pay(link, "000123456789")
		in.advance(time.Hour)
		in.sandbox.SettleBankDebits()
	}, "paid received 50000 due 0 payments 1", ""},
	{"a bank debit that fails, then a card through the next link", "usd", func(in *inbox, link, id string) {
		n := len(in.events(0))
		in.pay(link, "000222222227")
		in.advance(time.Hour)
		in.sandbox.SettleBankDebits()
		// Only once Trak knows is there another link.
		in.delivered(in.events(n)...)
		in.advance(time.Hour)
		in.pay(in.link(in.owner, id), "4242424242424242")
	}, "paid received 50000 due 0 payments 2", ""},
	{"two checkouts that were open at once", "eur", func(in *inbox, link, _ string) {
		defer in.answers(func(a *sandbox.Answers) { a.DeactivatedLinkClosesSessions, a.LimitHoldsAtCompletion = false, false })()
		one, two := in.open(link), in.open(link)
		in.submit(one, "4242424242424242")
		in.advance(time.Second)
		in.submit(two, "4242424242424242")
	}, "paid received 100000 due 0 payments 2 overpaid", ""},
	{"two checkouts that were open at once, of which Stripe lets one complete", "eur", func(in *inbox, link, _ string) {
		defer in.answers(func(a *sandbox.Answers) { a.LimitHoldsAtCompletion = true })()
		one, two := in.open(link), in.open(link)
		in.submit(one, "4242424242424242")
		in.advance(time.Second)
		if _, err := in.sandbox.Pay(two, sandbox.Card{Number: "4242424242424242"}); !errors.Is(err, sandbox.ErrClosed) {
			in.t.Errorf("the second: %v", err)
		}
	}, "paid received 50000 due 0 payments 1", ""},
	{"paid after it was voided", "eur", func(in *inbox, link, id string) {
		in.pay(link, "4242424242424242")
		must(in.t, in.app.VoidInvoice(context.Background(), in.owner, id))
	}, "paid received 50000 due 0 payments 1 paid_after_void", ""},
	{"paid after it was given up on", "eur", func(in *inbox, link, id string) {
		in.pay(link, "4242424242424242")
		must(in.t, in.app.MarkUncollectible(context.Background(), in.owner, id))
	}, "paid received 50000 due 0 payments 1", ""},
	{"a bank debit that fails after it was given up on", "usd", func(in *inbox, link, id string) {
		in.pay(link, "000222222227")
		must(in.t, in.app.MarkUncollectible(context.Background(), in.owner, id))
		in.advance(time.Hour)
		in.sandbox.SettleBankDebits()
	}, "uncollectible received 0 due 50000 payments 1", ""},
	{"given up on, reopened, then paid", "eur", func(in *inbox, link, id string) {
		must(in.t, in.app.MarkUncollectible(context.Background(), in.owner, id))
		must(in.t, in.app.ReopenInvoice(context.Background(), in.owner, id))
		in.pay(in.link(in.owner, id), "4242424242424242")
	}, "paid received 50000 due 0 payments 1", ""},
	{"a checkout that expired, then one that was paid", "eur", func(in *inbox, link, _ string) {
		session := in.open(link)
		in.submit(session, "4000000000000002")
		in.advance(25 * time.Hour)
		in.pay(link, "4242424242424242")
	}, "paid received 50000 due 0 payments 2", ""},
}

// answers changes what Stripe's open questions are answered with, until restore is called.
func (in *inbox) answers(change func(*sandbox.Answers)) (restore func()) {
	before := in.sandbox.Answers()
	now := before
	change(&now)
	in.sandbox.SetAnswers(now)
	return func() { in.sandbox.SetAnswers(before) }
}

func (in *inbox) open(link string) string {
	in.t.Helper()
	session, err := in.sandbox.Checkout(link)
	must(in.t, err)
	return session
}

// intent is the payment intent that a payment was made with.
func (in *inbox) intent(pay func()) string {
	in.t.Helper()
	n := len(in.events(0))
	pay()
	var e struct {
		Data struct{ Object struct{ ID string } }
	}
	must(in.t, json.Unmarshal(ofType(in.t, in.events(n), "payment_intent.succeeded"), &e))
	return e.Data.Object.ID
}

func (in *inbox) refund(intent string, amount int64) {
	in.t.Helper()
	_, err := in.sandbox.Refund(intent, amount)
	must(in.t, err)
}

// TestPermutations delivers the events of real histories in random orders, with duplicates,
// partly at once, partly as events of another API version (of which no amount is believed),
// signed and over HTTP, and compares all rows with those that the natural order left.
//
// Each delivered history has a workspace and an account of its own: copies whose ids end in
// _h and a number. What Trak asks Stripe about a copy is answered about the original, which
// holds the final truth. TRAK_PERMUTATIONS says how many there are; a failure names the seed,
// which TRAK_SEED repeats.
func TestPermutations(t *testing.T) {
	t.Parallel()
	total, seed := number(t, "TRAK_PERMUTATIONS", 300), uint64(number(t, "TRAK_SEED", int(rand.Uint32())))
	if testing.Short() {
		total = 60
	}
	gate := newGate()
	in := newInbox(t, inboxOptions{stripe: func(stripe http.Handler) string { return renaming(t, stripe, gate) }})

	var templates []*template
	for _, h := range histories {
		templates = append(templates, in.record(h))
		in.advance(time.Hour)
	}
	in.idle()
	each := (total + len(templates) - 1) / len(templates)
	var copies []*permuted
	for i, tm := range templates {
		for k := range 2 + each { // two in the natural order are what the others are compared with
			copies = append(copies, &permuted{
				template: tm, number: len(copies) + 1, seed: seed + uint64(i)<<32 + uint64(k),
				natural: k < 2, early: k%2 == 0, otherVersion: k%4 == 1,
			})
		}
	}
	in.clone(copies)

	client := &fasthttp.Client{}
	t.Cleanup(client.CloseIdleConnections)
	// First those of which Stripe says nothing but the events, until all are compared; then the
	// others, while what they ask for is read.
	gate.close()
	t.Cleanup(gate.open)
	in.wave(client, copies, func(p *permuted) bool { return p.early })
	in.compare("before anything was read", copies, seed)
	gate.open()
	in.wave(client, copies, func(p *permuted) bool { return !p.early })
	in.idle()
	in.compare("in the end", copies, seed)

	if n := in.count("SELECT count(*) FROM stripe_webhook_events WHERE state NOT IN ('applied', 'ignored')"); n > 0 {
		t.Errorf("%d events were not applied", n)
	}
	for _, p := range copies {
		if s := in.standing(p.actor(), p.rename(p.template.invoice)); p.natural && s != p.template.want {
			t.Errorf("%s: %s, want %s", p.template.name, s, p.template.want)
		}
	}
	in.verified()
	t.Logf("%d histories, seed %d", len(copies), seed)
}

// In own mode all is paid into one account: the histories of several invoices are delivered
// mixed up, with duplicates, and each has to come to what it comes to in order.
func TestPermutationsInOwnMode(t *testing.T) {
	t.Parallel()
	seed := uint64(number(t, "TRAK_SEED", int(rand.Uint32())))
	for round := range 4 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			in := newInbox(t, inboxOptions{own: true})
			var templates []*template
			var queue []json.RawMessage
			for _, h := range histories {
				tm := in.record(h)
				templates = append(templates, tm)
				queue = append(queue, tm.events...)
				in.advance(time.Hour)
			}
			random := rand.New(rand.NewPCG(seed, uint64(round)))
			for range len(queue) / 2 {
				queue = append(queue, queue[random.IntN(len(queue))])
			}
			random.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
			in.delivered(queue...)
			in.idle()
			for _, tm := range templates {
				if s := in.standing(in.owner, tm.invoice); s != tm.want {
					t.Errorf("%s, TRAK_SEED=%d: %s, want %s", tm.name, seed, s, tm.want)
				}
			}
			in.verified()
		})
	}
}

// wave delivers some of the copies, many at a time.
func (in *inbox) wave(client *fasthttp.Client, copies []*permuted, some func(*permuted) bool) {
	work := make(chan *permuted)
	var wg sync.WaitGroup
	for range 4 * runtime.NumCPU() {
		wg.Go(func() {
			for p := range work {
				in.permute(client, p)
			}
		})
	}
	for _, p := range copies {
		if some(p) {
			work <- p
		}
	}
	close(work)
	wg.Wait()
}

// compare sets each copy that was delivered against the one in the natural order.
func (in *inbox) compare(when string, copies []*permuted, seed uint64) {
	in.t.Helper()
	got := in.books()
	natural := map[*template]*permuted{}
	for _, p := range copies {
		if p.natural && !p.otherVersion {
			natural[p.template] = p
		}
	}
	for _, p := range copies {
		want, have := got[natural[p.template].suffix()], got[p.suffix()]
		if len(p.order) == 0 {
			continue // not delivered yet
		}
		if p.otherVersion {
			want, have = withoutTimes(want), withoutTimes(have)
		}
		if want != have {
			in.t.Fatalf("%s, %s, TRAK_SEED=%d, copy %d (other version: %v), delivered as\n%s\nleft\n%s\nnot, as in the natural order,\n%s",
				p.template.name, when, seed, p.number, p.otherVersion, strings.Join(p.order, "\n"), have, want)
		}
	}
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	must(t, err)
	return n
}

// template is a history that happened: its events, and the rows that were there before.
type template struct {
	history
	invoice string
	events  []json.RawMessage
	rows    []row
}

type row struct {
	table  string
	values map[string]any
}

// record makes a history happen.
func (in *inbox) record(h history) *template {
	in.t.Helper()
	tm := &template{history: h}
	inv, link := in.invoice(in.owner, "500", h.currency)
	tm.invoice = inv.ID
	n := len(in.events(0))
	h.happen(in, link, inv.ID)
	for _, e := range in.events(n) {
		if h.untold == "" || !strings.Contains(typeOf(e), h.untold) {
			tm.events = append(tm.events, e)
		}
	}
	for _, q := range []struct{ table, where, id string }{
		{"workspaces", "id", in.owner.WorkspaceID},
		{"memberships", "workspace_id", in.owner.WorkspaceID},
		{"stripe_connect_accounts", "workspace_id", in.owner.WorkspaceID},
		{"clients", "workspace_id", in.owner.WorkspaceID},
		{"invoices", "id", inv.ID},
		{"invoice_lines", "invoice_id", inv.ID},
		{"payment_links", "invoice_id", inv.ID},
	} {
		for _, values := range in.rows("SELECT * FROM " + q.table + " WHERE " + q.where + " = '" + q.id + "'") {
			if q.table == "invoices" {
				values["number"] = "INV-0001" // the only one of its workspace
			}
			if q.table == "payment_links" {
				values["next_attempt_at"], values["claimed_until"] = int64(0), int64(0)
			}
			tm.rows = append(tm.rows, row{q.table, values})
		}
	}
	counter := map[string]any{"workspace_id": in.owner.WorkspaceID, "livemode": false, "series": "invoice", "last": int64(1)}
	tm.rows = append(tm.rows, row{"counters", counter})
	return tm
}

func (in *inbox) rows(query string) (all []map[string]any) {
	in.t.Helper()
	rows, err := in.raw.Query(query)
	must(in.t, err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	must(in.t, err)
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		must(in.t, rows.Scan(into...))
		m := map[string]any{}
		for i, c := range columns {
			m[c] = values[i]
		}
		all = append(all, m)
	}
	must(in.t, rows.Err())
	return all
}

// permuted is one copy of a history, delivered in an order of its own.
type permuted struct {
	*template
	number       int
	natural      bool // in the order in which things happened, each event once
	early        bool // delivered while Stripe answers nothing
	otherVersion bool
	seed         uint64
	order        []string
}

func (p *permuted) suffix() string { return fmt.Sprintf("_h%d", p.number) }

func (p *permuted) actor() (a app.Actor) {
	a.Role = app.Owner
	a.WorkspaceID = p.rename(p.rows[0].values["id"].(string))
	a.Workspace.TimeZone = "UTC"
	return a
}

const (
	uuidForm   = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`
	stripeForm = `(?:acct|evt|pi|ch|py|cs|re|plink)_[A-Za-z0-9_]+`
)

var (
	wholeID  = regexp.MustCompile(`^(?:` + uuidForm + `|` + stripeForm + `)$`)
	quotedID = regexp.MustCompile(`"(` + uuidForm + `|` + stripeForm + `)"`)
	copyMark = regexp.MustCompile(`_h[0-9]+`)
)

// rename gives an id the copy's mark.
func (p *permuted) rename(s string) string {
	if wholeID.MatchString(s) {
		return s + p.suffix()
	}
	return s
}

// clone puts the rows of the copies into the database.
func (in *inbox) clone(copies []*permuted) {
	in.t.Helper()
	tx, err := in.raw.Begin()
	must(in.t, err)
	for _, p := range copies {
		for _, r := range p.rows {
			var columns, marks []string
			var values []any
			for c, v := range r.values {
				if s, ok := v.(string); ok {
					switch c {
					case "user_id", "created_by", "connected_by": // people are not copied
					case "slug", "token", "idempotency_key":
						v = s + p.suffix()
					default:
						v = p.rename(s)
					}
				}
				columns, marks, values = append(columns, c), append(marks, "?"), append(values, v)
			}
			_, err := tx.Exec("INSERT INTO "+r.table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", values...)
			must(in.t, err)
		}
	}
	must(in.t, tx.Commit())
}

// deliverFast is deliver with a client that costs less than the server does.
func (in *inbox) deliverFast(client *fasthttp.Client, body []byte) (int, error) {
	q, a := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(q)
	defer fasthttp.ReleaseResponse(a)
	q.SetRequestURI(in.url + "/api/stripe/webhook")
	q.Header.SetMethod(http.MethodPost)
	q.Header.Set("Stripe-Signature", sign(body, in.now(), in.secrets[0]))
	q.SetBodyRaw(body)
	err := client.Do(q, a)
	return a.StatusCode(), err
}

// permute delivers a copy's events: shuffled, some of them twice, some at the same time.
func (in *inbox) permute(client *fasthttp.Client, p *permuted) {
	random := rand.New(rand.NewPCG(p.seed, 1))
	queue := append([]json.RawMessage(nil), p.events...)
	if !p.natural {
		for range random.IntN(len(queue)) {
			queue = append(queue, queue[random.IntN(len(p.events))])
		}
		random.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	}
	for len(queue) > 0 {
		n := 1
		if !p.natural && random.IntN(3) == 0 {
			n = min(len(queue), 1+random.IntN(3))
		}
		var wg sync.WaitGroup
		for _, e := range queue[:n] {
			p.order = append(p.order, fmt.Sprintf("%s (%d at once)", typeOf(e), n))
			body := quotedID.ReplaceAll(e, []byte(`"${1}`+p.suffix()+`"`))
			if p.otherVersion {
				body = []byte(strings.Replace(string(body), `"api_version":"2023-10-16"`, `"api_version":"2026-08-26.dahlia"`, 1))
			}
			wg.Go(func() {
				if status, err := in.deliverFast(client, body); err != nil || status != http.StatusOK {
					in.t.Errorf("%s: status %d, %v", typeOf(e), status, err)
				}
			})
		}
		wg.Wait()
		queue = queue[n:]
	}
}

// books is all that the facts of each copy have become, by the copy's mark. Left out are a
// payment's own id, how often an invoice was written and when, and the last word on what was
// refunded of a charge: an event says it at another time than a read, and what it is for, the
// flag needs_sync, is compared.
func (in *inbox) books() map[string]string {
	in.t.Helper()
	all := map[string]*strings.Builder{}
	for _, q := range []struct{ table, order string }{
		{"checkout_sessions", "session_id"}, {"payments", "payment_intent_id"}, {"charges", "charge_id"},
		{"refunds", "refund_id"}, {"invoices", "id"},
	} {
		for _, values := range in.rows("SELECT * FROM " + q.table + " ORDER BY " + q.order) {
			mark := copyMark.FindString(fmt.Sprint(values["workspace_id"]))
			if mark == "" {
				continue
			}
			if all[mark] == nil {
				all[mark] = &strings.Builder{}
			}
			for _, c := range []string{"version", "updated_at", "refund_hint", "refund_hint_at"} {
				delete(values, c)
			}
			if q.table == "payments" {
				delete(values, "id")
			}
			line, err := json.Marshal(values)
			must(in.t, err)
			fmt.Fprintf(all[mark], "%s %s\n", q.table, copyMark.ReplaceAll(line, nil))
		}
	}
	texts := map[string]string{}
	for mark, b := range all {
		texts[mark] = b.String()
	}
	return texts
}

var times = regexp.MustCompile(`"(paid_at|happened_at|provisional_at)":[0-9]+`)

// withoutTimes leaves out when things were first known to be paid: a read begun for an earlier
// event may find it.
func withoutTimes(books string) string { return times.ReplaceAllString(books, `"$1":0`) }

// renaming stands between Trak and the sandbox: it asks about the original what Trak asks
// about a copy, and gives the answer the copy's ids.
func renaming(t *testing.T, stripe http.Handler, gate *gate) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account := r.Header.Get("Stripe-Account")
		mark := copyMark.FindString(account + r.URL.Path)
		if mark == "" {
			stripe.ServeHTTP(w, r)
			return
		}
		gate.pass(r.Context())
		r.Header.Set("Stripe-Account", copyMark.ReplaceAllString(account, ""))
		r.URL.Path = copyMark.ReplaceAllString(r.URL.Path, "")
		r.URL.RawQuery = copyMark.ReplaceAllString(r.URL.RawQuery, "")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(copyMark.ReplaceAll(body, nil)))
		answer := httptest.NewRecorder()
		stripe.ServeHTTP(answer, r)
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(quotedID.ReplaceAll(answer.Body.Bytes(), []byte(`"${1}`+mark+`"`)))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// gate lets calls pass while it is open; the others wait.
type gate struct {
	mu     sync.Mutex
	opened chan struct{}
}

func newGate() *gate {
	g := &gate{opened: make(chan struct{})}
	close(g.opened)
	return g
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened = make(chan struct{})
}

func (g *gate) pass(ctx context.Context) {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	select {
	case <-opened:
	case <-ctx.Done():
	}
}
