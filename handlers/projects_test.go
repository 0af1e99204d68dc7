package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"trak/app"
)

func (w *whole) project(actor app.Actor, name string) string {
	w.t.Helper()
	p, err := w.app.CreateProject(context.Background(), actor, app.ProjectInput{Name: name})
	must(w.t, err)
	return p.ID
}

// invoiceOf makes an invoice in a project.
func (w *whole) invoiceOf(project, amount, currency string, finalize bool) string {
	w.t.Helper()
	inv, err := w.app.CreateInvoice(context.Background(), w.north, app.InvoiceInput{
		ClientName: "Halden & Vik", Summary: "Brand identity", Amount: amount, Currency: currency, ProjectID: project,
	}, finalize)
	must(w.t, err)
	return inv.ID
}

func TestProjects(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	ctx, member, here := context.Background(), w.as("member"), path(w.north, "/projects")
	member.get(here).has(t, 200, "No projects yet", ">Add a project</a>", `data-go="p" aria-current="page"`)
	p := member.get(here + "/new")
	p.has(t, 200, ">Add project</button>", `<label for="name">Name</label>`, `<label for="note">Note</label>`)
	p.wellFormed(t)

	t.Run("what is wrong comes back with what was typed", func(t *testing.T) {
		p := member.post(here, "name", " ", "note", "</textarea>"+strings.Repeat("ö", 2000))
		p.has(t, 422, "2 fields need another look", `id="name-error"`, `id="note-error"`, "&lt;/textarea&gt;ööö")
		p.wellFormed(t)
		if strings.Count(p.main(), "autofocus") != 1 {
			t.Error("not one field has the focus")
		}
		member.get(here).has(t, 200, "No projects yet")
	})
	p = member.post(here, "name", `"><script>alert(1)</script>`, "note", "First line\r\n<b>Second</b>")
	p.has(t, 303)
	own := p.header.Get("Location")
	t.Run("a new one is on a page of its own, and hostile text stays text", func(t *testing.T) {
		p := member.get(own)
		p.has(t, 200, "is added.", "<h1>&#34;&gt;&lt;script&gt;alert(1)", "First line\n&lt;b&gt;Second&lt;/b&gt;", "No invoices yet.", "€0.00")
		p.lacks(t, "<script>alert")
		p.wellFormed(t)
		p = member.get(here)
		p.has(t, 200, "&lt;script&gt;", `data-label="Invoices">0</td>`, `aria-label="Nothing"`)
		p.wellFormed(t)
	})
	t.Run("a name is there once", func(t *testing.T) {
		w.project(w.north, "Rebrand")
		p := member.post(here, "name", "REBRAND", "note", "Kept")
		p.has(t, 422, "A project of this name exists", `id="name-error"`, `value="REBRAND"`, ">Kept</textarea>")
	})
	t.Run("two people at once", func(t *testing.T) {
		w.as("owner").post(own, "name", "Harbour signs", "note", "Theirs", "version", "1").has(t, 303)
		p := member.post(own, "name", "Signs", "note", "Mine", "version", "1")
		p.has(t, 409, "Somebody changed this project meanwhile.", "<li>Harbour signs</li>", `<li class="pre">Theirs</li>`, `value="Signs"`, ">Mine</textarea>", `name="version" value="2"`)
		p.wellFormed(t)
		member.post(own, "name", "Signs", "note", "Mine", "version", "2").has(t, 303)
		member.get(own).has(t, 200, "<h1>Signs</h1>", "Signs is saved.", `<p class="pre">Mine</p>`)
	})
	t.Run("archived and taken back", func(t *testing.T) {
		member.post(own+"/archive").has(t, 303)
		p := member.get(here)
		p.has(t, 200, "Archived. You find")
		p.lacks(t, ">Signs</a>")
		member.get(here+"?archived=1").has(t, 200, ">Signs</a>", `aria-label="Take Signs back"`)
		p = member.get(own)
		p.has(t, 200, "This project is archived", ">Take back</button>")
		p.lacks(t, "New invoice")
		p.wellFormed(t)

		other := w.project(w.north, "signs")
		p = member.post(own + "/unarchive")
		p.has(t, 422, "A project of this name exists", `value="Signs"`, "This project is archived")
		p.wellFormed(t)
		must(t, w.app.UpdateProject(ctx, w.north, other, app.ProjectInput{Name: "Other signs", Version: 1}))
		member.post(own+"/unarchive").has(t, 303)
		member.get(here).has(t, 200, ">Signs</a>")
	})
	t.Run("fifty at a time", func(t *testing.T) {
		for i := range 60 {
			w.project(w.south, fmt.Sprintf("Project %02d & Söhne", i))
		}
		stranger := w.as("stranger")
		first := stranger.get(path(w.south, "/projects"))
		first.wellFormed(t)
		rest := stranger.part(moreLink(t, first, "more-projects"), "tr#more-projects")
		rest.has(t, 200, "Project 50 ", "Project 59 ", "autofocus")
		rest.lacks(t, "Project 49 ", "<html", "more-projects")
		first.lacks(t, "Project 50 ", "Signs")
	})
}

func TestProjectPage(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	member, here := w.as("member"), path(w.north, "/projects")
	project := w.project(w.north, "Rebrand")
	w.invoiceOf(project, "500", "eur", true)
	w.invoiceOf(project, "75", "usd", true)
	w.invoiceOf(project, "9000", "eur", false)
	w.invoice(w.north, "Elsewhere", "1", "eur", "")

	p := member.get(here + "/" + project)
	p.has(t, 200, "<h1>Rebrand</h1>", `<span class="key">Outstanding</span> <span class="value num">€500.00</span> <span class="note">and $75.00</span>`,
		"INV-0001", "INV-0002", ">Draft</a>", `/payments/invoices?new=1&amp;project=`+project)
	p.lacks(t, "Elsewhere")
	p.wellFormed(t)
	member.get(here).has(t, 200, ">Rebrand</a>", `data-label="Invoices">3</td>`, "<div>€500.00</div><div>$75.00</div>")

	t.Run("sums follow by themselves", func(t *testing.T) {
		poll := p.find(t, regexp.MustCompile(`id="sums"[^>]* hx-get="([^"]*)"`))
		if p := member.part(poll, "ul#sums"); p.status != http.StatusNoContent || p.body != "" {
			t.Errorf("unchanged: %d %s", p.status, p.body)
		}
		w.invoiceOf(project, "20", "eur", true)
		news := member.part(poll, "ul#sums")
		news.has(t, 200, `id="sums"`, "€520.00")
		news.lacks(t, "<html", poll)
	})
	t.Run("its invoices go on by the page", func(t *testing.T) {
		for range 50 {
			w.invoiceOf(project, "1", "eur", false)
		}
		first := member.get(here + "/" + project)
		more := first.find(t, regexp.MustCompile(`id="more"><tr><td[^>]*><a[^>]* href="([^"]*)"`))
		rest := member.part(more, "tbody#more")
		rest.has(t, 200, "INV-0001", "INV-0002", "INV-0004", " autofocus>")
		rest.lacks(t, "<html", "INV-0003")
		whole := member.get(more)
		whole.has(t, 200, "INV-0001", "Back to the first")
		whole.wellFormed(t)
	})
}

func TestProjectOfAnInvoice(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	ctx, member, list := context.Background(), w.as("member"), path(w.north, "/payments/invoices")
	member.get(list+"?new=1").lacks(t, ">Project<")
	project, old := w.project(w.north, "Rebrand"), w.project(w.north, "Old <i>work</i>")
	theirs, err := w.app.CreateProject(ctx, w.south, app.ProjectInput{Name: "Secret of the South"})
	must(t, err)
	draft := w.invoiceOf(old, "10", "eur", false)
	must(t, w.app.ArchiveProject(ctx, w.north, old, true))

	t.Run("a form that its page has opened has it chosen", func(t *testing.T) {
		to := list + "?new=1&project=" + url.QueryEscape(project)
		p := member.get(to)
		p.has(t, 200, `<label for="project">Project</label>`, `<option value="`+project+`" selected>Rebrand</option>`)
		p.lacks(t, "Old ", "Secret")
		p.wellFormed(t)
		action := p.find(t, regexp.MustCompile(`id="invoice-form" method="post" action="([^"]*)"`))
		member.post(action, "act", "add-line", "project", project).has(t, 200, `selected>Rebrand</option>`, `action="`+action+`"`)
		p = member.post(action, "act", "create", "client", "Halden", "summary", "Work", "amount", "12", "project", project)
		p.has(t, 303)
		member.get(p.header.Get("Location")).has(t, 200, `<dt>Project</dt><dd><a href="`+path(w.north, "/projects/"+project)+`">Rebrand</a></dd>`)
		for _, id := range []string{theirs.ID, "nonsense"} {
			p := member.get(list + "?new=1&project=" + id)
			p.has(t, 200, `<option value="">None</option>`)
			p.lacks(t, "Secret")
		}
	})
	t.Run("what is wrong with another field leaves it chosen", func(t *testing.T) {
		member.post(list, "act", "create", "client", "Halden", "summary", "Work", "amount", "x", "project", project).
			has(t, 422, `id="amount-error"`, `selected>Rebrand</option>`)
	})
	t.Run("one that can't be chosen is refused beside its field", func(t *testing.T) {
		before := w.rows("")
		for _, c := range []struct{ project, want string }{
			{theirs.ID, "Choose a project from the list"},
			{nobodys(), "Choose a project from the list"},
			{old, "This project is archived. Choose another one, or none"},
		} {
			for _, act := range []string{"draft", "create"} {
				p := member.post(list, "act", act, "client", "Brand New", "summary", "Kept", "amount", "12", "project", c.project)
				p.has(t, 422, `id="project-error"`, c.want, `value="Kept"`)
				p.lacks(t, "Secret")
				p.wellFormed(t)
			}
			if c.project == old {
				continue // the draft's own stays
			}
			p := member.post(list+"/"+draft+"/edit", "act", "draft", "client", "Halden & Vik", "summary", "Kept", "amount", "12", "project", c.project, "version", "1")
			p.has(t, 422, `id="project-error"`, c.want, `value="Kept"`)
			p.lacks(t, "Secret")
		}
		w.unchanged(t, before, "", "forms with a wrong project")
	})
	t.Run("a draft keeps one that was archived meanwhile", func(t *testing.T) {
		p := member.get(list + "/" + draft + "/edit")
		p.has(t, 200, `selected>Old &lt;i&gt;work&lt;/i&gt; (archived)</option>`, ">Rebrand</option>")
		p.wellFormed(t)
		member.post(list+"/"+draft+"/edit", "act", "create", "client", "Halden & Vik", "summary", "Work", "amount", "12", "project", old, "version", "1").has(t, 303)
		member.get(list+"/"+draft).has(t, 200, "INV-0002", ">Old &lt;i&gt;work&lt;/i&gt;</a>")
	})
	t.Run("and the client never hears of it", func(t *testing.T) {
		p := w.client().get("/i/" + w.detail(w.north, draft).Invoice.Token)
		p.has(t, 200, "INV-0002")
		p.lacks(t, "Old", old, "roject")
	})
	t.Run("nothing at all is chosen when none is wanted", func(t *testing.T) {
		p := member.post(list, "act", "draft", "summary", "Work", "amount", "5", "project", "")
		p.has(t, 303)
		member.get(p.header.Get("Location")).lacks(t, "<dt>Project")
	})
}
