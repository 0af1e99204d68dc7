package rig

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
)

// perPage is how many rows a page of the list has.
const perPage = 50

// Tabs of the list that are asked for.
var Tabs = []string{"", "open", "overdue", "paid", "draft", "closed"}

// Lists are the addresses of pages of a member's list under a tab that have all their rows, one
// beginning after each invoice: the first is the top of the list, the next starts one row below
// it, and so on.
func (a *Archive) Lists(ctx context.Context, m Member, tab string) ([]string, error) {
	pool, err := openFile(a.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = pool.Close() }()
	where, order := "phase = ?", "created_at DESC, id DESC"
	switch tab {
	case "":
		where = "? = ''"
	case "overdue":
		where, order = "? = 'overdue' AND phase = 'open' AND status <> 'processing' AND due_date <> '' AND due_date < date('now')", "due_date, id"
	}
	rows, err := pool.QueryContext(ctx, "SELECT created_at, due_date, id FROM invoices WHERE workspace_id = ? AND livemode = FALSE AND "+where+" ORDER BY "+order, m.Workspace, tab)
	if err != nil {
		return nil, fmt.Errorf("list invoices: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var list []string
	query := url.Values{}
	if tab != "" {
		query.Set("tab", tab)
	}
	for rows.Next() {
		var at int64
		var due, id string
		list = append(list, "/w/"+m.Slug+"/payments/invoices?"+query.Encode())
		if err := rows.Scan(&at, &due, &id); err != nil {
			return nil, err
		}
		query.Set("at", strconv.FormatInt(at, 10))
		query.Set("date", due)
		query.Set("id", id)
	}
	return list[:max(0, len(list)-perPage+1)], rows.Err()
}

// Open are the ids of the member's newest invoices that can still be paid, n at most.
func (a *Archive) Open(ctx context.Context, m Member, n int) (ids []string, err error) {
	pool, err := openFile(a.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = pool.Close() }()
	rows, err := pool.QueryContext(ctx, "SELECT id FROM invoices WHERE workspace_id = ? AND phase = 'open' AND livemode = FALSE ORDER BY created_at DESC LIMIT ?", m.Workspace, n)
	if err != nil {
		return nil, fmt.Errorf("list open invoices: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Get is the whole HTTP request with which the member's browser asks for a path.
func (m Member) Get(addr, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: trak=%s\r\n\r\n", path, addr, m.Session)
}

// Poll is Get by htmx.
func (m Member) Poll(addr, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nHX-Request: true\r\nCookie: trak=%s\r\n\r\n", path, addr, m.Session)
}
