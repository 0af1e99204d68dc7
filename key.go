package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"trak/app"
	"trak/auth"
	"trak/db"
)

type keyCmd struct {
	Rotate keyRotateCmd `cmd:"" help:"Encrypt the database's secrets with a new key. Stop Trak first."`
	Reset  keyResetCmd  `cmd:"" help:"Give up the secrets whose key is lost, so that Trak can start."`
}

type keyRotateCmd struct{ configuration }

// Run changes the key in the data directory. It takes the lock, so that no server goes on with
// the old key.
func (c *keyRotateCmd) Run() (err error) {
	ctx, stop := untilSignal()
	defer stop()
	s, err := c.keySettings()
	if err != nil {
		return err
	}
	if s.SecretKey != "" {
		return problems{{"TRAK_SECRET_KEY", "is given, so that Trak can't change it", "Start Trak once with the new key in TRAK_SECRET_KEY and this one in TRAK_SECRET_KEY_OLD. To let Trak keep a key of its own, leave TRAK_SECRET_KEY out and start once with this one in TRAK_SECRET_KEY_OLD."}}
	}
	database, err := openForKey(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	if _, err := openSecrets(ctx, database, s); err != nil { // also finishes a change that was cut off
		return err
	}
	if err := changeKey(s.DataDir); err != nil {
		return err
	}
	k, err := openSecrets(ctx, database, s)
	if err != nil {
		return err
	}
	fmt.Printf("The database's secrets are encrypted with a new key, %s. Keep a copy of %s where you keep secrets.\nCopies of the database from before still need the old key.\n",
		k.box.KeyID(), filepath.Join(s.DataDir, secretKeyFile))
	return nil
}

type keyResetCmd struct {
	configuration
	Yes bool `help:"Give them up. Without it the command only says what they are."`
}

// Run gives up what the key, as it is given or kept now, does not open.
func (c *keyResetCmd) Run() (err error) {
	ctx, stop := untilSignal()
	defer stop()
	s, err := c.keySettings()
	if err != nil {
		return err
	}
	database, err := openForKey(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	lost, err := c.reset(ctx, database, s)
	switch {
	case err != nil:
		return err
	case lost == "":
		fmt.Println("The key opens everything: nothing was changed.")
	case c.Yes:
		fmt.Printf("Given up: %s.\nStart Trak and run \"trak webhook ensure\". Who had a second factor signs in without it and should set it up again; whoever waits for a link asks for another.\n", lost)
	default:
		fmt.Printf("The key does not open: %s. Nothing was changed.\nBring back the right key if there is any way; with --yes these are given up.\n", lost)
		return exitCode(1)
	}
	return nil
}

func (c *keyResetCmd) reset(ctx context.Context, database *db.DB, s settings) (lost string, err error) {
	k, err := keysOf(ctx, database, s)
	if errors.As(err, new(*app.Unfit)) {
		k, err = newKeys(s.DataDir, c.Yes)
	}
	if err != nil {
		return "", err
	}
	if lost, err = app.ResetKey(ctx, database, k.box, k.old, c.Yes); err != nil || !c.Yes {
		return lost, err
	}
	return lost, k.dropOld()
}

// newKeys are those of a directory without one: a new key, which opens nothing.
func newKeys(dir string, keep bool) (k keys, err error) {
	key := Secret(auth.NewKey())
	if keep {
		if key, err = makeKey(filepath.Join(dir, secretKeyFile)); err != nil {
			return k, err
		}
	}
	k.box, err = auth.NewBox([]byte(key))
	return k, err
}

// keySettings are those that a command about the key needs.
func (c *configuration) keySettings() (settings, error) {
	var p problems
	s := settings{DataDir: c.Data, Now: time.Now, Logger: p.logger(c.Log)}
	s.SecretKey, s.OldSecretKey = p.secretKeys(*c)
	p.checkDataDir(c.Data)
	if len(p) > 0 {
		return settings{}, p
	}
	return s, hasDatabase(c.Data)
}

func openForKey(ctx context.Context, s settings) (*db.DB, error) {
	if err := prepareDataDir(s.DataDir, s.Logger); err != nil {
		return nil, err
	}
	database, err := openDB(ctx, s.DataDir, s.Now, s.Logger)
	if errors.Is(err, db.ErrLocked) {
		return nil, fmt.Errorf("%w; stop it first: it would go on with the old key", err)
	}
	return database, err
}
