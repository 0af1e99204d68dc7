// Package planted is servers with a bug in them. Each does with webhooks what Trak does, by the
// same use-case, apart from the one thing that no payment system may do. The torture must
// notice.
package planted

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"trak/app"
	"trak/bench/rig"
	"trak/connect"
	"trak/db"
)

// Bug is what is wrong with a server.
type Bug string

const (
	// AckFirst answers 200 before the event is on the disk.
	AckFirst Bug = "acknowledged before the commit"
	// TwoTransactions stores the event and its effects in one transaction each: after a kill in
	// between, the next delivery is taken for a duplicate.
	TwoTransactions Bug = "event and effects in two transactions"
)

// Serve serves webhooks at addr, on a data directory, until it is killed.
func Serve(bug Bug, dir, addr, stripeURL string) error {
	database, product, err := rig.Open(context.Background(), dir, stripeURL)
	if err != nil {
		return err
	}
	receive := map[Bug]receiver{
		AckFirst:        ackFirst(product),
		TwoTransactions: twoTransactions(database, product),
	}[bug]
	if receive == nil {
		return fmt.Errorf("there is no bug %q", bug)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /api/stripe/webhook", func(w http.ResponseWriter, r *http.Request) {
		payload, err := io.ReadAll(r.Body)
		if err == nil {
			err = receive(payload, r.Header.Get("Stripe-Signature"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	server := &http.Server{Addr: addr, Handler: mux, ReadTimeout: time.Minute}
	return server.ListenAndServe()
}

// receiver takes a delivery; nil is answered with 200.
type receiver func(payload []byte, signature string) error

func ackFirst(a *app.App) receiver {
	return func(payload []byte, signature string) error {
		go func() { _ = a.ReceiveWebhook(context.Background(), payload, signature) }()
		return nil
	}
}

func twoTransactions(database *db.DB, a *app.App) receiver {
	ctx := context.Background()
	return func(payload []byte, _ string) error {
		e, err := connect.ParseEvent(payload)
		if err != nil {
			return err
		}
		errRepeat := errors.New("it is there already")
		err = database.Update(ctx, db.System, func(tx *db.Tx) error {
			account, err := tx.AccountByStripeID(ctx, &e.Account)
			if err != nil {
				return err
			}
			n, err := tx.InsertStripeEvent(ctx, db.InsertStripeEventParams{
				EventID: e.ID, StripeAccountID: e.Account, WorkspaceID: &account.WorkspaceID, Type: e.Type, ApiVersion: e.APIVersion,
				Created: e.Created, ReceivedAt: tx.Now(), Payload: payload, State: "applied", Source: "webhook", ObjectID: e.ObjectID,
			})
			if err == nil && n == 0 {
				err = errRepeat
			}
			return err
		})
		if errors.Is(err, errRepeat) {
			return nil
		}
		if err != nil {
			return err
		}
		// The use-case applies it under another id, or it would see a duplicate as well.
		effects := []byte(strings.ReplaceAll(string(payload), e.ID, e.ID+"_effects"))
		return a.ReceiveWebhook(ctx, effects, rig.Sign(effects, time.Now()))
	}
}
