package handlers

import (
	"github.com/gofiber/fiber/v2"

	"trak/app"
)

type deletionPage struct {
	Page
	app.Deletion
	Form form // confirm
}

func (h *Server) confirmDeletion(c *fiber.Ctx) error {
	return h.showDeletion(c, fiber.StatusOK, form{})
}

func (h *Server) showDeletion(c *fiber.Ctx, status int, f form) error {
	d, err := h.app.Deletion(c.UserContext(), actorOf(c))
	if err != nil {
		return err
	}
	page, err := h.page(c, "Delete workspace", "settings")
	if err != nil {
		return err
	}
	return h.render(c, status, "settings_delete", deletionPage{Page: page, Deletion: d, Form: f})
}

func (h *Server) deleteWorkspace(c *fiber.Ctx) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	err = h.app.DeleteWorkspace(c.UserContext(), actorOf(c), f.Line("confirm"))
	if errs, ok := fieldErrors(err); ok {
		f.Errors = errs
		return h.showDeletion(c, fiber.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return err
	}
	h.flash(c, "The workspace is deleted")
	return h.goTo(c, "/workspaces")
}

func (h *Server) confirmAnonymise(c *fiber.Ctx) error {
	actor, id := actorOf(c), c.Params("id")
	client, err := h.app.Client(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	data := confirmPage{
		Heading: "Make " + client.Name + " anonymous?",
		Text: []string{
			"Their name, email and address are taken out of your clients and drafts, and nobody finds them by these any more. Drafts lose their client, note and purchase order.",
			"Finalized invoices keep the buyer's name and address, as the law wants it, and lose the email. Payments stay.",
			"The audit log keeps what was done before. What a payer typed at Stripe stays there.",
			"This can't be undone.",
		},
		Action: clientsPath(actor, "/"+id+"/anonymise"), Button: "Make anonymous", Back: clientsPath(actor, "/"+id+"/edit"), BackTo: "Back to the client",
	}
	if client.AnonymisedAt > 0 {
		data = confirmPage{Heading: "This client is anonymous already", Back: clientsPath(actor, ""), BackTo: "Back to your clients"}
	}
	if data.Page, err = h.page(c, data.Heading, "clients"); err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "confirm", data)
}

func (h *Server) anonymiseClient(c *fiber.Ctx) error {
	if err := h.app.AnonymiseClient(c.UserContext(), actorOf(c), c.Params("id")); err != nil {
		return err
	}
	return h.toClients(c, "The client is anonymous now.")
}
