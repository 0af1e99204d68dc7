package handlers

import (
	"github.com/gofiber/fiber/v2"

	"trak/app"
	"trak/billing"
)

// proofPage is the whole way of an invoice's money, to read or to print.
type proofPage struct {
	Page
	local
	Back     string // address of the invoice
	Name     string // its number, "Draft" before there is one
	Client   string
	TestMark bool
	Label    billing.Label
	Legs     []proofLeg
}

type proofLeg struct {
	Title string
	Steps []proofStep
}

type proofStep struct {
	What, StripeID string
	Amount         string // signed, "" when it is not about money
	At             int64  // 0 = it has a day alone, or no time
	Day            billing.Date
	Missing        bool
}

func (h *Server) invoiceProof(c *fiber.Ctx) error {
	actor, here := actorOf(c), localOf(actorOf(c))
	p, err := h.app.Proof(c.UserContext(), actor, c.Params("id"))
	if err != nil {
		return err
	}
	data := proofPage{
		local: here, Back: invoicesPath(actor, "/"+p.InvoiceID), Name: p.Number, Client: p.Client, TestMark: !p.Livemode, Label: billing.LabelOfStatus(p.Status),
	}
	if data.Name == "" {
		data.Name = "Draft"
	}
	for _, leg := range p.Legs {
		data.Legs = append(data.Legs, proofLegOf(leg, here.Locale))
	}
	if data.Page, err = h.page(c, "Proof of "+data.Name, "invoices"); err != nil {
		return err
	}
	return h.render(c, fiber.StatusOK, "proof", data)
}

func proofLegOf(leg app.Leg, locale string) proofLeg {
	out := proofLeg{Title: leg.Title}
	for _, s := range leg.Steps {
		step := proofStep{What: s.What, StripeID: s.StripeID, At: s.At, Day: billing.Date(s.Day), Missing: s.Missing}
		if money, ok := s.Money(); ok {
			step.Amount = signedMoney(money, locale)
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}
