package main

import (
	"context"
	"errors"
	"fmt"

	"trak/app"
)

type webhookCmd struct {
	Ensure webhookEnsureCmd `cmd:"" help:"Create or mend the webhook endpoint at Stripe, and keep its signing secret."`
}

type webhookEnsureCmd struct {
	configuration
}

// Run lets the running server do it, so that the server knows the secret at once. When none
// runs, it opens the data directory itself.
func (c *webhookEnsureCmd) Run() error {
	ctx, stop := untilSignal()
	defer stop()
	done, err := askServer(ctx, c.Data, "/webhook/ensure")
	if errors.Is(err, errNoServer) {
		done, err = c.alone(ctx)
	}
	if err != nil {
		return err
	}
	fmt.Println(done)
	return nil
}

func (c *webhookEnsureCmd) alone(ctx context.Context) (done string, err error) {
	s, err := c.settings()
	if err != nil {
		return "", err
	}
	database, product, err := openApp(ctx, s)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	return product.EnsureWebhook(app.From(ctx, app.CommandLine))
}
