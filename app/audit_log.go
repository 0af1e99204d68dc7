package app

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"trak/billing"
	"trak/db"
)

const auditPerPage = 50

// AuditFilter says which records are shown; the zero value is all of them.
type AuditFilter struct {
	Person string // a user's id, NoPerson, or "" for all
	Kind   AuditKind
	// From and Until are days of the workspace's time zone, both included; "" = no limit.
	From, Until billing.Date
}

// NoPerson filters what nobody of the team did: Trak itself, or its operator.
const NoPerson = "-"

// AuditEntry is a record in words.
type AuditEntry struct {
	Seq     int64
	At      int64 // Unix microseconds
	Who     string
	Told    string // what they did; with Who it makes a sentence
	Kind    AuditKind
	Action  string // Trak's own name for it, which never changes
	Subject string // id of what it was done to
	From    string // a client's address, CommandLine, or "" for Trak itself
	Changes []AuditChange
	// As the record holds them: JSON, "" = nothing.
	Before, After, Hash string
}

// AuditChange is a value before and after.
type AuditChange struct{ Name, Before, After string }

// Person is somebody who did something.
type Person struct{ ID, Name string }

// AuditPage is a page of the audit log, newest first.
type AuditPage struct {
	Entries []AuditEntry
	People  []Person // all who ever did something here
	Next    int64    // where the next page begins, 0 on the last one
}

// AuditLog returns a page of the workspace's audit log: what comes before the record with the
// number before, 0 for the newest. Owners and admins may see it. Returns ErrNotFound for a kind
// that there is not.
func (a *App) AuditLog(ctx context.Context, actor Actor, f AuditFilter, before int64) (p AuditPage, err error) {
	if err := a.need(ctx, actor, ViewAudit); err != nil {
		return p, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		people, err := q.AuditPeople(ctx, &actor.WorkspaceID)
		if err != nil {
			return err
		}
		for _, r := range people {
			p.People = append(p.People, Person(r))
		}
		p.Entries, p.Next, err = auditEntries(ctx, newAuditNames(q, actor), f, before, auditPerPage)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return p, fmt.Errorf("read the audit log: %w", err)
	}
	return p, err
}

// auditPerPart is how many records of an export are read at a time.
const auditPerPart = 500

// ExportAudit calls f with all records that the filter lets through, newest first, a part at a
// time, so that the log may be as long as it likes. Owners and admins may.
func (a *App) ExportAudit(ctx context.Context, actor Actor, f AuditFilter, write func([]AuditEntry) error) error {
	if err := a.need(ctx, actor, ViewAudit); err != nil {
		return err
	}
	for before := int64(0); ; {
		var part []AuditEntry
		err := a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) (err error) {
			part, before, err = auditEntries(ctx, newAuditNames(q, actor), f, before, auditPerPart)
			return err
		})
		if err == nil {
			err = write(part)
		}
		if err != nil || before == 0 {
			return err
		}
	}
}

func auditEntries(ctx context.Context, names *auditNames, f AuditFilter, before, room int64) (list []AuditEntry, next int64, err error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	actions, ok := actionsOf(f.Kind)
	if !ok {
		return nil, 0, ErrNotFound
	}
	from, until := int64(0), int64(math.MaxInt64)
	here := names.actor.Workspace.Location()
	if t, err := time.ParseInLocation(time.DateOnly, string(f.From), here); err == nil {
		from = t.UnixMicro()
	}
	if t, err := time.ParseInLocation(time.DateOnly, string(f.Until), here); err == nil {
		until = t.AddDate(0, 0, 1).UnixMicro()
	}
	rows, err := names.q.ListAudit(ctx, db.ListAuditParams{
		WorkspaceID: &names.actor.WorkspaceID, BeforeSeq: before, Person: f.Person, Actions: actions, FromAt: from, UntilAt: until, Max: room + 1,
	})
	if err != nil {
		return nil, 0, err
	}
	rows, last := pageOf(rows, int(room), func(r db.ListAuditRow) int64 { return r.Seq })
	if last != nil {
		next = *last
	}
	for _, r := range rows {
		e, err := names.tell(ctx, r)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, e)
	}
	return list, next, nil
}

// auditNames finds the names of what records are about, each once.
type auditNames struct {
	q     *db.Queries
	actor Actor
	found map[string]string
}

func newAuditNames(q *db.Queries, actor Actor) *auditNames {
	return &auditNames{q: q, actor: actor, found: map[string]string{}}
}

func (n *auditNames) tell(ctx context.Context, r db.ListAuditRow) (e AuditEntry, err error) {
	a := actionOf(r.Action)
	before, after := auditValue(r.Before), auditValue(r.After)
	id := r.Subject[strings.LastIndexByte(r.Subject, ' ')+1:]
	subject, err := n.name(ctx, a.of, id)
	if err != nil {
		return e, err
	}
	if subject == "" {
		subject = nameIn(a.of, before, after)
	}
	changes, err := n.changes(ctx, before, after)
	if err != nil {
		return e, err
	}
	e = AuditEntry{
		Seq: r.Seq, At: r.At, Who: whoDid(r), Told: a.tell(subject, before, after), Kind: a.kind, Action: r.Action, Subject: id,
		From: r.Ip, Changes: changes, Before: r.Before, After: r.After, Hash: r.Hash,
	}
	return e, nil
}

func whoDid(r db.ListAuditRow) string {
	switch {
	case r.UserName != "":
		return r.UserName
	case r.Ip == CommandLine:
		return "The operator"
	}
	return "Trak"
}

// name is what a subject is called today, "" when it is not there any more.
func (n *auditNames) name(ctx context.Context, of auditSubject, id string) (string, error) {
	if of == ofOther || id == "" {
		return "", nil
	}
	key := string(of) + id
	if name, ok := n.found[key]; ok {
		return name, nil
	}
	name, err := n.lookUp(ctx, of, id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("look up %s: %w", of, err)
	}
	n.found[key] = name
	return name, nil
}

func (n *auditNames) lookUp(ctx context.Context, of auditSubject, id string) (string, error) {
	w := n.actor.WorkspaceID
	switch of {
	case ofInvoice:
		inv, err := n.q.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: w, ID: id})
		if err != nil || inv.Number != nil {
			return strings.TrimSpace(named(inv)), err
		}
		return "a draft", nil
	case ofPayment:
		p, err := n.q.PaymentByID(ctx, db.PaymentByIDParams{WorkspaceID: w, ID: id})
		if err != nil || p.InvoiceID == nil {
			return "", err
		}
		number, err := n.name(ctx, ofInvoice, *p.InvoiceID)
		return "a payment for " + number, err
	case ofClient:
		c, err := n.q.ClientByID(ctx, db.ClientByIDParams{WorkspaceID: w, ID: id})
		return c.Name, err
	case ofProject:
		p, err := n.q.ProjectByID(ctx, db.ProjectByIDParams{WorkspaceID: w, ID: id})
		return p.Name, err
	case ofPerson:
		u, err := n.q.UserByID(ctx, id)
		return u.Name, err
	}
	return "", nil
}

// nameIn is what the record itself says of a subject that is gone.
func nameIn(of auditSubject, before, after any) string {
	for _, v := range []any{after, before} {
		for _, key := range []string{"number", "name", "email"} {
			if s := partOf(v, key); s != "" {
				return s
			}
		}
	}
	return map[auditSubject]string{ofInvoice: "a draft", ofPayment: "a payment", ofPerson: "somebody"}[of]
}

// tell fills an action's words.
func (a auditAction) tell(subject string, before, after any) string {
	var b strings.Builder
	for rest := a.told; ; {
		text, more, found := strings.Cut(rest, "{")
		b.WriteString(text)
		if !found {
			return strings.TrimRight(strings.TrimSpace(b.String()), ": ")
		}
		var name string
		name, rest, _ = strings.Cut(more, "}")
		of, key, _ := strings.Cut(name, ".")
		switch of {
		case "subject":
			b.WriteString(subject)
		case "before":
			b.WriteString(partOf(before, key))
		case "after":
			b.WriteString(partOf(after, key))
		}
	}
}

// auditValue is what a record holds of before or after: nil, an object or one value.
func auditValue(text string) (v any) {
	if text == "" {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return text
	}
	return v
}

// partOf is a value of an object in words, or with key "" the value itself.
func partOf(v any, key string) string {
	if object, ok := v.(map[string]any); ok {
		if key == "" {
			return ""
		}
		return auditText(lookFold(object, key))
	}
	if key != "" {
		return ""
	}
	return auditText(v)
}

func lookFold(object map[string]any, key string) any {
	for k, v := range object {
		if strings.EqualFold(k, key) {
			return v
		}
	}
	return nil
}

func auditText(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case json.Number:
		return x.String()
	}
	var b bytes.Buffer
	_ = json.NewEncoder(&b).Encode(v) // it was JSON before
	return strings.TrimSpace(b.String())
}

// changes are the values that differ, by name.
func (n *auditNames) changes(ctx context.Context, before, after any) (list []AuditChange, err error) {
	was, isObject := before.(map[string]any)
	is, alsoObject := after.(map[string]any)
	if !isObject && before != nil || !alsoObject && after != nil {
		return []AuditChange{{"Value", auditText(before), auditText(after)}}, nil
	}
	names := map[string]bool{}
	for name := range was {
		names[name] = true
	}
	for name := range is {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c := AuditChange{Name: auditWord(name)}
		if c.Before, err = n.value(ctx, was, name); err != nil {
			return nil, err
		}
		if c.After, err = n.value(ctx, is, name); err != nil {
			return nil, err
		}
		if c.Before != c.After {
			list = append(list, c)
		}
	}
	return list, nil
}

// auditWord is the name of a value for people: due_date is Due date.
func auditWord(name string) string {
	name = strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(name[:min(1, len(name))]) + name[min(1, len(name)):]
}

// amounts are the values that are money, in minor units of the currency beside them; subjectsOf
// those that are ids of something that has a name.
var (
	amounts    = []string{"total", "amount", "received", "due"}
	subjectsOf = map[string]auditSubject{"client": ofClient, "project": ofProject, "from": ofInvoice, "payment": ofPayment}
)

// value is a value of an object as people read it.
func (n *auditNames) value(ctx context.Context, object map[string]any, name string) (string, error) {
	text := auditText(object[name])
	if of, ok := subjectsOf[name]; ok {
		called, err := n.name(ctx, of, text)
		return cmp.Or(called, text), err
	}
	number, isNumber := object[name].(json.Number)
	currency, _ := object["currency"].(string)
	if _, known := billing.CurrencyOf(currency); isNumber && known && slices.Contains(amounts, name) {
		if minor, err := number.Int64(); err == nil {
			return billing.FormatMoney(billing.Money{Minor: minor, Currency: currency}, n.actor.Workspace.Locale), nil
		}
	}
	return text, nil
}
