package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"trak/app"
)

// recordPage is the form of a client or a project, new or known.
type recordPage struct {
	Page
	Kind     string // client or project
	List     string // address of all of them
	ID       string // "" of a new one
	Action   string // where the form goes
	Archived bool
	Gone     bool // it was made anonymous
	MayGo    bool // this person may export it and make it anonymous
	Form     form // with the version that was seen, if it is known
	Saved    any  // the client or project as somebody else saved it meanwhile
}

func (h *Server) showRecord(c *fiber.Ctx, status int, data recordPage) (err error) {
	title := "New " + data.Kind
	data.Action = data.List
	if data.ID != "" {
		title = "Edit " + data.Kind
		data.Action += "/" + data.ID
	}
	if data.Page, err = h.page(c, title, data.Kind+"s"); err != nil {
		return err
	}
	return h.render(c, status, "record_form", data, data.Kind+"-form")
}

// showUnsaved shows a form again that could not be saved, with what is wrong with it. When somebody
// else saved meanwhile both are shown, and saving again replaces what is there now.
func (h *Server) showUnsaved(c *fiber.Ctx, failure error, f form, stored func(*fiber.Ctx) (recordPage, any, error)) error {
	errs, isInput := fieldErrors(failure)
	if !isInput && !errors.Is(failure, app.ErrConflict) {
		return failure
	}
	data, saved, err := stored(c)
	if err != nil {
		return err
	}
	version := data.Form.Value("version")
	data.Form = f
	if isInput {
		data.Form.Errors = errs
		return h.showRecord(c, fiber.StatusUnprocessableEntity, data)
	}
	data.Form.values["version"], data.Saved = version, saved
	return h.showRecord(c, fiber.StatusConflict, data)
}
