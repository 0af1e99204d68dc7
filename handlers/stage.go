package handlers

import (
	"fmt"
	"strings"
	"time"

	"trak/app"
	"trak/billing"
	"trak/connect"
)

// stage is how a stage of the Stripe connection is told to people.
type stage struct {
	Key   connect.Stage
	Label string // the word of the badge
	Tone  string // of the badge: neutral, info, warn, ok or bad
	Text  string // what it means, and what to do
}

var stages = []stage{
	{app.StageNotConnected, "Not connected", "neutral", "Connect a Stripe account, and clients can pay your invoices online."},
	{app.StageDisconnected, "Disconnected", "neutral", "Clients can't pay online until you connect again. Payments you received stay here."},
	{connect.StageRejected, "Rejected", "bad", "Stripe does not accept this account. Only Stripe's support can say why and what to do."},
	{connect.StageOnboarding, "Details needed", "warn", "Give Stripe the details of your business to take payments."},
	{connect.StageActionRequired, "Action required", "bad", "Stripe needs more details to keep payments on."},
	{connect.StagePending, "In review", "info", "Stripe is looking at your details. Nothing to do now."},
	{connect.StagePaymentsOnly, "Payouts paused", "warn", "Clients can pay. Payouts to your bank wait."},
	{connect.StageActive, "Active", "ok", "Clients can pay, and the money goes straight to your Stripe account."},
}

func stageOf(c app.Connection) stage {
	for _, s := range stages {
		if s.Key == c.Stage {
			if c.Row != nil && c.Row.DeauthorizedAt > 0 && c.Stage == app.StageDisconnected {
				s.Text = "Stripe no longer gives access to this account. Connect again to take payments."
			}
			return s
		}
	}
	return stage{Key: c.Stage, Label: string(c.Stage), Tone: "neutral"}
}

// step is one of the four steps to an account that takes payments and pays out.
type step struct {
	Name, Text string
	State      string // ok, now, bad, or "" for one that comes later
}

// Icon is the mark of the step.
func (s step) Icon() string {
	return map[string]string{"ok": "check", "now": "clock", "bad": "x", "": "circle"}[s.State]
}

func stepsOf(c app.Connection, here local) []step {
	steps := []step{
		{Name: "Create account", Text: "Stripe opens it for you"},
		{Name: "Business details", Text: "Who you are, and your bank account"},
		{Name: "Charges on", Text: "Clients can pay your invoices"},
		{Name: "Payouts on", Text: "Money goes to your bank"},
	}
	a := c.Account
	done := []bool{a.ID != "", a.DetailsSubmitted && len(a.CurrentlyDue)+len(a.PastDue) == 0, a.ChargesEnabled, a.PayoutsEnabled}
	if c.Stage == app.StageDisconnected {
		done = make([]bool, len(steps))
	}
	if done[0] {
		steps[0].Text = here.day(c.Row.ConnectedAt)
	}
	if a.DetailsSubmitted && !done[1] && done[0] {
		steps[1].Text = "Something is missing"
	}
	next := c.Stage != app.StageNotConnected && c.Stage != app.StageDisconnected
	for i := range steps {
		switch {
		case done[i]:
			steps[i].State = "ok"
		case c.Stage == connect.StageRejected:
			steps[i].State, steps[i].Text = "bad", "Refused by Stripe"
		case next: // one thing at a time
			steps[i].State, next = "now", false
			if i > 1 && c.Stage != connect.StageActionRequired {
				steps[i].Text = "Stripe is looking at it"
			}
		}
	}
	return steps
}

// requirement is one detail that Stripe asks for, in people's words.
type requirement struct {
	Label, Why  string
	Due, In     string // the day, and how far away it is
	State, Tone string
}

// requirementsOf lists what Stripe asks for, past due first. Each is named once, in the most
// urgent of the lists that hold it.
func requirementsOf(a connect.Account, here local, now time.Time) []requirement {
	why := map[string]string{}
	for _, e := range a.RequirementErrors {
		why[e.Requirement] = e.Reason
	}
	var list []requirement
	seen := map[[2]string]bool{}
	add := func(keys []string, r requirement, deadline int64) {
		if deadline > 0 {
			r.Due, r.In = here.day(deadline), here.until(deadline, now)
		}
		for _, key := range keys {
			one := r
			one.Label, one.Why = connect.RequirementLabel(key), why[key]
			if one.Why != "" && one.State != "In review" {
				one.State, one.Tone = "Not accepted", "bad"
			}
			subject, _, _ := strings.Cut(key, ".") // day, month and year of one birth date are one thing
			if id := [2]string{subject, one.Label}; !seen[id] {
				seen[id] = true
				list = append(list, one)
			}
		}
	}
	if a.DetailsSubmitted {
		add(a.PastDue, requirement{State: "Past due", Tone: "bad", Due: "Now"}, 0)
	} else {
		add(a.PastDue, requirement{State: "Missing", Tone: "warn", Due: "Now"}, 0) // nobody is late who has just begun
	}
	add(a.CurrentlyDue, requirement{State: "Missing", Tone: "warn", Due: "Now"}, a.Deadline)
	add(a.PendingVerification, requirement{State: "In review", Tone: "info"}, 0)
	add(a.FutureDue, requirement{State: "Needed later", Tone: "neutral"}, a.FutureDeadline)
	return list
}

// until says how far away the day of a moment is: "today", "in 9 days", "3 days ago".
func (l local) until(at int64, now time.Time) string {
	day := func(t time.Time) time.Time {
		t = t.In(l.Zone)
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	switch days := int64(day(time.UnixMicro(at)).Sub(day(now)).Hours() / 24); {
	case days == 0:
		return "today"
	case days > 0:
		return "in " + count(days, "day")
	default:
		return count(-days, "day") + " ago"
	}
}

// fact is one line of what is known of the account.
type fact struct {
	Name, Text string
	At         int64 // a moment instead of the text
}

func factsOf(c app.Connection) []fact {
	a := c.Account
	on := map[bool]string{true: "On", false: "Off"}
	facts := []fact{{Name: "Country", Text: countryName(a.Country)}}
	if a.DefaultCurrency != "" {
		name := strings.ToUpper(a.DefaultCurrency)
		if known, ok := billing.CurrencyOf(a.DefaultCurrency); ok {
			name = fmt.Sprintf("%s, %s", name, known.Name)
		}
		facts = append(facts, fact{Name: "Currency", Text: name})
	}
	return append(facts, fact{Name: "Charges", Text: on[a.ChargesEnabled]}, fact{Name: "Payouts", Text: on[a.PayoutsEnabled]},
		fact{Name: "Last checked", At: c.Row.FetchedAt}, fact{Name: "Last news", At: c.LastEvent}, fact{Name: "Asked for news", At: c.SyncedAt})
}

func countryName(code string) string {
	for _, c := range app.Countries() {
		if c.Code == code {
			return c.Name
		}
	}
	return code
}
