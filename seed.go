package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"trak/app"
	"trak/billing"
	"trak/connect"
	"trak/db"
	"trak/sandbox"
)

// seed fills the demo through the use-cases that people use and the signed webhooks that the
// sandbox sends, at the moments of a made-up history.
type seed struct {
	app    *app.App
	stripe *sandbox.Server
	clock  *demoClock
}

// stateFile is where the sandbox keeps what it knows, beside the demo's data.
func stateFile(dir string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "sandbox.json")
}

// run does nothing when the data directory holds a demo already.
func (s *seed) run(ctx context.Context) error {
	if link, err := s.app.SetupLink(ctx); err != nil || link == "" {
		return err
	}
	if _, err := s.app.EnsureWebhook(ctx); err != nil {
		return err
	}
	s.clock.back(75)
	defer s.clock.toNow()
	owners, err := s.teams(ctx)
	if err != nil {
		return err
	}
	northlight, club := newTeam(s, owners[0]), newTeam(s, owners[1])
	if err := northlight.connect(ctx); err != nil {
		return fmt.Errorf("connect %s: %w", owners[0].Workspace.Name, err)
	}
	for _, d := range studioHistory {
		if err := northlight.tell(ctx, d); err != nil {
			return fmt.Errorf("%s, %s: %w", d.client, d.summary, err)
		}
		if d.paidOut {
			if err := s.payOut(ctx, d.daysAgo-1); err != nil {
				return err
			}
		}
	}
	for _, d := range clubHistory {
		if err := club.tell(ctx, d); err != nil {
			return fmt.Errorf("%s, %s: %w", d.client, d.summary, err)
		}
	}
	return s.goTo(ctx, 0)
}

// payOut sends what is there to the bank, where it arrives two days later.
func (s *seed) payOut(ctx context.Context, daysAgo float64) error {
	if err := s.goTo(ctx, daysAgo); err != nil {
		return err
	}
	s.stripe.PayOutAll()
	if err := s.goTo(ctx, daysAgo-2); err != nil {
		return err
	}
	s.stripe.SettlePayouts(false)
	return nil
}

// teams makes the people of all workspaces side by side, because a password takes its time,
// then the workspaces. It returns the owners.
func (s *seed) teams(ctx context.Context) ([]app.Actor, error) {
	users := map[string]app.User{}
	made := make(chan app.User)
	g, gctx := errgroup.WithContext(ctx)
	n := 0
	for _, t := range demoTeams {
		for _, p := range t.people {
			n++
			g.Go(func() error {
				u, err := s.app.CreateUser(gctx, app.NewUser{Name: p.name, Email: p.email, Password: p.password})
				made <- u
				return err
			})
		}
	}
	for range n {
		u := <-made
		users[u.Email] = u
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("create people: %w", err)
	}
	var owners []app.Actor
	for _, t := range demoTeams {
		owner := users[t.people[0].email]
		w, err := s.app.CreateWorkspace(ctx, owner.ID, t.in)
		if err != nil {
			return nil, fmt.Errorf("create %s: %w", t.name, err)
		}
		for _, p := range t.people[1:] {
			if err := s.app.AddMember(ctx, w.ID, users[p.email].ID, p.role); err != nil {
				return nil, fmt.Errorf("add %s: %w", p.name, err)
			}
		}
		actor, err := s.app.ActorIn(ctx, owner.ID, w.Slug)
		if err != nil {
			return nil, err
		}
		owners = append(owners, actor)
	}
	return owners, nil
}

// deed is one invoice of the history: when it was written, what is on it, and what became of it.
type deed struct {
	daysAgo  float64
	client   string
	email    string
	summary  string
	amount   string
	lines    []app.LineInput
	currency string
	dueIn    int // days, 0 = no date
	project  string
	then     []step
	paidOut  bool // Stripe pays out all that is there, a day later
}

// step is something that happened to an invoice, some days after it was written.
type step struct {
	after float64
	do    func(context.Context, *team, db.Invoice) error
	want  billing.Status // what the invoice is then, once Stripe's events are in
}

type team struct {
	*seed
	owner    app.Actor
	projects map[string]string // ids by name
}

func newTeam(s *seed, owner app.Actor) *team {
	return &team{seed: s, owner: owner, projects: map[string]string{"": ""}}
}

// project is the id of a project, which is made when an invoice of it is written for the first time.
func (t *team) project(ctx context.Context, name string) (string, error) {
	if id, ok := t.projects[name]; ok {
		return id, nil
	}
	p, err := t.app.CreateProject(ctx, t.owner, app.ProjectInput{Name: name, Note: demoNotes[name]})
	t.projects[name] = p.ID
	return p.ID, err
}

func (t *team) connect(ctx context.Context) error {
	if _, err := t.app.StartOnboarding(ctx, t.owner, t.owner.Workspace.Country); err != nil {
		return err
	}
	c, err := t.app.Connection(ctx, t.owner)
	if err != nil {
		return err
	}
	if err := t.stripe.Onboard(c.Account.ID, "complete"); err != nil {
		return err
	}
	return until(ctx, "the account is active", func() (bool, error) {
		c, err := t.app.Connection(ctx, t.owner)
		return c.Stage == connect.StageActive, err
	})
}

func (t *team) tell(ctx context.Context, d deed) error {
	if err := t.goTo(ctx, d.daysAgo); err != nil {
		return err
	}
	due := ""
	if d.dueIn > 0 {
		due = t.clock.now().AddDate(0, 0, d.dueIn).Format(time.DateOnly)
	}
	project, err := t.project(ctx, d.project)
	if err != nil {
		return err
	}
	inv, err := t.app.CreateInvoice(ctx, t.owner, app.InvoiceInput{
		ProjectID: project, ClientName: d.client, ClientEmail: d.email, Summary: d.summary, Amount: d.amount, Lines: d.lines, Currency: d.currency, Due: due,
	}, d.then != nil)
	if err != nil {
		return err
	}
	for _, s := range d.then {
		if err := t.goTo(ctx, max(0, d.daysAgo-s.after)); err != nil {
			return err
		}
		if err := s.do(ctx, t, inv); err != nil {
			return err
		}
		if s.want == "" {
			continue
		}
		err := until(ctx, string(s.want), func() (bool, error) {
			got, err := t.app.InvoiceDetail(ctx, t.owner, inv.ID)
			return got.Standing.Status == s.want && len(got.Standing.Flags) == 0 || got.Label.Key == string(s.want), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// goTo moves the clock once every webhook is delivered: one that is under way would arrive
// with a signature from another time.
func (s *seed) goTo(ctx context.Context, daysAgo float64) error {
	if err := s.stripe.Settle(ctx); err != nil {
		return fmt.Errorf("wait for webhooks: %w", err)
	}
	s.clock.back(daysAgo)
	return nil
}

// until waits for what the sandbox's events bring about.
func until(ctx context.Context, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %q: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// nothing leaves an invoice open.
func nothing(context.Context, *team, db.Invoice) error { return nil }

func copied(ctx context.Context, t *team, inv db.Invoice) error {
	return t.app.MarkSent(ctx, t.owner, inv.ID)
}

func viewed(ctx context.Context, t *team, inv db.Invoice) error {
	return t.app.Viewed(ctx, inv.Token)
}

func voided(ctx context.Context, t *team, inv db.Invoice) error {
	return t.app.VoidInvoice(ctx, t.owner, inv.ID)
}

func payWith(number string) func(context.Context, *team, db.Invoice) error {
	return func(ctx context.Context, t *team, inv db.Invoice) error {
		d, err := t.app.InvoiceDetail(ctx, t.owner, inv.ID)
		if err != nil {
			return err
		}
		session, err := t.stripe.Checkout(d.Link.URL)
		if err != nil {
			return err
		}
		_, err = t.stripe.Pay(session, sandbox.Card{Number: number, Email: d.Invoice.BuyerEmail})
		return err
	}
}

// refund gives back minor units of the payment, 0 = all that is left, as in Stripe's dashboard.
func refund(minor int64) func(context.Context, *team, db.Invoice) error {
	return func(ctx context.Context, t *team, inv db.Invoice) error {
		d, err := t.app.InvoiceDetail(ctx, t.owner, inv.ID)
		if err != nil {
			return err
		}
		_, err = t.stripe.Refund(d.Payments[0].PaymentIntentID, minor)
		return err
	}
}

// Test cards and accounts of the sandbox.
const (
	goodCard     = "4242424242424242"
	declinedCard = "4000000000000002"
	slowDebit    = "000123456789"
)

func paidAfter(days float64) []step {
	return []step{{0.1, copied, ""}, {days / 2, viewed, ""}, {days, payWith(goodCard), billing.Paid}}
}

// Projects of the studio, and what the team has noted about one.
const (
	rebrand   = "Halden & Vik rebrand"
	care      = "Website care"
	packaging = "Packaging and print"
)

var demoNotes = map[string]string{rebrand: "Two phases, then a retainer.\nAna signs off each phase before it is invoiced."}

var studioHistory = []deed{
	{daysAgo: 70, client: "Lumen Labs", email: "accounts@lumen.example", summary: "Website care, September", amount: "450", dueIn: 14, project: care, then: paidAfter(4)},
	{daysAgo: 62, client: "Halden & Vik", email: "ana@haldenvik.example", summary: "Brand identity, phase 1", amount: "2,400", dueIn: 14, project: rebrand, then: paidAfter(9)},
	{daysAgo: 48, client: "Kestrel Cycles", email: "office@kestrelcycles.example", summary: "Autumn campaign", amount: "148,000", currency: "jpy", dueIn: 30, then: paidAfter(8)},
	{daysAgo: 41, client: "Oru Coffee", email: "hello@orucoffee.example", summary: "Packaging, first run", amount: "1,120", currency: "usd", dueIn: 14, project: packaging,
		then: append(paidAfter(5), step{12, refund(16000), billing.PartiallyRefunded})},
	{daysAgo: 38, client: "Lumen Labs", summary: "Website care, October", amount: "450", dueIn: 14, project: care, then: paidAfter(3)},
	{daysAgo: 34, client: "Ferrante Architects", email: "studio@ferrante.example", summary: "Workshop", amount: "600", dueIn: 14,
		then: append(paidAfter(2), step{6, refund(0), billing.Refunded})},
	{daysAgo: 29, client: "Ferrante Architects", summary: "Photography, two days", amount: "3,600", dueIn: 14, then: []step{{0.1, copied, ""}, {2, viewed, ""}}, paidOut: true},
	{daysAgo: 21, client: "Oru Coffee", summary: "Packaging, second run", amount: "960", currency: "usd", dueIn: 14, project: packaging, then: []step{{0.1, copied, ""}}},
	{daysAgo: 12, client: "Halden & Vik", summary: "Retainer, November", amount: "1,200", dueIn: 14, project: rebrand, then: []step{{1, voided, billing.Void}}},
	{daysAgo: 9, client: "Lumen Labs", summary: "Website care, November", amount: "450", dueIn: 14, project: care, then: paidAfter(5)},
	{daysAgo: 8, client: "Meridian Dance", email: "kontor@meridian.example", summary: "Season poster", amount: "1,750", dueIn: 14, project: packaging, then: paidAfter(6)},
	{daysAgo: 6, client: "Oru Coffee", summary: "Shop launch", amount: "1,280", currency: "usd", dueIn: 14, then: []step{{0.1, copied, ""}, {4, payWith(slowDebit), billing.Processing}}},
	{daysAgo: 5, client: "Ferrante Architects", summary: "Print run", amount: "320", dueIn: 14, then: []step{{0.1, copied, ""}, {3, payWith(declinedCard), "payment_failed"}}},
	{daysAgo: 3, client: "Halden & Vik", dueIn: 14, project: rebrand, then: []step{{0.1, copied, ""}, {2, viewed, ""}},
		lines: []app.LineInput{{Description: "Brand identity, phase 2", Quantity: "1", UnitPrice: "2,400"}, {Description: "Print templates", Quantity: "3", UnitPrice: "180"}}},
	{daysAgo: 1, client: "Al Bahr Trading", email: "ap@albahr.example", summary: "Catalogue", amount: "412.500", currency: "kwd", dueIn: 30, then: []step{{0.1, copied, ""}}},
	{daysAgo: 0.2, client: "Meridian Dance", summary: "Programme booklet", amount: "880", dueIn: 14, then: []step{{0, nothing, ""}}},
	{daysAgo: 0.1, client: "Lumen Labs", summary: "Accessibility audit", amount: "1,150", project: care},
}

// The second team has not connected Stripe yet: its invoices have no link so far.
var clubHistory = []deed{
	{daysAgo: 4, client: "Harbour Regatta Trust", email: "treasurer@harbour.example", summary: "Safety boat, two weekends", amount: "640", dueIn: 30, then: []step{{0, nothing, ""}}},
	{daysAgo: 1, client: "Thames Juniors", summary: "Coaching, autumn term", amount: "1,080"},
}
