package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"trak/logs"
	"trak/sandbox"
)

// sandboxKey is the API key that the sandbox takes when it runs alone.
const sandboxKey = "sk_test_sandbox"

type sandboxCmd struct {
	Addr    string `default:"127.0.0.1:3001" placeholder:"ADDR" help:"Address on this machine to listen on (${default})."`
	Webhook string `placeholder:"URL" help:"Deliver every event to this address, signed."`
	Connect bool   `help:"Deliver the events of connected accounts there, instead of the platform's own."`
}

// Run serves the sandbox until SIGTERM or SIGINT, and prints the settings that lead to it.
func (c *sandboxCmd) Run() error {
	ctx, stop := untilSignal()
	defer stop()
	server := sandbox.New(sandbox.Options{SecretKey: sandboxKey, Logger: logs.New(os.Stderr, logs.Text, slog.LevelInfo)})
	if err := server.Start(c.Addr); err != nil {
		return err
	}
	defer func() { _ = server.Close() }()

	var secret string
	if c.Webhook != "" {
		var err error
		if secret, err = c.createEndpoint(server.URL()); err != nil {
			return fmt.Errorf("create the webhook endpoint: %w", err)
		}
	}
	fmt.Printf("The sandbox stands in for Stripe at %s. No real money moves, and it forgets everything when it stops.\n\n", server.URL())
	fmt.Printf("STRIPE_API_BASE=%s\nSTRIPE_SECRET_KEY=%s\n", server.URL(), sandboxKey)
	if secret != "" {
		fmt.Printf("STRIPE_WEBHOOK_SECRET=%s\n", secret)
	}
	<-ctx.Done()
	return nil
}

// createEndpoint asks the sandbox for a webhook endpoint as anybody would ask Stripe, and
// returns its signing secret.
func (c *sandboxCmd) createEndpoint(base string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // of its own: an early signal still gets all that is printed
	defer cancel()
	form := url.Values{"url": {c.Webhook}, "enabled_events[]": {"*"}}
	if c.Connect {
		form.Set("connect", "true")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/webhook_endpoints", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+sandboxKey)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Secret string
		Error  struct{ Message string }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", err
	}
	if answer.Secret == "" {
		return "", errors.New(answer.Error.Message)
	}
	return answer.Secret, nil
}
