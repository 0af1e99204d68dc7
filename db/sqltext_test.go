package db

import (
	"fmt"
	"slices"
	"strings"
)

// This reads as much SQL as it takes to say whether each of a workspace's tables in a statement
// is bound to the workspace. What it doesn't understand it reports.

// part is a token, or what stands in a pair of parentheses.
type part struct {
	text  string // folded to lower case; "(" for a group
	group []part
}

// statement is one of a queries file.
type statement struct {
	name string
	body []part
}

// statementsOf splits a file of sqlc's.
func statementsOf(sql string) ([]statement, error) {
	var list []statement
	for _, chunk := range strings.Split(sql, "-- name: ")[1:] {
		head, body, _ := strings.Cut(chunk, "\n")
		name, _, _ := strings.Cut(head, " ")
		parts, err := partsOf(body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, statement{name, parts})
	}
	return list, nil
}

func partsOf(sql string) ([]part, error) {
	stack := [][]part{nil}
	add := func(p part) { stack[len(stack)-1] = append(stack[len(stack)-1], p) }
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case strings.HasPrefix(sql[i:], "--"):
			end := strings.IndexByte(sql[i:], '\n')
			if end < 0 {
				end = len(sql) - i
			}
			i += end
		case strings.IndexByte(" \t\r\n;", c) >= 0:
			i++
		case c == '\'' || c == '"':
			end := strings.IndexByte(sql[i+1:], c)
			if end < 0 {
				return nil, fmt.Errorf("a quote that is not closed: %s", sql[i:])
			}
			text := sql[i+1 : i+1+end]
			if c == '\'' {
				text = "'" + text + "'"
			}
			add(part{text: strings.ToLower(text)})
			i += end + 2
		case c == '(':
			stack = append(stack, nil)
			i++
		case c == ')':
			if len(stack) == 1 {
				return nil, fmt.Errorf("a ) too many")
			}
			group := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			add(part{"(", group})
			i++
		case isWord(c) || c == '@' || c == '$':
			end := i + 1
			for end < len(sql) && isWord(sql[end]) {
				end++
			}
			add(part{text: strings.ToLower(sql[i:end])})
			i = end
		case i+1 < len(sql) && slices.Contains([]string{"<=", ">=", "<>", "!=", "||"}, sql[i:i+2]):
			add(part{text: sql[i : i+2]})
			i += 2
		default:
			add(part{text: string(c)})
			i++
		}
	}
	if len(stack) > 1 {
		return nil, fmt.Errorf("a ) too few")
	}
	return stack[0], nil
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func show(parts []part) string {
	var words []string
	for _, p := range parts {
		if p.text == "(" {
			words = append(words, "("+show(p.group)+")")
		} else {
			words = append(words, p.text)
		}
	}
	return strings.Join(words, " ")
}

// source is a table in FROM, JOIN, UPDATE, DELETE or INSERT.
type source struct {
	table, alias string
	bound        bool
}

// scope is what a query's columns may refer to: its own tables and those of the queries around it.
type scope struct {
	sources []*source
	outer   *scope
}

func (s *scope) find(alias string) *source {
	for ; s != nil; s = s.outer {
		for _, x := range s.sources {
			if x.alias == alias {
				return x
			}
		}
	}
	return nil
}

// checker finds what is not bound in one statement.
type checker struct {
	tenant   map[string]bool // the tables that have a workspace_id
	findings []string
}

func (c *checker) report(format string, args ...any) {
	c.findings = append(c.findings, fmt.Sprintf(format, args...))
}

// unbound says what in a statement is not bound to the workspace.
func unbound(tenant map[string]bool, parts []part) []string {
	c := &checker{tenant: tenant}
	c.query(parts, nil)
	return c.findings
}

func (c *checker) query(parts []part, outer *scope) {
	if len(parts) == 0 {
		return
	}
	for _, set := range []string{"union", "intersect", "except"} {
		if i := at(parts, set); i >= 0 {
			c.query(parts[:i], outer)
			rest := parts[i+1:]
			if len(rest) > 0 && rest[0].text == "all" {
				rest = rest[1:]
			}
			c.query(rest, outer)
			return
		}
	}
	switch parts[0].text {
	case "with":
		for i, p := range parts[1:] {
			if p.text == "(" && i > 0 && parts[i].text == "as" {
				c.query(p.group, outer)
			}
			if slices.Contains([]string{"select", "insert", "update", "delete"}, p.text) {
				c.query(parts[i+1:], outer)
				return
			}
		}
		c.report("don't understand: %s", show(parts))
	case "select":
		c.reads(parts, at(parts, "from"), outer)
	case "delete": // DELETE FROM t WHERE …
		c.reads(parts, at(parts, "from"), outer)
	case "update":
		c.update(parts, outer)
	case "insert":
		c.insert(parts, outer)
	default:
		c.report("don't understand: %s", show(parts))
	}
}

// reads checks SELECT … FROM … WHERE …, and DELETE FROM … WHERE …, where parts[from] is FROM.
func (c *checker) reads(parts []part, from int, outer *scope) {
	in := &scope{outer: outer}
	if from < 0 {
		c.within(parts, in)
		return
	}
	end := firstAt(parts, from, "where", "group", "order", "limit", "having", "returning", "window")
	conditions := c.tables(parts[from+1:end], in)
	c.finish(in, conditions, where(parts))
	c.within(parts, in)
}

// update checks UPDATE t SET … [FROM …] WHERE ….
func (c *checker) update(parts []part, outer *scope) {
	in := &scope{outer: outer}
	set := at(parts, "set")
	if set < 0 {
		c.report("don't understand: %s", show(parts))
		return
	}
	conditions := c.tables(parts[1:set], in)
	end := firstAt(parts, set, "where", "returning")
	if from := at(parts[:end], "from"); from >= 0 {
		conditions = append(conditions, c.tables(parts[from+1:end], in)...)
	}
	c.finish(in, conditions, where(parts))
	c.within(parts, in)
}

// insert checks INSERT INTO t (columns) VALUES (values) [ON CONFLICT (columns) DO UPDATE SET … WHERE …].
func (c *checker) insert(parts []part, outer *scope) {
	if len(parts) < 6 || parts[1].text != "into" || parts[3].text != "(" || parts[4].text != "values" || parts[5].text != "(" {
		c.report("don't understand: %s", show(parts))
		return
	}
	t := parts[2].text
	in := &scope{sources: []*source{{table: t, alias: t, bound: true}}, outer: outer}
	defer c.within(parts, in)
	if !c.tenant[t] {
		return
	}
	i := slices.IndexFunc(list(parts[3].group), func(p []part) bool { return show(p) == "workspace_id" })
	values := list(parts[5].group)
	if i < 0 || i >= len(values) || !isWorkspace(values[i]) {
		c.report("INSERT into %s: workspace_id is not the parameter", t)
	}
	do := at(parts, "do")
	if do < 0 || parts[do+1].text == "nothing" {
		return
	}
	if target := parts[do-1].group; slices.ContainsFunc(list(target), func(p []part) bool { return show(p) == "workspace_id" }) {
		return // a conflict within the workspace only
	}
	for _, cond := range conjuncts(where(parts[do:])) {
		l, r, ok := equality(cond)
		if ok && show(l) == t+" . workspace_id" && (show(r) == "excluded . workspace_id" || isWorkspace(r)) {
			return
		}
	}
	c.report("ON CONFLICT of %s may change another workspace's row", t)
}

// condition is an ON, which binds the table that it joins; left says that it binds no other.
type condition struct {
	parts []part
	joins *source
	left  bool
}

// tables reads what stands after FROM: tables, subqueries and joins.
func (c *checker) tables(parts []part, in *scope) (conditions []condition) {
	for i := 0; i < len(parts); {
		left := false
		for ; i < len(parts) && slices.Contains([]string{",", "join", "left", "inner", "outer", "cross", "full", "right"}, parts[i].text); i++ {
			left = left || parts[i].text == "left"
			if parts[i].text == "full" || parts[i].text == "right" {
				c.report("don't understand: %s", show(parts))
				return conditions
			}
		}
		if i == len(parts) {
			break
		}
		s := &source{table: parts[i].text}
		s.alias, i = s.table, i+1
		if i < len(parts) && parts[i].text == "as" {
			i++
		}
		if i < len(parts) && !slices.Contains([]string{",", "join", "left", "inner", "cross", "full", "right", "outer", "on"}, parts[i].text) {
			s.alias, i = parts[i].text, i+1
		}
		in.sources = append(in.sources, s)
		if i < len(parts) && parts[i].text == "on" {
			end := firstAt(parts, i, ",", "join", "left", "inner", "cross", "full", "right")
			conditions, i = append(conditions, condition{parts[i+1 : end], s, left}), end
		}
	}
	return conditions
}

// finish binds the tables of a query by its conditions, and reports those that are left.
func (c *checker) finish(in *scope, on []condition, where []part) {
	on = append(on, condition{parts: where})
	for again := true; again; {
		again = false
		for _, cond := range on {
			for _, x := range conjuncts(cond.parts) {
				l, r, ok := equality(x)
				if !ok {
					continue
				}
				again = c.bind(in, cond, l, r) || c.bind(in, cond, r, l) || again
			}
		}
	}
	for _, s := range in.sources {
		if c.tenant[s.table] && !s.bound {
			c.report("%s (%s) is not bound to the workspace", s.table, s.alias)
		}
	}
}

// bind binds the table of column l when it is a workspace_id and r is the parameter, or the
// workspace_id of a table that is bound.
func (c *checker) bind(in *scope, cond condition, l, r []part) bool {
	s := c.column(in, l)
	if s == nil || s.bound || !slices.Contains(in.sources, s) || cond.left && s != cond.joins {
		return false
	}
	if other := c.column(in, r); isWorkspace(r) || other != nil && other.bound && c.tenant[other.table] {
		s.bound = true
	}
	return s.bound
}

// column is the table whose workspace_id the parts are, or nil.
func (c *checker) column(in *scope, parts []part) *source {
	switch words := strings.Fields(show(parts)); {
	case len(words) == 3 && words[1] == "." && words[2] == "workspace_id":
		return in.find(words[0])
	case len(words) == 1 && words[0] == "workspace_id":
		var only *source
		for _, s := range in.sources {
			if c.tenant[s.table] && only != nil {
				return nil // SQLite would call it ambiguous
			} else if c.tenant[s.table] {
				only = s
			}
		}
		return only
	}
	return nil
}

// within checks the queries that stand in parentheses, at any depth.
func (c *checker) within(parts []part, in *scope) {
	for _, p := range parts {
		if len(p.group) == 0 {
			continue
		}
		if slices.Contains([]string{"select", "with", "insert", "update", "delete"}, p.group[0].text) {
			c.query(p.group, in)
		} else {
			c.within(p.group, in)
		}
	}
}

func at(parts []part, word string) int {
	return slices.IndexFunc(parts, func(p part) bool { return p.text == word })
}

func firstAt(parts []part, from int, words ...string) int {
	for i := from + 1; i < len(parts); i++ {
		if slices.Contains(words, parts[i].text) {
			return i
		}
	}
	return len(parts)
}

// where is the condition after WHERE.
func where(parts []part) []part {
	i := at(parts, "where")
	if i < 0 {
		return nil
	}
	return parts[i+1 : firstAt(parts, i, "group", "order", "limit", "having", "returning", "window")]
}

// conjuncts are the conditions that must all hold: none when there is an OR above them.
func conjuncts(parts []part) (all [][]part) {
	if at(parts, "or") >= 0 {
		return nil
	}
	for _, x := range split(parts, "and") {
		if len(x) == 1 && x[0].text == "(" {
			all = append(all, conjuncts(x[0].group)...)
		} else {
			all = append(all, x)
		}
	}
	return all
}

func equality(parts []part) (l, r []part, ok bool) {
	sides := split(parts, "=")
	if len(sides) != 2 {
		return nil, nil, false
	}
	return sides[0], sides[1], true
}

// isWorkspace says that the parts are the parameter that holds the workspace's id.
func isWorkspace(parts []part) bool {
	switch s := show(parts); s {
	case "@workspace_id", "sqlc . arg (workspace_id)", "cast (@workspace_id as text)":
		return true
	}
	return false
}

func list(parts []part) [][]part { return split(parts, ",") }

func split(parts []part, word string) (all [][]part) {
	for {
		i := at(parts, word)
		if i < 0 {
			return append(all, parts)
		}
		all, parts = append(all, parts[:i]), parts[i+1:]
	}
}
