package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"
)

// Paging of lists, as Stripe documents it.
const (
	defaultLimit = 10
	maxLimit     = 100
)

// getter answers with the object that the path names.
func (s *Server) getter(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		r, err := s.named(c, kind)
		if err != nil {
			return nil, err
		}
		return r.obj, nil
	}
}

// named is the object that the path names, or 404.
func (s *Server) named(c *call, kind string) (*record, error) {
	r := s.find(c.account, kind, c.id)
	if r == nil {
		return nil, missing(http.StatusNotFound, "id", noun(kind), c.id)
	}
	return r, nil
}

func noun(kind string) string { return strings.ReplaceAll(kind, ".", " ") }

// lister answers with the objects of a kind whose named keys equal the parameters of the
// same name.
func (s *Server) lister(kind string, filters ...string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		return s.list(c, kind, func(r *record) bool { return matches(r.obj, c.in, filters...) })
	}
}

func matches(o, in object, filters ...string) bool {
	for _, key := range filters {
		if wanted, given := in[key]; given && o[key] != wanted {
			return false
		}
	}
	return true
}

// list is a page of an account's objects, newest first.
func (s *Server) list(c *call, kind string, keep func(*record) bool) (object, error) {
	limit := int64(defaultLimit)
	if given, ok := c.in["limit"].(int64); ok {
		if given < 1 || given > maxLimit {
			return nil, invalid("", "limit", "Invalid integer: limit must be between 1 and %d", maxLimit)
		}
		limit = given
	}
	all := s.narrowest(c, kind)
	first, end := 0, len(all)
	mixed := s.mixed[listKey{c.account, kind}]
	if !mixed {
		first, end = createdIn(all, c.in["created"])
	}
	from, step := end-1, -1
	for _, cursor := range []string{"starting_after", "ending_before"} {
		id := text(c.in, cursor)
		if id == "" {
			continue
		}
		r := s.records[id]
		if r == nil || r.kind != kind || r.account != c.account {
			return nil, missing(http.StatusBadRequest, cursor, noun(kind), id)
		}
		at, found := slices.BinarySearchFunc(all, r.at, byAge)
		from = min(at-1, end-1)
		if cursor == "ending_before" {
			if found {
				at++
			}
			from, step = max(at, first), 1
		}
	}
	page, more := []any{}, false
	for i := from; i >= first && i < end; i += step {
		r := all[i]
		if r.deleted || mixed && !inRange(number(r.obj, "created"), c.in["created"]) || !keep(r) {
			continue
		}
		if int64(len(page)) == limit {
			more = true
			break
		}
		page = append(page, r.obj)
	}
	if step > 0 {
		slices.Reverse(page)
	}
	return object{"object": "list", "data": page, "has_more": more, "url": listURL(kind)}, nil
}

// narrowest are the fewest objects that a list has to read, oldest first.
func (s *Server) narrowest(c *call, kind string) []*record {
	all := s.listed(c.account, kind, "", "")
	for _, key := range listedBy[kind] {
		if value := text(c.in, key); value != "" {
			if some := s.listed(c.account, kind, key, value); len(some) <= len(all) {
				all = some
			}
		}
	}
	return all
}

// createdIn tells which part of a list, oldest first, a created parameter takes: nothing, a time
// (Unix seconds), or gt, gte, lt and lte.
func createdIn(all []*record, filter any) (first, end int) {
	since := func(at int64) int {
		return sort.Search(len(all), func(i int) bool { return number(all[i].obj, "created") >= at })
	}
	first, end = 0, len(all)
	switch filter := filter.(type) {
	case int64:
		first, end = since(filter), since(filter+1)
	case object:
		for bound, at := range filter {
			switch at := at.(int64); bound {
			case "gt":
				first = max(first, since(at+1))
			case "gte":
				first = max(first, since(at))
			case "lt":
				end = min(end, since(at))
			case "lte":
				end = min(end, since(at+1))
			}
		}
	}
	return first, end
}

// since bounds a created parameter from below.
func since(filter any, oldest int64) any {
	bounded := object{"gte": oldest}
	switch filter := filter.(type) {
	case int64:
		bounded["gte"], bounded["lte"] = max(filter, oldest), filter
	case object:
		maps.Copy(bounded, filter)
		bounded["gte"] = max(number(filter, "gte"), oldest)
	}
	return bounded
}

func listURL(kind string) string {
	return "/v1/" + strings.ReplaceAll(kind, ".", "/") + "s"
}

// inRange compares a time (Unix seconds) with a parameter such as created.
func inRange(created int64, filter any) bool {
	switch filter := filter.(type) {
	case int64:
		return created == filter
	case object:
		for bound, at := range filter {
			at := at.(int64)
			if bound == "gt" && created <= at || bound == "gte" && created < at ||
				bound == "lt" && created >= at || bound == "lte" && created > at {
				return false
			}
		}
	}
	return true
}

// whole is a list with everything in it, as lists inside of other objects are.
func whole(items []any, url string) object {
	return object{"object": "list", "data": items, "has_more": false, "url": url}
}

// expand replaces ids by the objects that they name, along paths such as
// "data.latest_charge.balance_transaction". What it changes it copies first.
func (s *Server) expand(account string, result any, paths []any) (any, error) {
	if len(paths) == 0 {
		return result, nil
	}
	result = clone(result)
	for _, path := range paths {
		path := path.(string)
		keys := strings.Split(path, ".")
		if len(keys) > 4 {
			return nil, invalid("", "expand", "You cannot expand more than 4 levels of a property. Property: %s", path)
		}
		if err := s.expandKeys(account, result, keys, path); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func (s *Server) expandKeys(account string, in any, keys []string, path string) error {
	if list, ok := in.([]any); ok {
		for _, item := range list {
			if err := s.expandKeys(account, item, keys, path); err != nil {
				return err
			}
		}
		return nil
	}
	if len(keys) == 0 || in == nil {
		return nil
	}
	refused := invalid("", "expand", "This property cannot be expanded (%s).", path)
	o, ok := in.(object)
	if !ok {
		return refused
	}
	key := keys[0]
	value, exists := o[key]
	if !exists {
		if value = s.onlyExpanded(account, o, key); value == nil {
			return refused
		}
	}
	switch id := value.(type) {
	case string:
		r := s.records[id]
		if r == nil || r.account != account {
			return refused
		}
		value = clone(r.obj)
	case int64, bool:
		return refused
	}
	o[key] = value
	return s.expandKeys(account, value, keys[1:], path)
}

// onlyExpanded are the keys that objects have only when they are asked for.
func (s *Server) onlyExpanded(account string, o object, key string) any {
	id := text(o, "id")
	switch text(o, "object") + "." + key {
	case "charge.refunds":
		refunds := []any{}
		for _, r := range s.listed(account, "refund", "charge", id) {
			refunds = append(refunds, clone(r.obj))
		}
		slices.Reverse(refunds)
		return whole(refunds, "/v1/charges/"+id+"/refunds")
	case "payment_link.line_items", "checkout.session.line_items":
		return clone(s.itemsOf(s.records[id]))
	}
	return nil
}
