// Trak is one binary: invoices for a small team, paid through its own Stripe account.
package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // workspaces have time zones; the container image has no files of its own

	"github.com/alecthomas/kong"

	"trak/app"
	"trak/db"
	"trak/logs"
)

// Exit codes beside 0 and 1, as in BSD's sysexits.h.
const (
	exitUnseen = 2  // a command that looks could not: 1 says that it did, and found something
	exitUsage  = 64 // the command line is wrong
	exitLocked = 75 // another process has the data directory; trying again later may work
	exitConfig = 78 // the configuration must be changed first
)

// commands is the command line. Each command is a struct in a file of its own.
type commands struct {
	Serve       serveCmd       `cmd:"" help:"Serve Trak."`
	Demo        demoCmd        `cmd:"" help:"Try Trak with made-up data: no keys, no network, no real money."`
	Sandbox     sandboxCmd     `cmd:"" help:"Run the stand-in for Stripe alone, to try a configuration or a change."`
	Sync        syncCmd        `cmd:"" help:"Read what happened at Stripe and no webhook told, now."`
	Verify      verifyCmd      `cmd:"" help:"Compute every status, sum and number again and compare it with what is stored, and with Stripe."`
	Prove       proveCmd       `cmd:"" help:"Print the whole way of an invoice's money, each step with Stripe's id."`
	Doctor      doctorCmd      `cmd:"" help:"Look whether payments reach Trak, and say how to mend what stands in their way."`
	User        userCmd        `cmd:"" help:"The people who can sign in, for an operator who is locked out."`
	Workspace   workspaceCmd   `cmd:"" help:"The workspaces."`
	Webhook     webhookCmd     `cmd:"" help:"The webhook endpoint at Stripe."`
	Key         keyCmd         `cmd:"" help:"The key that encrypts the secrets in the database."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask a running server whether it is well, for containers."`
	Version     versionCmd     `cmd:"" help:"Print the version and the licences."`
}

func main() {
	syscall.Umask(0o077) // every file that is made from here on is its owner's alone
	defer saysWhy()
	os.Exit(run(os.Args[1:]))
}

// saysWhy ends a panic of a command as Go does, with its text scrubbed.
func saysWhy() {
	if p := recover(); p != nil {
		fmt.Fprintf(os.Stderr, "trak: panic: %s\n%s", logs.Scrub(fmt.Sprint(p)), debug.Stack())
		os.Exit(exitUnseen)
	}
}

func run(args []string) int {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parser := kong.Must(&commands{},
		kong.Name("trak"),
		kong.Description("Invoices that your clients pay by card, straight to your own Stripe account."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	command, err := parser.Parse(args)
	if err == nil {
		err = refuseSecretFlags(command.Path)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "trak: %v\nRun \"trak --help\" to see the commands.\n", err)
		return exitUsage
	}
	return report(command.Run())
}

// refuseSecretFlags keeps secrets off the command line, which every user of the machine can read.
// path is what was parsed there; what the environment gives is not in it.
func refuseSecretFlags(path []*kong.Path) error {
	for _, p := range path {
		if p.Flag != nil && !p.Resolved && p.Flag.Target.Type() == reflect.TypeFor[Secret]() {
			name := p.Flag.Envs[0]
			return fmt.Errorf("--%s would show a secret to every user of this machine; give it as %s in the environment, or in a file that %s_FILE names", p.Flag.Name, name, name)
		}
	}
	return nil
}

// exitCode is an error that ends the program with this code and has been explained already.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// unseen is why a command that looks could not.
type unseen struct{ error }

func (u unseen) Unwrap() error { return u.error }

// report explains an error on the console and returns the exit code for it.
func report(err error) int {
	var (
		code  exitCode
		found problems
		unfit *app.Unfit
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &found):
		fmt.Fprint(os.Stderr, found.explain())
		return exitConfig
	case errors.As(err, &unfit):
		fmt.Fprint(os.Stderr, problems{{unfit.Setting, unfit.What, unfit.Remedy}}.explain())
		return exitConfig
	}
	fmt.Fprintf(os.Stderr, "trak: %s\n", logs.Scrub(err.Error()))
	switch {
	case errors.As(err, new(unseen)):
		return exitUnseen
	case errors.Is(err, db.ErrLocked):
		return exitLocked
	case errors.Is(err, db.ErrNewer), errors.Is(err, db.ErrOlder), errors.Is(err, db.ErrNone):
		return exitConfig
	}
	return 1
}
