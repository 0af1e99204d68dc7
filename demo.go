package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"trak/app"
	"trak/handlers"
	"trak/logs"
	"trak/sandbox"
)

type demoCmd struct {
	Addr string `default:"localhost:3000" placeholder:"ADDR" help:"Address to listen on (${default})."`
	Data string `placeholder:"DIR" help:"Keep the demo's data in this directory, and go on with it next time."`
}

// demoClock begins in the past, so that the seeded history has dates, and is moved to now.
type demoClock struct{ behind atomic.Int64 }

func (c *demoClock) now() time.Time    { return time.Now().Add(-time.Duration(c.behind.Load())) }
func (c *demoClock) back(days float64) { c.behind.Store(int64(days * float64(24*time.Hour))) }
func (c *demoClock) toNow()            { c.behind.Store(0) }

// Run serves Trak and the sandbox in one process, with made-up data, until it is stopped.
func (c *demoCmd) Run() error {
	if err := refuseLiveKey(os.Getenv); err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("%w; --addr chooses another address", err)
	}
	dir, remove, err := c.dataDir()
	if err != nil {
		return err
	}
	defer remove()

	clock := &demoClock{}
	logger := logs.New(os.Stderr, logs.Text, slog.LevelWarn)
	stripe := sandbox.New(sandbox.Options{Now: clock.now, SecretKey: sandboxKey, Logger: logger, State: stateFile(c.Data)})
	if err := stripe.Start("localhost:0"); err != nil {
		return err
	}
	defer func() { _ = stripe.Close() }()

	s := settings{
		StripeKey: sandboxKey, StripeBase: stripe.URL(), AppURL: "http://" + demoHost(c.Addr, listener.Addr()), DataDir: dir,
		Now: clock.now, Logger: logger, Demo: &handlers.Demo{SandboxURL: stripe.URL(), Accounts: buttons()},
	}
	trak, err := build(ctx, s)
	if err != nil {
		return err
	}
	defer trak.close()
	served := make(chan error, 1)
	go func() { served <- trak.serve(ctx, listener) }()

	seed := &seed{app: trak.app, stripe: stripe, clock: clock}
	if err := seed.run(ctx); err != nil && ctx.Err() == nil {
		stop()
		return errors.Join(fmt.Errorf("fill the demo with data: %w", err), <-served)
	}
	printDemo(os.Stdout, s.AppURL, stripe.URL(), c.Data)
	return <-served
}

// dataDir is the directory to use, and what to do with it in the end.
func (c *demoCmd) dataDir() (dir string, remove func(), err error) {
	if c.Data != "" {
		return c.Data, func() {}, nil
	}
	dir, err = os.MkdirTemp("", "trak-demo-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

// demoHost is how a browser on this machine reaches the address that is listened on.
func demoHost(asked string, addr net.Addr) string {
	host, _, _ := net.SplitHostPort(asked)
	_, port, _ := net.SplitHostPort(addr.String())
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// buttons are the accounts that one click signs in to: those of the first workspace.
func buttons() (list []handlers.DemoAccount) {
	for _, p := range demoTeams[0].people {
		list = append(list, handlers.DemoAccount{Role: string(p.role), Email: p.email, Password: p.password})
	}
	return list
}

func printDemo(out io.Writer, url, stripe, data string) {
	_, _ = fmt.Fprintf(out, "Trak's demo is ready at %s\nThe stand-in for Stripe is at %s. No real money moves.\n\n", url, stripe)
	for _, t := range demoTeams {
		_, _ = fmt.Fprintf(out, "%s\n", t.name)
		for _, p := range t.people {
			_, _ = fmt.Fprintf(out, "  %-10s %-28s %s\n", p.role, p.email, p.password)
		}
	}
	if data == "" {
		_, _ = fmt.Fprint(out, "\nThe data is removed when the demo stops; --data DIR keeps it.\n")
	}
}

// demoTeam is a workspace of the demo and its people.
type demoTeam struct {
	name   string
	in     app.NewWorkspace
	people []demoPerson
}

type demoPerson struct {
	name, email, password string
	role                  app.Role
}

var demoTeams = []demoTeam{
	{
		name: "Northlight Studio",
		in:   app.NewWorkspace{Name: "Northlight Studio", Country: "DE", Currency: "eur", TimeZone: "Europe/Berlin", Locale: "en"},
		people: []demoPerson{
			{"Mira Osei", "mira@northlight.example", "north-light-owner", app.Owner},
			{"Jonas Beck", "jonas@northlight.example", "north-light-admin", app.Admin},
			{"Ada Lindqvist", "ada@northlight.example", "north-light-member", app.Member},
			{"Noor Haddad", "noor@northlight.example", "north-light-accountant", app.Accountant},
		},
	},
	{
		name: "Kestrel Rowing Club",
		in:   app.NewWorkspace{Name: "Kestrel Rowing Club", Country: "GB", Currency: "gbp", TimeZone: "Europe/London", Locale: "en-GB"},
		people: []demoPerson{
			{"Tom Ashby", "tom@kestrel.example", "kestrel-rows-owner", app.Owner},
			{"Priya Nair", "priya@kestrel.example", "kestrel-rows-admin", app.Admin},
			{"Sam Doyle", "sam@kestrel.example", "kestrel-rows-member", app.Member},
		},
	},
}
