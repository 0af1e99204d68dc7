package handlers

import (
	"fmt"
	"html/template"
	"testing"
)

func TestRowsAreRenderedOnce(t *testing.T) {
	t.Parallel()
	var rows rowCache
	renderings := 0
	get := func(key rowKey) string {
		html, err := rows.get(key, func() (template.HTML, error) {
			renderings++
			return template.HTML(fmt.Sprintf("row %d", renderings)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(html)
	}
	key := rowKey{workspace: "north", id: "1", version: 1, client: "Halden", label: "open"}
	if get(key) != "row 1" || get(key) != "row 1" {
		t.Error("a row that has not changed is rendered again")
	}
	for what, change := range map[string]func(*rowKey){
		"another workspace":    func(k *rowKey) { k.workspace = "south" },
		"another version":      func(k *rowKey) { k.version = 2 },
		"another name":         func(k *rowKey) { k.client = "Vik" },
		"the next day":         func(k *rowKey) { k.late = 1 },
		"another label, today": func(k *rowKey) { k.label = "overdue" },
	} {
		changed := key
		change(&changed)
		if get(changed) == "row 1" {
			t.Errorf("%s gets the row of before", what)
		}
	}
	for i := range 10 * maxRows {
		key.version = int64(i)
		get(key)
	}
	if n := len(rows.young) + len(rows.old); n > 2*maxRows {
		t.Errorf("%d rows are kept", n)
	}
}
