package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"trak/billing"
	"trak/db"
)

// ProjectInput is the project form as typed.
type ProjectInput struct {
	Name, Note string
	Version    int64 // of the project that was edited
}

const (
	projectsPerPage = 50
	// projectChoices is how many the invoice form offers; its page leads to the form with any other.
	projectChoices = 200
)

// ProjectSum is what a project comes to in one currency. Drafts and void invoices count for
// nothing, and refunds are taken off what was received.
type ProjectSum struct {
	Invoiced, Received, Outstanding billing.Money
}

// ProjectRow is one project of the list.
type ProjectRow struct {
	db.Project
	Invoices int64 // all of them, drafts included
	Sums     []ProjectSum
}

// ProjectDetail is what the project's page shows.
type ProjectDetail struct {
	db.Project
	Sums     []ProjectSum
	Invoices []Row
	Next     *Cursor // where its invoices go on, nil on the last page
}

// Projects lists the workspace's projects by name, a page at a time, with what each comes to.
// Members may see them. next is nil on the last page.
func (a *App) Projects(ctx context.Context, actor Actor, after NameCursor) (rows []ProjectRow, next *NameCursor, err error) {
	if err := a.need(ctx, actor, ViewProjects); err != nil {
		return nil, nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err := q.ListProjects(ctx, db.ListProjectsParams{WorkspaceID: actor.WorkspaceID, AfterText: after.Text, AfterID: after.ID, Max: projectsPerPage + 1})
		if err != nil {
			return fmt.Errorf("list projects: %w", err)
		}
		list, next = pageOf(list, projectsPerPage, func(p db.Project) NameCursor { return NameCursor{p.SearchText, p.ID} })
		rows, err = a.withSums(ctx, q, actor, list)
		return err
	})
	return rows, next, err
}

// withSums adds what each of some projects comes to. They follow each other in the list.
func (a *App) withSums(ctx context.Context, q *db.Queries, actor Actor, list []db.Project) ([]ProjectRow, error) {
	if len(list) == 0 {
		return nil, nil
	}
	first, last := list[0], list[len(list)-1]
	sums, err := q.SumsOfProjects(ctx, db.SumsOfProjectsParams{
		WorkspaceID: actor.WorkspaceID, Livemode: a.live,
		FromText: first.SearchText, FromID: first.ID, ToText: last.SearchText, ToID: last.ID,
	})
	if err != nil {
		return nil, fmt.Errorf("sum projects: %w", err)
	}
	byProject := map[string][]db.SumsOfProjectRow{}
	for _, s := range sums {
		byProject[*s.ProjectID] = append(byProject[*s.ProjectID], db.SumsOfProjectRow(s))
	}
	rows := make([]ProjectRow, len(list))
	for i, p := range list {
		rows[i] = ProjectRow{Project: p, Sums: projectSums(actor, byProject[p.ID])}
		for _, s := range byProject[p.ID] {
			rows[i].Invoices += s.Invoices
		}
	}
	return rows, nil
}

// projectSums are the sums of one project, the workspace's own currency first. A currency in
// which nothing was invoiced is left out.
func projectSums(actor Actor, rows []db.SumsOfProjectRow) (sums []ProjectSum) {
	for _, r := range rows {
		if r.Invoiced == 0 && r.Received == 0 {
			continue
		}
		in := func(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: r.Currency} }
		s := ProjectSum{Invoiced: in(r.Invoiced), Received: in(r.Received), Outstanding: in(r.Outstanding)}
		if r.Currency == actor.Workspace.Currency {
			sums = append([]ProjectSum{s}, sums...)
		} else {
			sums = append(sums, s)
		}
	}
	return sums
}

// ArchivedProjects lists the projects that are put away, the first hundred by name. Members may
// see them.
func (a *App) ArchivedProjects(ctx context.Context, actor Actor) (list []db.Project, err error) {
	if err := a.need(ctx, actor, ViewProjects); err != nil {
		return nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err = q.ListArchivedProjects(ctx, db.ListArchivedProjectsParams{WorkspaceID: actor.WorkspaceID, Max: 100})
		return err
	})
	return list, err
}

// ProjectChoices lists the projects that an invoice form offers: those that are not archived,
// and the chosen one, if it is the workspace's. Members may see them.
func (a *App) ProjectChoices(ctx context.Context, actor Actor, chosen string) (list []db.Project, err error) {
	if err := a.need(ctx, actor, ViewProjects); err != nil {
		return nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err = q.ListProjects(ctx, db.ListProjectsParams{WorkspaceID: actor.WorkspaceID, Max: projectChoices})
		if err != nil {
			return fmt.Errorf("list projects: %w", err)
		}
		if chosen == "" || slices.ContainsFunc(list, func(p db.Project) bool { return p.ID == chosen }) {
			return nil
		}
		p, err := findProject(ctx, q, actor, chosen)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		list = append(list, p)
		return err
	})
	return list, err
}

// Project returns one project. Members may see it.
func (a *App) Project(ctx context.Context, actor Actor, id string) (p db.Project, err error) {
	if err := a.need(ctx, actor, ViewProjects); err != nil {
		return p, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		p, err = findProject(ctx, q, actor, id)
		return err
	})
	return p, err
}

// ProjectDetail returns a project with what it comes to and a page of its invoices, newest
// first. Members may see it.
func (a *App) ProjectDetail(ctx context.Context, actor Actor, id string, from Cursor) (d ProjectDetail, err error) {
	if err := a.need(ctx, actor, ViewProjects); err != nil {
		return d, err
	}
	if from.ID == "" {
		from.At = math.MaxInt64
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		if d.Project, err = findProject(ctx, q, actor, id); err != nil {
			return err
		}
		if d.Sums, err = a.sumProject(ctx, q, actor, id); err != nil {
			return err
		}
		list, err := q.ListInvoicesOfProject(ctx, db.ListInvoicesOfProjectParams{
			WorkspaceID: actor.WorkspaceID, ProjectID: &id, Livemode: a.live, BeforeAt: from.At, BeforeID: from.ID, Max: invoicesPerPage + 1,
		})
		if err != nil {
			return fmt.Errorf("list invoices of project: %w", err)
		}
		list, d.Next = pageOf(list, invoicesPerPage, func(r db.ListInvoicesOfProjectRow) Cursor { return Cursor{At: r.CreatedAt, ID: r.ID} })
		d.Invoices = a.rowsOf(actor, convert(list, func(r db.ListInvoicesOfProjectRow) db.InvoiceRowRow { return db.InvoiceRowRow(r) }))
		return nil
	})
	return d, err
}

// ProjectSums is what a project comes to, for its live update. Members may see it.
func (a *App) ProjectSums(ctx context.Context, actor Actor, id string) (sums []ProjectSum, err error) {
	if err := a.need(ctx, actor, ViewProjects); err != nil {
		return nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		if _, err := findProject(ctx, q, actor, id); err != nil {
			return err
		}
		sums, err = a.sumProject(ctx, q, actor, id)
		return err
	})
	return sums, err
}

func (a *App) sumProject(ctx context.Context, q *db.Queries, actor Actor, id string) ([]ProjectSum, error) {
	rows, err := q.SumsOfProject(ctx, db.SumsOfProjectParams{WorkspaceID: actor.WorkspaceID, ProjectID: &id, Livemode: a.live})
	if err != nil {
		return nil, fmt.Errorf("sum project: %w", err)
	}
	return projectSums(actor, rows), nil
}

// CreateProject adds a project. Members may do it. Returns FieldErrors.
func (a *App) CreateProject(ctx context.Context, actor Actor, in ProjectInput) (p db.Project, err error) {
	if err := a.need(ctx, actor, EditProjects); err != nil {
		return p, err
	}
	err = a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		in, errs := in.checked()
		p = db.Project{
			ID: newID(), WorkspaceID: actor.WorkspaceID, Name: in.Name, Note: in.Note, SearchText: searchText(in.Name),
			Version: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
		}
		if err := checkProjectName(ctx, tx, p, errs); err != nil {
			return err
		}
		if err := errs.Err(); err != nil {
			return err
		}
		err := tx.InsertProject(ctx, db.InsertProjectParams{
			ID: p.ID, WorkspaceID: p.WorkspaceID, Name: p.Name, Note: p.Note, SearchText: p.SearchText, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		})
		if err != nil {
			return fmt.Errorf("insert project: %w", err)
		}
		return record(ctx, tx, actor, "project.create", p.ID, nil, projectSummary(p))
	})
	return p, err
}

// UpdateProject changes a project's name and note. Members may do it. Returns FieldErrors, or
// ErrConflict when somebody changed the project meanwhile.
func (a *App) UpdateProject(ctx context.Context, actor Actor, id string, in ProjectInput) error {
	if err := a.need(ctx, actor, EditProjects); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		was, err := findProject(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		in, errs := in.checked()
		p := was
		p.Name, p.Note, p.SearchText = in.Name, in.Note, searchText(in.Name)
		if err := checkProjectName(ctx, tx, p, errs); err != nil {
			return err
		}
		if err := errs.Err(); err != nil {
			return err
		}
		n, err := tx.UpdateProject(ctx, db.UpdateProjectParams{
			WorkspaceID: p.WorkspaceID, ID: p.ID, Version: in.Version, Name: p.Name, Note: p.Note, SearchText: p.SearchText, UpdatedAt: tx.Now(),
		})
		if err != nil {
			return fmt.Errorf("update project: %w", err)
		}
		if n == 0 {
			return ErrConflict
		}
		return record(ctx, tx, actor, "project.update", id, projectSummary(was), projectSummary(p))
	})
}

// ArchiveProject puts a project away, or takes it back. Members may do it. Returns FieldErrors
// when another project has got its name meanwhile.
func (a *App) ArchiveProject(ctx context.Context, actor Actor, id string, archived bool) error {
	if err := a.need(ctx, actor, EditProjects); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		p, err := findProject(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		p.ArchivedAt = 0
		if archived {
			p.ArchivedAt = tx.Now()
		}
		errs := billing.FieldErrors{}
		if err := checkProjectName(ctx, tx, p, errs); err != nil {
			return err
		}
		if err := errs.Err(); err != nil {
			return err
		}
		if _, err := tx.SetProjectArchived(ctx, db.SetProjectArchivedParams{WorkspaceID: p.WorkspaceID, ID: id, ArchivedAt: p.ArchivedAt, UpdatedAt: tx.Now()}); err != nil {
			return fmt.Errorf("archive project: %w", err)
		}
		return record(ctx, tx, actor, "project.archive", id, nil, archived)
	})
}

// checkProjectName adds what is wrong when another project that is not archived has the name.
func checkProjectName(ctx context.Context, tx *db.Tx, p db.Project, errs billing.FieldErrors) error {
	if p.ArchivedAt > 0 {
		return nil
	}
	n, err := tx.CountProjectsNamed(ctx, db.CountProjectsNamedParams{WorkspaceID: p.WorkspaceID, SearchText: p.SearchText, ID: p.ID})
	if err != nil {
		return fmt.Errorf("look for the name of a project: %w", err)
	}
	if n > 0 {
		errs.Add("name", "A project of this name exists")
	}
	return nil
}

// checkProject adds what is wrong with the project that an invoice form names. stored is the
// draft's own, which stays even when it is archived.
func checkProject(ctx context.Context, tx *db.Tx, actor Actor, id string, stored *string, errs billing.FieldErrors) error {
	if id == "" || stored != nil && *stored == id {
		return nil
	}
	p, err := findProject(ctx, tx.Queries, actor, id)
	switch {
	case errors.Is(err, ErrNotFound):
		errs.Add("project", "Choose a project from the list")
	case err != nil:
		return err
	case p.ArchivedAt > 0:
		errs.Add("project", "This project is archived. Choose another one, or none")
	}
	return nil
}

func findProject(ctx context.Context, q *db.Queries, actor Actor, id string) (db.Project, error) {
	p, err := q.ProjectByID(ctx, db.ProjectByIDParams{WorkspaceID: actor.WorkspaceID, ID: id})
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("read project: %w", err)
	}
	return p, nil
}

// checked trims the input and says what is wrong with it.
func (in ProjectInput) checked() (ProjectInput, billing.FieldErrors) {
	errs := billing.FieldErrors{}
	in.Name, in.Note = strings.TrimSpace(in.Name), strings.TrimSpace(in.Note)
	checkListed(errs, "name", in.Name)
	errs.CheckLength("note", in.Note, maxNote)
	return in, errs
}

func projectSummary(p db.Project) map[string]any {
	return map[string]any{"name": p.Name, "note": p.Note}
}
