package handlers

import (
	"html/template"
	"sync"

	"trak/app"
)

// maxRows is how many rendered rows are kept, twice: about 1 KB each.
const maxRows = 2000

// rowKey is all that a rendered row of invoices depends on. What else it shows changes with the
// invoice's version.
type rowKey struct {
	workspace, locale string
	id                string
	version           int64
	client            string // a draft shows its client's present name
	label             string // depends on today, as does late
	late              int
}

func keyOf(actor app.Actor, r app.Row) rowKey {
	return rowKey{actor.Workspace.Slug, actor.Workspace.Locale, r.ID, r.Version, r.Client(), r.Label.Key, r.Late}
}

// rowCache keeps rows as they were rendered, so that a list that was shown before is joined and
// not rendered again. When the young ones become too many, they are the old ones, and those
// before them are forgotten.
type rowCache struct {
	mu         sync.Mutex
	young, old map[rowKey]template.HTML
}

// get returns a row, which render makes when it is not there.
func (k *rowCache) get(key rowKey, render func() (template.HTML, error)) (template.HTML, error) {
	k.mu.Lock()
	html, ok := k.young[key]
	if !ok {
		html, ok = k.old[key]
	}
	k.mu.Unlock()
	if !ok {
		var err error
		if html, err = render(); err != nil {
			return "", err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.young[key]; !ok {
		if k.young == nil || len(k.young) >= maxRows {
			k.young, k.old = map[rowKey]template.HTML{}, k.young
		}
		k.young[key] = html
	}
	return html, nil
}
