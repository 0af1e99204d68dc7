package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"trak/app"
	"trak/connect"
)

type verifyCmd struct {
	configuration
	Local  bool `help:"Leave Stripe out, also when STRIPE_SECRET_KEY is set."`
	Repair bool `help:"Compute again what is derived and stored otherwise. Facts are never changed."`
	JSON   bool `help:"Print the report as JSON."`
}

// verification is the answer as JSON.
type verification struct {
	app.VerifyReport
	Mended []app.Difference `json:"mended,omitempty"`
}

// Run reads the database beside a server that may be running, and compares it with Stripe when
// there is a key. It ends with 1 when anything differs, one line for each difference, and with 2
// when it could not look.
func (c *verifyCmd) Run() error {
	ctx, stop := untilSignal()
	defer stop()
	v, err := c.verify(ctx)
	if err != nil {
		return unseen{err}
	}
	if err := c.print(v); err != nil {
		return err
	}
	if len(v.Differences) > 0 {
		return exitCode(1)
	}
	return nil
}

func (c *verifyCmd) verify(ctx context.Context) (v verification, err error) {
	s, err := c.checked()
	if err != nil {
		return v, err
	}
	if c.Repair {
		if v.Mended, err = c.repair(ctx, s); err != nil {
			return v, fmt.Errorf("repair: %w", err)
		}
	}
	database, err := openToRead(ctx, c.Data)
	if err != nil {
		return v, err
	}
	defer func() { _ = database.Close() }()
	bar := newProgress(os.Stderr)
	defer bar.clear()
	o := app.VerifyOptions{Own: s.Own, Progress: bar.show}
	if o.Secrets, err = s.secretsToLook(); err != nil {
		return v, err
	}
	if s.StripeKey != "" {
		o.Stripe, err = connect.New(connect.Config{SecretKey: string(s.StripeKey), BaseURL: s.StripeBase, InstallID: "verify", Own: s.Own})
		if err != nil {
			return v, err
		}
	}
	v.VerifyReport, err = app.VerifyWith(ctx, database, o)
	return v, err
}

// checked are the settings that a look needs: those that lead to Stripe, which without a key is
// left out, and the secret key.
func (c *verifyCmd) checked() (settings, error) {
	var p problems
	s := settings{DataDir: c.Data}
	s.SecretKey, s.OldSecretKey = p.secretKeys(c.configuration)
	if !c.Local {
		s.StripeKey = p.secret("STRIPE_SECRET_KEY", c.StripeSecretKey, c.StripeSecretKeyFile)
	}
	if s.StripeKey != "" {
		if p.checkStripeKey(s.StripeKey) {
			s.Live, _ = connect.Mode(string(s.StripeKey))
		}
		s.Own = p.stripeMode(c.StripeMode)
		s.StripeBase = p.stripeBase(c.StripeAPIBase, s.Live)
	}
	if len(p) > 0 {
		return settings{}, p
	}
	return s, nil
}

// repair lets the running server do it, so that its pages show it at once. When none runs, it
// takes the lock and opens the data directory itself.
func (c *verifyCmd) repair(ctx context.Context, s settings) (mended []app.Difference, err error) {
	answer, err := askServer(ctx, c.Data, "/repair")
	if err == nil {
		err = json.Unmarshal([]byte(answer), &mended)
		return mended, err
	}
	if !errors.Is(err, errNoServer) {
		return nil, err
	}
	s.Now, s.Logger = time.Now, (&problems{}).logger(c.Log)
	database, trak, err := openAlone(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	return trak.Repair(app.From(ctx, app.CommandLine))
}
