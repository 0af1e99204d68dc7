package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"trak/app"
)

type userCmd struct {
	Create        userCreateCmd  `cmd:"" help:"Make an account, and print the link by which its password is chosen."`
	List          userListCmd    `cmd:"" help:"List all accounts."`
	ResetPassword userResetCmd   `cmd:"" help:"Print a link by which somebody chooses a new password; it works once, for half an hour."`
	Disable       userDisableCmd `cmd:"" help:"Keep somebody out, at once and by every way in."`
	Enable        userEnableCmd  `cmd:"" help:"Let somebody in again who was disabled."`
	Promote       userPromoteCmd `cmd:"" help:"Make somebody an owner of a workspace."`
}

type userCreateCmd struct {
	configuration
	Email         string `arg:"" help:"Their email address."`
	Name          string `required:"" help:"Their name."`
	PasswordStdin bool   `help:"Read the password from standard input instead of making a link."`
}

// Run makes an account. It belongs to no workspace until somebody invites or promotes it.
func (c *userCreateCmd) Run() error {
	password, err := passwordFrom(os.Stdin, c.PasswordStdin)
	if err != nil {
		return err
	}
	in := operation{Do: "create", Email: c.Email, Name: c.Name, Password: password}
	done, err := c.operate(in, password == "")
	if err != nil {
		return err
	}
	fmt.Printf("%s has an account.\n", c.Email)
	printLink(os.Stdout, done.Link)
	return nil
}

type userResetCmd struct {
	configuration
	Email         string `arg:"" help:"Their email address."`
	PasswordStdin bool   `help:"Read the new password from standard input instead of making a link."`
}

// Run gives somebody a new password, or a link to choose one.
func (c *userResetCmd) Run() error {
	password, err := passwordFrom(os.Stdin, c.PasswordStdin)
	if err != nil {
		return err
	}
	done, err := c.operate(operation{Do: "reset", Email: c.Email, Password: password}, password == "")
	if err != nil {
		return err
	}
	if done.Link == "" {
		fmt.Printf("%s has the new password, and is signed out everywhere.\n", c.Email)
	}
	printLink(os.Stdout, done.Link)
	return nil
}

type userDisableCmd struct {
	configuration
	Email string `arg:"" help:"Their email address."`
}

// Run keeps somebody out, and says which workspaces have no owner then.
func (c *userDisableCmd) Run() error {
	done, err := c.operate(operation{Do: "disable", Email: c.Email}, false)
	if err != nil {
		return err
	}
	fmt.Printf("%s is signed out everywhere, and can't sign in any more.\n", c.Email)
	for _, slug := range done.Ownerless {
		fmt.Printf("The workspace %s has no other owner. To make one: trak user promote EMAIL --workspace %s\n", slug, slug)
	}
	return nil
}

type userEnableCmd struct {
	configuration
	Email string `arg:"" help:"Their email address."`
}

// Run takes a disable back.
func (c *userEnableCmd) Run() error {
	if _, err := c.operate(operation{Do: "enable", Email: c.Email}, false); err != nil {
		return err
	}
	fmt.Printf("%s can sign in again.\n", c.Email)
	return nil
}

type userPromoteCmd struct {
	configuration
	Email     string `arg:"" help:"Their email address."`
	Workspace string `required:"" placeholder:"SLUG" help:"The workspace: what follows /w/ in its addresses."`
}

// Run makes somebody an owner.
func (c *userPromoteCmd) Run() error {
	if _, err := c.operate(operation{Do: "promote", Email: c.Email, Workspace: c.Workspace}, false); err != nil {
		return err
	}
	fmt.Printf("%s is an owner of %s.\n", c.Email, c.Workspace)
	return nil
}

type userListCmd struct {
	Data string `env:"TRAK_DATA_DIR" default:"data" placeholder:"DIR" help:"Data directory (./${default})."`
	JSON bool   `help:"Print the list as JSON."`
}

// Run reads the database beside a server that may be running.
func (c *userListCmd) Run() error {
	ctx := context.Background()
	database, err := openToRead(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	users, err := app.ListUsers(ctx, database)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(os.Stdout, users)
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "EMAIL\tNAME\tSINCE\tSTATE\tWORKSPACES")
	for _, u := range users {
		state := "active"
		switch {
		case u.DisabledAt != 0:
			state = "disabled"
		case u.SecondFactor:
			state = "active, second factor"
		}
		var where []string
		for _, m := range u.Workspaces {
			where = append(where, fmt.Sprintf("%s (%s)", m.Slug, m.Role))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", u.Email, plain(u.Name), dayOf(u.CreatedAt), state, strings.Join(where, ", "))
	}
	return table.Flush()
}

type workspaceCmd struct {
	List workspaceListCmd `cmd:"" help:"List all workspaces."`
}

type workspaceListCmd struct {
	Data string `env:"TRAK_DATA_DIR" default:"data" placeholder:"DIR" help:"Data directory (./${default})."`
	JSON bool   `help:"Print the list as JSON."`
}

// Run reads the database beside a server that may be running.
func (c *workspaceListCmd) Run() error {
	ctx := context.Background()
	database, err := openToRead(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	list, err := app.ListWorkspaces(ctx, database)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(os.Stdout, list)
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SLUG\tNAME\tSINCE\tPEOPLE\tSTATE")
	for _, w := range list {
		state := "in use"
		if w.DeletedAt != 0 {
			state = "deleted " + dayOf(w.DeletedAt)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", w.Slug, plain(w.Name), dayOf(w.CreatedAt), w.People, state)
	}
	return table.Flush()
}

func printJSON(out io.Writer, v any) error {
	to := json.NewEncoder(out)
	to.SetIndent("", "  ")
	return to.Encode(v)
}

func dayOf(at int64) string { return time.UnixMicro(at).UTC().Format(time.DateOnly) }

// plain is a name that people chose, without what could move a terminal's cursor.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

func printLink(out io.Writer, link string) {
	if link != "" {
		fmt.Fprintf(out, "Whoever opens this link within half an hour chooses the password. It works once:\n  %s\n", link)
	}
}

// maxPasswordInput is more than any password may have, in bytes, with the end of its line.
const maxPasswordInput = 2048

// passwordFrom reads a password, when one is to be read: it never stands among the arguments, which
// every user of a machine can see.
func passwordFrom(in io.Reader, wanted bool) (string, error) {
	if !wanted {
		return "", nil
	}
	content, err := io.ReadAll(io.LimitReader(in, maxPasswordInput))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimRight(string(content), "\r\n")
	if password == "" {
		return "", errors.New("there is no password on standard input")
	}
	return password, nil
}
