package main
import ("testing";"context";"trak/bench/rig";"os";"trak/db";"time")
func TestPlan(t *testing.T) {
	os.Chdir("../..")
	ctx := context.Background()
	dir := t.TempDir()
	w, err := rig.NewWorld(ctx, dir, 2000)
	if err != nil { t.Fatal(err) }
	defer w.Close()
	d, a, err := w.Open(ctx, dir)
	if err != nil { t.Fatal(err) }
	var ps []rig.Payment
	for i := range 1500 {
		p := w.Pay(w.Invoices[100+i], i+1)
		ps = append(ps, p)
	}
	rig.Together(64, 1500, func(_, i int) error {
		for _, e := range ps[i].Events {
		if err := a.ReceiveWebhook(ctx, e.Payload, rig.Sign(e.Payload, time.Now())); err != nil { t.Fatal(err) }
	}
	return nil })
	d.Update(ctx, "", func(tx *db.Tx) error {
		acc, _ := tx.AccountByStripeID(ctx, &w.Account)
		m := func(name string, f func(i int)) {
			s := time.Now()
			for i := range 1500 { f(i) }
			t.Log(name, time.Since(s)/1500)
		}
		for range 2 {
		m("charges", func(i int) { tx.ChargesOfIntent(ctx, db.ChargesOfIntentParams{WorkspaceID: acc.WorkspaceID, StripeAccountID: w.Account, PaymentIntentID: ps[i].Intent}) })
		m("sessions", func(i int) { tx.SessionsOfIntent(ctx, db.SessionsOfIntentParams{WorkspaceID: acc.WorkspaceID, StripeAccountID: w.Account, PaymentIntentID: ps[i].Intent}) })
		m("refunds", func(i int) { tx.RefundsOfCharge(ctx, db.RefundsOfChargeParams{WorkspaceID: acc.WorkspaceID, StripeAccountID: w.Account, ChargeID: ps[i].Charge}) })
		m("payment", func(i int) { tx.PaymentByIntent(ctx, db.PaymentByIntentParams{WorkspaceID: acc.WorkspaceID, StripeAccountID: w.Account, PaymentIntentID: ps[i].Intent}) })
		m("links", func(i int) { tx.LinksOfInvoice(ctx, db.LinksOfInvoiceParams{WorkspaceID: acc.WorkspaceID, InvoiceID: ps[i].Invoice.ID}) })
		m("invoice", func(i int) { tx.InvoiceByID(ctx, db.InvoiceByIDParams{WorkspaceID: acc.WorkspaceID, ID: ps[i].Invoice.ID}) })
		m("payments", func(i int) { tx.PaymentsOfInvoice(ctx, db.PaymentsOfInvoiceParams{WorkspaceID: acc.WorkspaceID, InvoiceID: &ps[i].Invoice.ID}) })
		m("account", func(i int) { tx.AccountByStripeID(ctx, &w.Account) })
		m("savepoint", func(i int) { tx.Savepoint(func() error {return nil}) })
		}
		return nil
	})
}
