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
	"trak/billing"
)

// TestPermutations delivers the events of real histories in random orders, with duplicates,
// partly at once, partly as events of another API version (of which no amount is believed), partly
// with half of them lost and everything read again later, signed and over HTTP, and compares all
// rows with those that the natural order left.
//
// Each delivered history has a workspace and an account of its own: copies whose ids end in
// _h and a number. What Trak asks Stripe about a copy is answered about the original, which
// holds the final truth. TRAK_PERMUTATIONS says how many there are; a failure names the seed,
// which TRAK_SEED repeats.
// Attack A17.
func TestPermutations(t *testing.T) {
	t.Parallel()
	total, seed := number(t, "TRAK_PERMUTATIONS", 300), uint64(number(t, "TRAK_SEED", int(rand.Uint32())))
	if testing.Short() {
		total = 60
	}
	gate := newGate()
	in := newInbox(t, inboxOptions{stripe: func(stripe http.Handler) string { return renaming(t, stripe, gate) }})

	var templates []*template
	for _, h := range sampleOf(histories, seed) {
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
				natural: k < 2, early: k%2 == 0, otherVersion: k%4 == 1, lossy: k%4 == 3,
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

	in.judged(copies)
	t.Logf("%d histories, seed %d", len(copies), seed)
}

// sampleOf is all of the list, or every fourth when tests are to be short: with the race detector
// each takes several times as long, and all are gone through without it.
func sampleOf[T any](list []T, seed uint64) (sample []T) {
	if !testing.Short() {
		return list
	}
	for i := int(seed % 4); i < len(list); i += 4 {
		sample = append(sample, list[i])
	}
	return sample
}

// judged says whether all came to what it has to.
func (in *inbox) judged(copies []*permuted) {
	in.t.Helper()
	if n := in.count("SELECT count(*) FROM stripe_webhook_events WHERE state NOT IN ('applied', 'ignored')"); n > 0 {
		in.t.Errorf("%d events were not applied", n)
	}
	if n := in.count("SELECT count(*) FROM stripe_webhook_events WHERE event_id LIKE '%\\_h%' ESCAPE '\\' AND source <> 'webhook'"); n > 0 {
		in.t.Errorf("%d events that were delivered came another way", n)
	}
	for _, p := range copies {
		if s := in.standing(p.actor(), p.rename(p.template.invoice)); p.natural && s != p.template.want {
			in.t.Errorf("%s: %s, want %s", p.template.name, s, p.template.want)
		}
	}
	in.verified()
}

// A history that is split over several lives of the process, with writes that fail in the middle
// and deliveries that are repeated after each start, comes to what it comes to without.
// Attack A26.
func TestPermutationsOverCrashes(t *testing.T) {
	t.Parallel()
	seed := uint64(number(t, "TRAK_SEED", int(rand.Uint32())))
	random := rand.New(rand.NewPCG(seed, 2))
	gate := newGate()
	in := newInbox(t, inboxOptions{stripe: func(stripe http.Handler) string { return renaming(t, stripe, gate) }})
	var copies []*permuted
	for _, h := range sampleOf(histories, seed) {
		tm := in.record(h)
		in.advance(time.Hour)
		for k := range 4 {
			copies = append(copies, &permuted{template: tm, number: len(copies) + 1, natural: k == 0, otherVersion: k == 3})
		}
	}
	in.idle()
	in.clone(copies)
	client := &fasthttp.Client{}
	t.Cleanup(client.CloseIdleConnections)

	type delivery struct {
		p    *permuted
		typ  string
		body []byte
	}
	var queue, done []delivery
	for _, p := range copies {
		for _, e := range p.events {
			d := delivery{p, typeOf(e), p.body(e)}
			if !p.natural {
				queue = append(queue, d)
				continue
			}
			status, err := in.deliverFast(client, d.body)
			if err != nil || status != http.StatusOK {
				t.Fatalf("%s: status %d, %v", d.typ, status, err)
			}
			p.order = append(p.order, d.typ)
		}
	}
	random.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	const lives = 6
	life, failed := max(1, len(queue)/lives), 0
	for n := 0; len(queue) > 0; n++ {
		d := queue[0]
		queue = queue[1:]
		if random.IntN(20) == 0 { // one of the statements of its transaction fails
			left := random.IntN(12)
			fault := func(string) error {
				if left--; left < 0 {
					return errors.New("disk I/O error")
				}
				return nil
			}
			in.fault.Store(&fault)
		}
		status, err := in.deliverFast(client, d.body)
		in.fault.Store(nil)
		if err != nil || status != http.StatusOK {
			failed++
			queue = append(queue, d) // Stripe tries again later
		} else {
			d.p.order = append(d.p.order, d.typ)
			done = append(done, d)
		}
		if n%life == life-1 {
			in.restart()
			for range len(done) / 5 { // as if the answer had been lost
				queue = append(queue, done[random.IntN(len(done))])
			}
			random.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
			done = nil
		}
	}
	in.idle()
	in.compare("over crashes", copies, seed)
	in.judged(copies)
	t.Logf("%d histories, %d writes failed, seed %d", len(copies), failed, seed)
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
		if p.otherVersion || p.lossy {
			want, have = withoutTimes(want), withoutTimes(have)
		}
		if want != have {
			in.t.Fatalf("%s, %s, TRAK_SEED=%d, copy %d (other version: %v, with losses: %v), delivered as\n%s\nleft\n%s\nnot, as in the natural order,\n%s",
				p.template.name, when, seed, p.number, p.otherVersion, p.lossy, strings.Join(p.order, "\n"), have, want)
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
	lossy        bool // half of the events are lost, and in the end everything is read again
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
	stripeForm = `(?:acct|evt|pi|ch|py|cs|re|plink|dp|issfr|prv|po|txn|ba)_[A-Za-z0-9_]+`
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

// body is an event as it is delivered to the copy.
func (p *permuted) body(e json.RawMessage) []byte {
	body := quotedID.ReplaceAll(e, []byte(`"${1}`+p.suffix()+`"`))
	if p.otherVersion {
		body = []byte(strings.Replace(string(body), `"api_version":"2023-10-16"`, `"api_version":"2026-08-26.dahlia"`, 1))
	}
	return body
}

// kindsRead are the objects that can be read, by Stripe's names, and as Trak calls them.
var kindsRead = map[string]string{
	"checkout.session": billing.ReadSession, "payment_intent": billing.ReadIntent, "charge": billing.ReadCharge,
	"payout": billing.ReadPayout, "review": billing.ReadReview,
}

// readAgain asks for everything that the copy's events were about to be read.
func (in *inbox) readAgain(p *permuted) {
	in.t.Helper()
	for _, e := range p.events {
		var object struct{ ID, Object string }
		must(in.t, json.Unmarshal(objectOf(e), &object))
		kind, ok := kindsRead[object.Object]
		if !ok {
			continue
		}
		_, err := in.raw.Exec(`INSERT INTO stripe_reads (stripe_account_id, kind, object_id, workspace_id, evidence_at, next_attempt_at)
			VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET asked = asked + 1, next_attempt_at = excluded.next_attempt_at`,
			in.account+p.suffix(), kind, object.ID+p.suffix(), p.actor().WorkspaceID, in.now().UnixMicro(), in.now().UnixMicro())
		must(in.t, err)
	}
}

// permute delivers a copy's events: shuffled, some of them twice, some at the same time.
func (in *inbox) permute(client *fasthttp.Client, p *permuted) {
	random := rand.New(rand.NewPCG(p.seed, 1))
	queue := append([]json.RawMessage(nil), p.events...)
	if p.lossy {
		random.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
		queue = queue[:(len(queue)+1)/2]
	} else if !p.natural {
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
			body := p.body(e)
			wg.Go(func() {
				if status, err := in.deliverFast(client, body); err != nil || status != http.StatusOK {
					in.t.Errorf("%s: status %d, %v", typeOf(e), status, err)
				}
			})
		}
		wg.Wait()
		queue = queue[n:]
	}
	if p.lossy {
		in.readAgain(p)
	}
}

// books is all that the facts of each copy have become, by the copy's mark; the originals have
// none. Left out are a
// payment's own id, how often an invoice was written and when, the last word on what was refunded
// of a charge and when a dispute was decided: an event says it at another time than a read, and what
// they are for, the flag needs_sync and the decision itself, is compared.
func (in *inbox) books() map[string]string {
	in.t.Helper()
	all := map[string]*strings.Builder{}
	for _, q := range []struct{ table, order string }{
		{"checkout_sessions", "session_id"}, {"payments", "payment_intent_id"}, {"charges", "charge_id"},
		{"refunds", "refund_id"}, {"disputes", "dispute_id"}, {"radar_alerts", "alert_id"}, {"payouts", "payout_id"},
		{"balance_transactions", "transaction_id"}, {"invoices", "id"},
	} {
		for _, values := range in.rows("SELECT * FROM " + q.table + " ORDER BY " + q.order) {
			mark := copyMark.FindString(fmt.Sprint(values["workspace_id"]))
			if all[mark] == nil {
				all[mark] = &strings.Builder{}
			}
			for _, c := range []string{"version", "updated_at", "refund_hint", "refund_hint_at", "rank_at"} {
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
