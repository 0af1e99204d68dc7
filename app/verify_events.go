package app

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"trak/billing"
	"trak/connect"
	"trak/db"
)

// events reads all that Stripe delivered, but for what was masked with age, once more and compares what it says with the facts: an
// event that was applied left its fact, which knows no less, and in what never changes the same.
func (v *verifier) events(ctx context.Context) error {
	t := told{
		sessions: map[string]said[billing.Session]{}, intents: map[string]said[billing.Intent]{}, charges: map[string]said[billing.Charge]{},
		refunds: map[string]said[billing.Refund]{}, disputes: map[string]said[billing.Dispute]{}, alerts: map[string]said[billing.Alert]{},
		payouts: map[string]said[billing.Payout]{},
	}
	key := db.EventsForVerifyParams{WorkspaceID: &v.workspace.ID, Max: verifyPage}
	for {
		rows, err := v.q.EventsForVerify(ctx, key)
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		for _, row := range rows {
			key.AfterAt, key.AfterID = row.ReceivedAt, row.EventID
			v.event(row, t)
		}
		if len(rows) < verifyPage {
			return v.compareTold(ctx, t)
		}
	}
}

// event compares a row with the payload in it, and adds what that says when it was applied.
func (v *verifier) event(row db.EventsForVerifyRow, t told) {
	e, err := connect.ParseEvent(row.Payload)
	if err != nil {
		v.differ(v.workspace.Slug, "event", row.EventID, "holds a payload that is %v", err)
		return
	}
	if e.ID != row.EventID || e.Type != row.Type || e.Account != row.StripeAccountID || e.APIVersion != row.ApiVersion ||
		e.Livemode != row.Livemode || e.Created != row.Created || row.ObjectID != "" && e.ObjectID != row.ObjectID && e.ObjectID != connect.Hidden {
		v.differ(v.workspace.Slug, "event", row.EventID, "is stored as another one than its payload says: that is %s (%s) of %s about %s", e.ID, e.Type, e.Account, e.ObjectID)
		return
	}
	if row.State != eventApplied || row.MaskedAt > 0 { // what is left of a masked one is no fact
		return
	}
	facts, _, err := e.Facts()
	if err == nil { // else it was read from Stripe instead
		t.add(e.ID, facts)
	}
}

// said is what events say of one object, all of them together.
type said[F any] struct {
	fact  F
	event string // the last of them
}

// told is what the events of a workspace say, by Stripe's ids.
type told struct {
	sessions map[string]said[billing.Session]
	intents  map[string]said[billing.Intent]
	charges  map[string]said[billing.Charge]
	refunds  map[string]said[billing.Refund]
	disputes map[string]said[billing.Dispute]
	alerts   map[string]said[billing.Alert]
	payouts  map[string]said[billing.Payout]
}

func (t told) add(event string, f billing.Facts) {
	for _, x := range f.Sessions {
		hear(t.sessions, event, x.ID, x, billing.MergeSession)
	}
	for _, x := range f.Intents {
		hear(t.intents, event, x.ID, x, billing.MergeIntent)
	}
	for _, x := range f.Charges {
		if x.IntentID == "" {
			x.IntentID = x.ID // as it is stored
		}
		hear(t.charges, event, x.ID, x, billing.MergeCharge)
	}
	for _, x := range f.Refunds {
		x.RequestHint = "" // no part of the fact
		hear(t.refunds, event, x.ID, x, billing.MergeRefund)
	}
	for _, x := range f.Disputes {
		hear(t.disputes, event, x.ID, x, billing.MergeDispute)
	}
	for _, x := range f.Alerts {
		hear(t.alerts, event, x.ID, x, billing.MergeAlert)
	}
	for _, x := range f.Payouts {
		hear(t.payouts, event, x.ID, x, billing.MergePayout)
	}
}

func hear[F any](all map[string]said[F], event, id string, fact F, merge func(a, b F) F) {
	if before, ok := all[id]; ok {
		fact = merge(before.fact, fact)
	}
	all[id] = said[F]{fact, event}
}

// compareTold compares what events say with the facts of the workspace's accounts.
func (v *verifier) compareTold(ctx context.Context, t told) error {
	h := hereOf()
	sessions, intents, accountOf := map[string]billing.Session{}, map[string]billing.Intent{}, map[string]string{}
	for _, live := range []bool{false, true} {
		accounts, err := v.q.AccountsOfWorkspace(ctx, db.AccountsOfWorkspaceParams{WorkspaceID: v.workspace.ID, Livemode: live})
		if err != nil {
			return fmt.Errorf("list accounts: %w", err)
		}
		for _, account := range accounts {
			for _, account.Livemode = range []bool{false, true} { // own mode's account goes along between them
				if err := h.facts(ctx, v.q, account); err != nil {
					return err
				}
			}
			rows, err := v.q.SessionsOfAccount(ctx, db.SessionsOfAccountParams{WorkspaceID: v.workspace.ID, StripeAccountID: *account.StripeAccountID})
			if err != nil {
				return fmt.Errorf("read sessions: %w", err)
			}
			for _, r := range rows {
				sessions[r.SessionID] = sessionOf(r)
			}
			payments, err := v.q.PaymentsOfAccount(ctx, db.PaymentsOfAccountParams{WorkspaceID: v.workspace.ID, StripeAccountID: *account.StripeAccountID})
			if err != nil {
				return fmt.Errorf("read payments: %w", err)
			}
			for _, r := range payments {
				accountOf[r.PaymentIntentID] = r.StripeAccountID
				intents[r.PaymentIntentID] = billing.Intent{
					ID: r.PaymentIntentID, Currency: r.Currency, Livemode: r.Livemode, Provisional: r.Provisional, InvoiceHint: r.InvoiceHint, PaidAt: r.ProvisionalAt,
				}
			}
		}
	}
	v.gaps("session", heed(t.sessions, sessions, billing.MergeSession, "LinkID", "IntentID", "Currency"))
	v.gaps("charge", heed(t.charges, h.charges, billing.MergeCharge, "IntentID", "Amount", "Currency", "CreatedAt", "Method", "Brand", "Last4"))
	v.gaps("refund", heed(t.refunds, h.refunds, billing.MergeRefund, "ChargeID", "IntentID", "Amount", "Currency", "Reason", "CreatedAt"))
	v.gaps("dispute", heed(t.disputes, h.disputes, billing.MergeDispute, "ChargeID", "IntentID", "Currency", "Reason", "CreatedAt"))
	v.gaps("alert", heed(t.alerts, h.alerts(), billing.MergeAlert, "Kind", "ChargeID", "IntentID", "Reason", "CreatedAt"))
	v.gaps("payout", heed(t.payouts, h.payouts, billing.MergePayout, "Amount", "Currency", "CreatedAt"))
	for id, g := range heed(t.intents, intents, billing.MergeIntent, "Provisional", "InvoiceHint") {
		if account := accountOf[id]; account != "" && g.less {
			// Its row is no fact alone: what events say of it until its charge is known is told again.
			v.derived(mend{workspace: v.workspace.ID, account: account, intent: id, said: t.intents[id].fact}, "payment", id, "%s", g.what)
		} else {
			v.differ(v.workspace.Slug, "payment", id, "%s", g.what)
		}
	}
	return nil
}

func (v *verifier) gaps(kind string, gaps map[string]gap) {
	for id, g := range gaps {
		v.differ(v.workspace.Slug, kind, id, "%s", g.what)
	}
}

// gap is how a fact is not as events say it is.
type gap struct {
	what string
	less bool // they say more
}

// heed compares one kind of fact with what events say of it. fixed are its fields that Stripe sets
// once; where either does not know one, it says nothing.
func heed[F comparable](told map[string]said[F], here map[string]F, merge func(a, b F) F, fixed ...string) map[string]gap {
	gaps := map[string]gap{}
	for id, said := range told {
		our, known := here[id]
		if !known {
			gaps[id] = gap{fmt.Sprintf("is not here, and the event %s tells of it", said.event), true}
			continue
		}
		if merged := merge(our, said.fact); merged != our {
			gaps[id] = gap{fmt.Sprintf("knows less than the events up to %s: %s", said.event, apart(our, merged, func(string, bool) bool { return true })), true}
			continue
		}
		otherwise := apart(our, said.fact, func(field string, known bool) bool { return known && slices.Contains(fixed, field) })
		if otherwise != "" {
			gaps[id] = gap{fmt.Sprintf("is not as the events up to %s say: %s", said.event, otherwise), false}
		}
	}
	return gaps
}

// apart names the fields of two facts that differ, of those that count. known says that both facts
// know the field.
func apart[F any](here, there F, counts func(field string, known bool) bool) string {
	a, b := reflect.ValueOf(here), reflect.ValueOf(there)
	var fields []string
	for i := range a.NumField() {
		name, x, y := a.Type().Field(i).Name, a.Field(i), b.Field(i)
		if !x.Equal(y) && counts(name, !x.IsZero() && !y.IsZero()) {
			fields = append(fields, fmt.Sprintf("%s is %v here, and %v there", name, x, y))
		}
	}
	return strings.Join(fields, ", ")
}
