package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"trak/app"
	"trak/billing"
)

func (c *verifyCmd) print(v verification) error {
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(v)
	}
	for _, d := range v.Mended {
		fmt.Printf("mended: %s\n", line(d))
	}
	derived := 0
	for _, d := range v.Differences {
		fmt.Println(line(d))
		if d.Derived {
			derived++
		}
	}
	for _, a := range v.Accounts {
		printAccount(os.Stdout, a)
	}
	found := "nothing differs"
	if n := len(v.Differences); n > 0 {
		found = fmt.Sprintf("differences: %d", n)
	}
	fmt.Printf("Workspaces: %d, invoices: %d, payments: %d; %s.\n", v.Workspaces, v.Invoices, v.Payments, found)
	printAudit(os.Stdout, v.Audit)
	switch {
	case v.Accounts == nil && !c.Local:
		fmt.Println("Stripe was left out: there is no STRIPE_SECRET_KEY.")
	case v.Accounts == nil:
		fmt.Println("Stripe was left out.")
	}
	if derived > 0 && !c.Repair {
		fmt.Printf("%d of them can be computed again: trak verify --repair\n", derived)
	}
	return nil
}

// printAudit says how long the chains of the audit log are, and how each ends, to be noted elsewhere.
func printAudit(out io.Writer, a *app.AuditReport) {
	if a == nil {
		fmt.Fprintln(out, "The audit log was left out: there is no TRAK_SECRET_KEY to check it with.")
		return
	}
	fmt.Fprintf(out, "Audit log: %s. Note the ends of its chains somewhere else, and compare later:\n", count(a.Records, "record"))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range a.Chains {
		fmt.Fprintf(table, "  %s\t%d\t%s", cmp.Or(c.Workspace, "(installation)"), c.Last, c.Head)
		if c.Unchecked > 0 {
			fmt.Fprintf(table, "\t(not checked up to %d: their key is lost)", c.Unchecked)
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush()
}

func line(d app.Difference) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s: %s", d.Workspace, d.Kind, d.ID, d.What))
}

// printAccount says what was compared at Stripe, and what of the balance no invoice led to.
func printAccount(out io.Writer, a app.AccountReport) {
	head := strings.TrimSpace(a.Workspace + " " + a.Account)
	if a.Unreadable != "" {
		fmt.Fprintf(out, "%s: not compared, %s.\n", head, a.Unreadable)
		return
	}
	fmt.Fprintf(out, "%s: %d charges, %d refunds, %d disputes and %d payouts at Stripe", head, a.Charges, a.Refunds, a.Disputes, a.Payouts)
	if a.Earlier > 0 {
		fmt.Fprintf(out, "; %d of them are from before it was connected and not here", a.Earlier)
	}
	fmt.Fprintln(out, ".")
	if a.Lacks != "" {
		fmt.Fprintf(out, "  Fraud warnings and reviews were left out. %s\n", a.Lacks)
	}
	for _, b := range a.Balances {
		amount := func(minor int64) string {
			return billing.FormatMoney(billing.Money{Minor: minor, Currency: b.Currency}, "en")
		}
		fmt.Fprintf(out, "  %s: balance %s (%s available, %s pending), transactions %s", strings.ToUpper(b.Currency), amount(b.Available+b.Pending), amount(b.Available), amount(b.Pending), amount(b.Sum))
		if b.Missing > 0 {
			fmt.Fprintf(out, ", %d of %d not here yet", b.Missing, b.Held+b.Missing)
		}
		fmt.Fprintln(out, ".")
		var others []string
		for _, x := range b.Activity {
			if !x.Ours {
				others = append(others, fmt.Sprintf("%s %d (%s)", x.Class, x.Count, amount(x.Net)))
			}
		}
		if len(others) > 0 {
			fmt.Fprintf(out, "    Not started by Trak: %s.\n", strings.Join(others, ", "))
		}
	}
}

// progress draws a bar on a terminal, and nothing anywhere else.
type progress struct {
	out   *os.File
	drawn bool
}

func newProgress(out *os.File) *progress {
	if info, err := out.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return &progress{out: out}
}

// barWidth is how many characters the bar itself is long.
const barWidth = 24

func (p *progress) show(done, all int, what string) {
	if p.out == nil || all == 0 {
		return
	}
	full := min(done, all) * barWidth / all
	fmt.Fprintf(p.out, "\r\x1b[K[%s%s] %d of %d  %.40s", strings.Repeat("#", full), strings.Repeat(" ", barWidth-full), min(done, all), all, what)
	p.drawn = true
}

// clear leaves the line as it was.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}
