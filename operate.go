package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"trak/app"
	"trak/billing"
)

// operation is what an operator does to a person, by command.
type operation struct {
	Do        string `json:"do"` // create, reset, disable, enable, promote
	Email     string `json:"email"`
	Name      string `json:"name,omitempty"`
	Password  string `json:"password,omitempty"`
	Workspace string `json:"workspace,omitempty"`
}

// operated is what came of it.
type operated struct {
	Link      string   `json:"link,omitempty"`
	Ownerless []string `json:"ownerless,omitempty"` // slugs
}

func (o operation) run(ctx context.Context, trak *app.App) (done operated, err error) {
	ctx = app.From(ctx, app.CommandLine)
	switch o.Do {
	case "create":
		done.Link, err = trak.OperatorCreateUser(ctx, app.OperatorNewUser{Email: o.Email, Name: o.Name, Password: o.Password})
	case "reset":
		done.Link, err = trak.OperatorResetPassword(ctx, o.Email, o.Password)
	case "disable", "enable":
		done.Ownerless, err = trak.OperatorDisable(ctx, o.Email, o.Do == "enable")
	case "promote":
		err = trak.OperatorMakeOwner(ctx, o.Email, o.Workspace)
	default:
		err = fmt.Errorf("the running server does not know %q; start it again with this version", o.Do)
	}
	return done, err
}

// operate lets the running server do it, so that sessions that are open end at once. When none
// runs, it opens the data directory itself. links says that a link may be made, which needs APP_URL.
func (c *configuration) operate(o operation, links bool) (done operated, err error) {
	ctx, stop := untilSignal()
	defer stop()
	body, err := json.Marshal(o)
	if err != nil {
		return done, err
	}
	answer, err := openAnswer(ctx, c.Data, "/operate", bytes.NewReader(body), controlTime)
	if errors.Is(err, errNoServer) {
		return c.operateAlone(ctx, o, links)
	}
	if err != nil {
		return done, err
	}
	defer func() { _ = answer.Close() }()
	if err := json.NewDecoder(io.LimitReader(answer, maxAnswer)).Decode(&done); err != nil {
		return done, fmt.Errorf("read the running server's answer: %w", err)
	}
	return done, nil
}

func (c *configuration) operateAlone(ctx context.Context, o operation, links bool) (done operated, err error) {
	var p problems
	s := settings{DataDir: c.Data, Now: time.Now, Logger: p.logger(c.Log)}
	s.SecretKey, s.OldSecretKey = p.secretKeys(*c)
	if links {
		s.AppURL = p.appURL(c.AppURL, false)
	}
	if len(p) > 0 {
		return done, p
	}
	database, trak, err := openAlone(ctx, s)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	done, err = o.run(ctx, trak)
	return done, inWords(err)
}

// maxOperation bounds what a command sends, in bytes.
const maxOperation = 64 << 10

func operateOnServer(product *app.App) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var o operation
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxOperation)).Decode(&o); err != nil {
			http.Error(w, "that is no operation", http.StatusBadRequest)
			return
		}
		done, err := o.run(r.Context(), product)
		if err != nil {
			http.Error(w, inWords(err).Error(), http.StatusUnprocessableEntity)
			return
		}
		_ = json.NewEncoder(w).Encode(done)
	}
}

// inWords says what is wrong with what was typed, one field after the other.
func inWords(err error) error {
	var fields billing.FieldErrors
	if !errors.As(err, &fields) {
		return err
	}
	var all []error
	for _, name := range []string{"email", "name", "password"} {
		if what, ok := fields[name]; ok {
			all = append(all, fmt.Errorf("%s: %s", name, what))
		}
	}
	return errors.Join(all...)
}
