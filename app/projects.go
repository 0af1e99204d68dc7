package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"trak/billing"
	"trak/db"
)

// A project gathers invoices, for the team alone: its clients never see it.

// ProjectInput is the project form as typed.
type ProjectInput struct {
	Name, Note string
	Version    int64 // of the project that was edited
}

const (
	projectsPerPage = 50
	// projectChoices is how many projects an invoice form offers.
	projectChoices = 200
)

// ProjectTotal is what a project comes to in one currency, in the mode that Trak runs in.
type ProjectTotal struct {
	Invoices                        int64
	Invoiced, Received, Outstanding billing.Money
}

// ProjectSummary is a project with what it comes to.
type ProjectSummary struct {
	db.Project
	Totals []ProjectTotal
}

// Projects lists the workspace's projects by name, a page at a time, or those that are put away,
// the first hundred by name. Members may see them. next is nil on the last page.
func (a *App) Projects(ctx context.Context, actor Actor, archived bool, after NameCursor) (list []ProjectSummary, next *NameCursor, err error) {
	if err := a.need(ctx, actor, ViewProjects); err != nil {
		return nil, nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		var rows []db.Project
		if archived {
			rows, err = q.ListArchivedProjects(ctx, db.ListArchivedProjectsParams{WorkspaceID: actor.WorkspaceID, Max: 100})
		} else {
			rows, err = q.ListProjects(ctx, db.ListProjectsParams{WorkspaceID: actor.WorkspaceID, AfterText: after.Text, AfterID: after.ID, Max: projectsPerPage + 1})
		}
		if err != nil {
			return fmt.Errorf("list projects: %w", err)
		}
		if !archived && len(rows) > projectsPerPage {
			rows = rows[:projectsPerPage]
			last := rows[len(rows)-1]
			next = &NameCursor{last.SearchText, last.ID}
		}
		for _, p := range rows {
			totals, err := a.projectTotals(ctx, q, p)
			if err != nil {
				return err
			}
			list = append(list, ProjectSummary{p, totals})
		}
		return nil
	})
	return list, next, err
}

func (a *App) projectTotals(ctx context.Context, q *db.Queries, p db.Project) (list []ProjectTotal, err error) {
	rows, err := q.TotalsOfProject(ctx, db.TotalsOfProjectParams{WorkspaceID: p.WorkspaceID, ProjectID: &p.ID, Livemode: a.live})
	if err != nil {
		return nil, fmt.Errorf("sum project: %w", err)
	}
	for _, r := range rows {
		money := func(minor int64) billing.Money { return billing.Money{Minor: minor, Currency: r.Currency} }
		list = append(list, ProjectTotal{r.Invoices, money(r.Invoiced), money(r.Received), money(r.Outstanding)})
	}
	return list, nil
}

// Project returns one project with what it comes to. Members may see it.
func (a *App) Project(ctx context.Context, actor Actor, id string) (s ProjectSummary, err error) {
	if err := a.need(ctx, actor, ViewProjects); err != nil {
		return s, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		if s.Project, err = findProject(ctx, q, actor, id); err != nil {
			return err
		}
		s.Totals, err = a.projectTotals(ctx, q, s.Project)
		return err
	})
	return s, err
}

// InvoicesOfProject returns a page of a project's invoices, drafts too, newest first. Members may
// see it. next is nil on the last page.
func (a *App) InvoicesOfProject(ctx context.Context, actor Actor, id string, from Cursor) (rows []Row, next *Cursor, err error) {
	if err := a.need(ctx, actor, ViewInvoices); err != nil {
		return nil, nil, err
	}
	if from.ID == "" {
		from.At = math.MaxInt64
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err := q.ListInvoicesOfProject(ctx, db.ListInvoicesOfProjectParams{
			WorkspaceID: actor.WorkspaceID, ProjectID: &id, Livemode: a.live, BeforeAt: from.At, BeforeID: from.ID, Max: invoicesPerPage + 1,
		})
		if err != nil {
			return fmt.Errorf("list invoices of project: %w", err)
		}
		if len(list) > invoicesPerPage {
			list = list[:invoicesPerPage]
			last := list[len(list)-1]
			next = &Cursor{At: last.CreatedAt, ID: last.ID}
		}
		for _, r := range list {
			rows = append(rows, a.row(actor, db.InvoiceRowRow(r)))
		}
		return nil
	})
	return rows, next, err
}

// ProjectChoices lists the active projects that an invoice can belong to, by name, and the one
// that it belongs to already, though that was put away. Members may see them.
func (a *App) ProjectChoices(ctx context.Context, actor Actor, current string) (list []db.Project, err error) {
	if err := a.need(ctx, actor, ViewProjects); err != nil {
		return nil, err
	}
	err = a.db.View(ctx, db.Scope(actor.WorkspaceID), func(q *db.Queries) error {
		list, err = q.ListProjects(ctx, db.ListProjectsParams{WorkspaceID: actor.WorkspaceID, Max: projectChoices})
		if err != nil || current == "" {
			return err
		}
		for _, p := range list {
			if p.ID == current {
				return nil
			}
		}
		p, err := findProject(ctx, q, actor, current)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		list = append(list, p)
		return err
	})
	return list, err
}

// CreateProject adds a project. Members may do it. Returns FieldErrors.
func (a *App) CreateProject(ctx context.Context, actor Actor, in ProjectInput) (p db.Project, err error) {
	if err := a.need(ctx, actor, EditProjects); err != nil {
		return p, err
	}
	err = a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		if in, err = in.checked(ctx, tx, actor, ""); err != nil {
			return err
		}
		p = db.Project{
			ID: newID(), WorkspaceID: actor.WorkspaceID, Name: in.Name, Note: in.Note, SearchText: searchText(in.Name), Version: 1,
			CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
		}
		err := tx.InsertProject(ctx, db.InsertProjectParams{
			ID: p.ID, WorkspaceID: p.WorkspaceID, Name: p.Name, Note: p.Note, SearchText: p.SearchText, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		})
		if err != nil {
			return fmt.Errorf("insert project: %w", err)
		}
		return record(ctx, tx, actor, "project.create", p.ID, nil, in)
	})
	return p, err
}

// UpdateProject changes a project. Members may do it. Returns FieldErrors, or ErrConflict when
// somebody changed the project meanwhile.
func (a *App) UpdateProject(ctx context.Context, actor Actor, id string, in ProjectInput) error {
	if err := a.need(ctx, actor, EditProjects); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		was, err := findProject(ctx, tx.Queries, actor, id)
		if err != nil {
			return err
		}
		if in, err = in.checked(ctx, tx, actor, id); err != nil {
			return err
		}
		n, err := tx.UpdateProject(ctx, db.UpdateProjectParams{
			WorkspaceID: actor.WorkspaceID, ID: id, Version: in.Version, Name: in.Name, Note: in.Note,
			SearchText: searchText(in.Name), UpdatedAt: tx.Now(),
		})
		if err != nil {
			return fmt.Errorf("update project: %w", err)
		}
		if n == 0 {
			return ErrConflict
		}
		return record(ctx, tx, actor, "project.update", id, ProjectInput{was.Name, was.Note, was.Version}, in)
	})
}

// ArchiveProject puts a project away, or takes it back. Its invoices stay in it. Members may do it.
func (a *App) ArchiveProject(ctx context.Context, actor Actor, id string, archived bool) error {
	if err := a.need(ctx, actor, EditProjects); err != nil {
		return err
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		if _, err := findProject(ctx, tx.Queries, actor, id); err != nil {
			return err
		}
		at := int64(0)
		if archived {
			at = tx.Now()
		}
		if _, err := tx.SetProjectArchived(ctx, db.SetProjectArchivedParams{WorkspaceID: actor.WorkspaceID, ID: id, ArchivedAt: at, UpdatedAt: tx.Now()}); err != nil {
			return fmt.Errorf("archive project: %w", err)
		}
		return record(ctx, tx, actor, "project.archive", id, nil, archived)
	})
}

// projectOfForm finds the project that an invoice form names. One that was put away may stay, and
// may not be chosen anew.
func projectOfForm(ctx context.Context, tx *db.Tx, actor Actor, in InvoiceInput, was *string, errs billing.FieldErrors) (*string, error) {
	if in.ProjectID == "" {
		return nil, nil
	}
	p, err := findProject(ctx, tx.Queries, actor, in.ProjectID)
	switch {
	case errors.Is(err, ErrNotFound):
		errs.Add("project", "Choose one of your projects, or none")
		return nil, nil
	case err != nil:
		return nil, err
	case p.ArchivedAt > 0 && (was == nil || *was != p.ID):
		errs.Add("project", p.Name+" is archived. Choose another project, or none")
	}
	return &p.ID, nil
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

// checked trims the input, and returns FieldErrors for what is wrong with it. id is the project's
// own, "" of a new one.
func (in ProjectInput) checked(ctx context.Context, tx *db.Tx, actor Actor, id string) (ProjectInput, error) {
	in.Name, in.Note = strings.TrimSpace(in.Name), strings.TrimSpace(in.Note)
	errs := billing.FieldErrors{}
	switch n := utf8.RuneCountInString(in.Name); {
	case n == 0:
		errs.Add("name", "Enter a name")
	case n > 120:
		errs.Add("name", "At most 120 characters")
	}
	if utf8.RuneCountInString(in.Note) > 1000 {
		errs.Add("note", "At most 1,000 characters")
	}
	same, err := tx.ProjectOfName(ctx, db.ProjectOfNameParams{WorkspaceID: actor.WorkspaceID, SearchText: searchText(in.Name), ID: id})
	if err != nil {
		return in, fmt.Errorf("look for the name: %w", err)
	}
	if same > 0 {
		errs.Add("name", "There is a project of this name already")
	}
	return in, errs.Err()
}
