package handlers

import (
	"context"
	"encoding/csv"
	"net/url"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

type auditPage struct {
	Page
	local
	Base     string
	Filter   app.AuditFilter
	Filtered bool
	People   []app.Person
	Kinds    []app.AuditKind
	Rows     []auditRow
	More     string // address of the next page, "" on the last one
	Further  bool   // not the first page
	CSV      string
}

type auditRow struct {
	app.AuditEntry
	Day, Clock string
	First      bool // of the rows that were just added: it takes the focus
}

func auditPath(actor app.Actor) string { return "/w/" + actor.Workspace.Slug + "/settings/audit" }

// auditLog is who did what in the workspace.
func (h *Server) auditLog(c *fiber.Ctx) error {
	actor, f := actorOf(c), auditFilter(c)
	before, err := strconv.ParseInt(c.Query("after"), 10, 64) // what is no number begins at the start
	further := err == nil && before > 0
	list, err := h.app.AuditLog(c.UserContext(), actor, f, before)
	if err != nil {
		return err
	}
	page, err := h.page(c, "Audit log", "audit")
	if err != nil {
		return err
	}
	base := auditPath(actor)
	data := auditPage{
		Page: page, local: localOf(actor), Base: base, Filter: f, Filtered: f != app.AuditFilter{}, People: list.People, Kinds: app.AuditKinds(),
		Further: further, CSV: auditURL(base+".csv", f, 0),
	}
	for i, e := range list.Entries {
		data.Rows = append(data.Rows, auditRow{
			AuditEntry: e, Day: data.day(e.At), Clock: data.clock(e.At), First: i == 0 && partialTarget(c) == "more-audit",
		})
	}
	if list.Next > 0 {
		data.More = auditURL(base, f, list.Next)
	}
	return h.render(c, fiber.StatusOK, "audit", data, "more-audit")
}

// auditFilter reads the filter from the address. What is no day is no limit.
func auditFilter(c *fiber.Ctx) app.AuditFilter {
	day := func(name string) billing.Date {
		d, err := billing.ParseDate(c.Query(name))
		if err != nil {
			return ""
		}
		return d
	}
	return app.AuditFilter{Person: c.Query("person"), Kind: app.AuditKind(c.Query("kind")), From: day("from"), Until: day("until")}
}

func auditURL(base string, f app.AuditFilter, after int64) string {
	q := url.Values{}
	for name, value := range map[string]string{"person": f.Person, "kind": string(f.Kind), "from": string(f.From), "until": string(f.Until)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if after > 0 {
		q.Set("after", strconv.FormatInt(after, 10))
	}
	if len(q) == 0 {
		return base
	}
	return base + "?" + q.Encode()
}

// auditCSV is the log as a file, with what the filter lets through.
func (h *Server) auditCSV(c *fiber.Ctx) error {
	actor, f := actorOf(c), auditFilter(c)
	if _, err := h.app.AuditLog(c.UserContext(), actor, f, 0); err != nil {
		return err // while it can still be said
	}
	name := "audit-" + string(billing.Today(actor.Workspace.Location(), h.now())) + ".csv"
	return h.sendCSV(c, name, func(w *csv.Writer) error {
		ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
		defer cancel()
		if err := w.Write([]string{"Number", "Time", "Who", "What", "From", "Kind", "Action", "Subject", "Before", "After", "Hash"}); err != nil {
			return err
		}
		return h.app.ExportAudit(ctx, actor, f, func(part []app.AuditEntry) error {
			for _, e := range part {
				at := time.UnixMicro(e.At).UTC().Format(time.RFC3339Nano)
				err := w.Write([]string{
					strconv.FormatInt(e.Seq, 10), at, app.CellText(e.Who), app.CellText(e.Told), app.CellText(e.From), string(e.Kind), app.CellText(e.Action), app.CellText(e.Subject),
					app.CellText(e.Before), app.CellText(e.After), e.Hash,
				})
				if err != nil {
					return err
				}
			}
			w.Flush()
			return w.Error()
		})
	})
}
