package handlers

import (
	"fmt"
	"html/template"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// rowForms are the rows of invoices as the template renders them, with marks in the place of
// their texts. There is one for each form that a row can have, a few dozen in all. To put the
// texts of a row into it costs a tenth of rendering the row.
type rowForms struct {
	mu sync.RWMutex
	m  map[rowForm]rowMarkup
}

// rowForm is all that decides which markup a row gets.
type rowForm struct {
	label      string
	first, oob bool
	filled     uint // a bit for each text that is not empty
}

// rowMarkup is markup, text, markup, text … and markup at the end.
type rowMarkup struct {
	between []string
	texts   []int
	size    int
}

// texts are the parts of a row that differ between rows of one form. They may stand between tags
// and in quoted attributes, where one way to escape is right for all; an address begins with a
// slash of ours.
func (r *invoiceRow) texts() [9]*string {
	return [9]*string{&r.ID, &r.URL, &r.Name, &r.Client, &r.DueISO, &r.Due, &r.Late, &r.Amount, &r.Currency}
}

// escaper does what html/template does with a text between tags or in a quoted attribute.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;", "\x00", "\uFFFD")

// row renders a row of invoices, as the template "invoice-row" would.
func (h *Server) row(row invoiceRow) (template.HTML, error) {
	texts := row.texts()
	form := rowForm{label: row.Label.Key, first: row.First, oob: row.OOB}
	for i, t := range texts {
		if *t != "" {
			form.filled |= 1 << i
		}
	}
	h.rows.mu.RLock()
	markup, ok := h.rows.m[form]
	h.rows.mu.RUnlock()
	if !ok {
		var err error
		if markup, err = h.rowMarkup(row); err != nil {
			return "", err
		}
		h.rows.mu.Lock()
		if h.rows.m == nil {
			h.rows.m = map[rowForm]rowMarkup{}
		}
		h.rows.m[form] = markup
		h.rows.mu.Unlock()
	}
	var out strings.Builder
	out.Grow(markup.size + 128)
	for i, text := range markup.texts {
		out.WriteString(markup.between[i])
		_, _ = escaper.WriteString(&out, *texts[text]) // into memory: it never fails
	}
	out.WriteString(markup.between[len(markup.texts)])
	return template.HTML(out.String()), nil
}

var rowMark = regexp.MustCompile(`text(\d)text`)

// rowMarkup is what the template makes of rows of the given one's form.
func (h *Server) rowMarkup(row invoiceRow) (rowMarkup, error) {
	for i, t := range row.texts() {
		if *t != "" {
			*t = fmt.Sprintf("text%dtext", i)
		}
	}
	var out strings.Builder
	if err := h.views.ExecuteTemplate(&out, "invoice-row", row); err != nil {
		return rowMarkup{}, fmt.Errorf("render row: %w", err)
	}
	m := rowMarkup{between: rowMark.Split(out.String(), -1), size: out.Len()}
	for _, mark := range rowMark.FindAllStringSubmatch(out.String(), -1) {
		text, _ := strconv.Atoi(mark[1]) // a digit
		m.texts = append(m.texts, text)
	}
	return m, nil
}
