package app

import (
	"context"
	"fmt"
	"slices"

	"trak/db"
)

// The files of an answer to a dispute, and those of a form that could not be saved: they wait for
// the person's next try, as no browser keeps them.

// disputeFiles lists the files of an answer, or those that are kept for somebody.
func disputeFiles(ctx context.Context, q *db.Queries, workspace, account, id, keptBy string) ([]db.DisputeFilesRow, error) {
	files, err := q.DisputeFiles(ctx, db.DisputeFilesParams{WorkspaceID: workspace, StripeAccountID: account, DisputeID: id, KeptBy: keptBy})
	if err != nil {
		return nil, fmt.Errorf("read files of dispute: %w", err)
	}
	return files, nil
}

// keepFiles keeps the files of a form that could not be saved, so that nobody has to choose them
// again, but for those that something is wrong with. What else was kept for the person goes.
func (a *App) keepFiles(ctx context.Context, actor Actor, id string, in EvidenceInput) error {
	if len(in.Files) == 0 && len(in.Kept) == 0 {
		return nil
	}
	return a.db.Update(ctx, db.Scope(actor.WorkspaceID), func(tx *db.Tx) error {
		d, err := a.disputeDetail(ctx, tx.Queries, actor, id)
		if err != nil || !d.Open {
			return err
		}
		files, errs := in.check(d.Reason, d.Files, d.Kept)
		files = slices.DeleteFunc(files, func(f EvidenceUpload) bool { return f.kept != "" || errs[f.Field] != "" })
		for _, f := range d.Kept {
			isNew := slices.ContainsFunc(files, func(n EvidenceUpload) bool { return n.Field == f.Field })
			if in.Kept[f.Field] == f.ID && !isNew {
				continue
			}
			if err := deleteFile(ctx, tx, actor, f); err != nil {
				return err
			}
		}
		if len(files) == 0 {
			return nil
		}
		if err := insertFiles(ctx, tx, actor, d, files, actor.UserID); err != nil {
			return err
		}
		return record(ctx, tx, actor, "dispute.keep_files", d.ID, nil, map[string]any{"files": len(files)})
	})
}

// insertFiles stores new files, as part of the answer or for somebody's next try.
func insertFiles(ctx context.Context, tx *db.Tx, actor Actor, d DisputeDetail, files []EvidenceUpload, keptBy string) error {
	for _, f := range files {
		if f.kept != "" {
			continue
		}
		err := tx.InsertDisputeFile(ctx, db.InsertDisputeFileParams{
			ID: newID(), WorkspaceID: actor.WorkspaceID, StripeAccountID: d.Account, DisputeID: d.ID, Field: f.Field, KeptBy: keptBy, Name: f.Name,
			MediaType: f.kind, Size: int64(len(f.Content)), Content: f.Content, CreatedBy: actor.UserID, CreatedAt: tx.Now(),
		})
		if err != nil {
			return fmt.Errorf("store file: %w", err)
		}
	}
	return nil
}

func deleteFile(ctx context.Context, tx *db.Tx, actor Actor, f db.DisputeFilesRow) error {
	if _, err := tx.DeleteDisputeFile(ctx, db.DeleteDisputeFileParams{WorkspaceID: actor.WorkspaceID, ID: f.ID}); err != nil {
		return fmt.Errorf("take out file: %w", err)
	}
	return nil
}
