package handlers

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"trak/app"
	"trak/billing"
	"trak/db"
)

// typedLine is a line of the form as typed: description, quantity, unit price.
type typedLine [3]string

// typedLines reads the lines of a form without the functions under test.
func typedLines(f form, numbers []int) (list []typedLine) {
	for _, n := range numbers {
		var l typedLine
		for i, field := range []string{"description", "quantity", "unit_price"} {
			l[i] = f.values[fmt.Sprintf("line[%d].%s", n, field)]
		}
		list = append(list, l)
	}
	return list
}

// Whatever buttons are pressed in whatever order: no line is lost or there twice, none is mixed up
// with another, and what else was typed stays.
func TestLinesStayWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune(`ab 1.,<>"é`)), 0, 5, -1)
		numbers := rapid.SliceOfNDistinct(rapid.IntRange(0, 120), 0, 6, rapid.ID).Draw(t, "numbers")
		slices.Sort(numbers)
		f := form{values: map[string]string{}}
		set := func(name, value string) {
			f.values[name] = value
			f.order = append(f.order, name)
		}
		set("summary", text.Draw(t, "summary"))
		set("note", text.Draw(t, "note"))
		for _, n := range numbers {
			for _, field := range lineFields {
				set(fmt.Sprintf("line[%d].%s", n, field), text.Draw(t, field))
			}
		}
		want, summary, note := typedLines(f, numbers), f.values["summary"], f.values["note"]
		for range rapid.IntRange(1, 8).Draw(t, "presses") {
			n := rapid.IntRange(-1, 121).Draw(t, "number")
			if len(numbers) > 0 && rapid.Bool().Draw(t, "one that is there") {
				n = rapid.SampledFrom(numbers).Draw(t, "number of a line")
			}
			at := slices.Index(numbers, n)
			act := rapid.SampledFrom([]string{"add-line", "remove-line", "move-up", "move-down"}).Draw(t, "act")
			switch {
			case act == "add-line":
				want = append(want, typedLine{"", "1", ""})
			case at < 0:
			case act == "remove-line":
				want = slices.Delete(want, at, at+1)
			case act == "move-up" && at > 0:
				want[at-1], want[at] = want[at], want[at-1]
			case act == "move-down" && at < len(want)-1:
				want[at+1], want[at] = want[at], want[at+1]
			}
			if act != "add-line" {
				act = fmt.Sprintf("%s[%d]", act, n)
			}
			f.values["act"] = act
			var ok bool
			if f, ok = changeLines(f); !ok {
				t.Fatalf("%s does nothing", act)
			}
			numbers = nil
			for i := range want {
				numbers = append(numbers, i)
			}
			if got := typedLines(f, numbers); !slices.Equal(lineNumbers(f), numbers) || !slices.Equal(got, want) {
				t.Fatalf("%s: lines %v are %q, want %q", act, lineNumbers(f), got, want)
			}
			if f.values["summary"] != summary || f.values["note"] != note {
				t.Fatalf("%s: the rest is %v", act, f.values)
			}
		}
	})
}

func TestFormHasAtMostAllLines(t *testing.T) {
	t.Parallel()
	f := form{values: map[string]string{"act": actAddLine}}
	for range billing.MaxLines + 3 {
		f.values["act"] = actAddLine
		f, _ = changeLines(f)
	}
	if n := len(lineNumbers(f)); n != billing.MaxLines {
		t.Errorf("there are %d lines", n)
	}
}

// A draft that is opened and saved again says the same, whether its first line is written the
// short way or not.
func TestDraftSurvivesItsForm(t *testing.T) {
	t.Parallel()
	w := setup(t)
	user, workspace := w.user("mira@trak.example")
	actor, err := w.app.ActorIn(context.Background(), user.ID, workspace.Slug)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"eur", "jpy", "kwd"}).Draw(t, "currency")
		c, _ := billing.CurrencyOf(currency)
		d := app.Detail{Invoice: db.Invoice{Currency: currency, TermsDays: rapid.Int64Range(-1, billing.MaxTerms).Draw(t, "terms"), PoNumber: "PO 7", Note: "Two\nlines"}}
		if d.Invoice.TermsDays < 0 {
			d.Invoice.DueDate = rapid.SampledFrom([]string{"", "2031-02-28"}).Draw(t, "due")
		}
		var want []billing.Line
		for range rapid.IntRange(1, 5).Draw(t, "lines") {
			l := billing.Line{
				Description: rapid.SampledFrom([]string{"Photography", `"Prints" & <more>`}).Draw(t, "description"),
				Quantity:    rapid.SampledFrom([]int64{1000, 1500, 1, 12_000}).Draw(t, "quantity"),
				UnitPrice:   rapid.SampledFrom([]int64{4_500_000, 125_000, 10_000 * c.Step, 100}).Draw(t, "unit price"),
			}
			amount, err := l.Amount(c)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, l)
			d.Lines = append(d.Lines, db.InvoiceLine{Description: l.Description, Quantity: l.Quantity, UnitPrice: l.UnitPrice, Amount: amount})
		}
		p, err := w.app.PriceInvoice(context.Background(), actor, invoiceInput(draftForm(d, actor.Workspace.Locale)))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.Lines, want) || p.Terms != d.Invoice.TermsDays || string(p.Due) != d.Invoice.DueDate || p.PONumber != "PO 7" || p.Note != "Two\nlines" {
			t.Fatalf("comes back as %+v, want %+v", p, want)
		}
	})
}
