package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"trak/app"
	"trak/auth"
	"trak/db"
)

// The files in the data directory that hold the secret key when TRAK_SECRET_KEY is not given: the
// key itself, and while it is being changed the one before.
const (
	secretKeyFile    = "secret.key"
	oldSecretKeyFile = "secret.key.old"
)

// openSecrets returns the keys after everything was sealed with the present one alone. The caller
// holds the data directory's lock. Returns an app.Unfit when the key is missing or another.
func openSecrets(ctx context.Context, database *db.DB, s settings) (k keys, err error) {
	if k, err = keysOf(ctx, database, s); err != nil {
		return k, err
	}
	sealed, err := app.AdoptKey(ctx, database, k.box, k.old, k.setting)
	if err != nil {
		return k, err
	}
	if sealed > 0 && k.old != nil {
		s.Logger.Info("what is encrypted in the database is encrypted with another key now", "id", k.box.KeyID(), "values", sealed)
	}
	if s.OldSecretKey != "" {
		s.Logger.Warn("nothing is encrypted with TRAK_SECRET_KEY_OLD any more: leave it out")
	}
	return k, k.dropOld()
}

// keys are the secret key and the one before it, as they are given or kept.
type keys struct {
	box, old *auth.Box // old may be nil
	setting  string    // what the operator calls the key
	oldFile  string    // to be removed once nothing is sealed with it; "" = none
}

// keysOf finds the keys. One is made where none is given or kept, unless something is encrypted
// already. It is durable before anything is encrypted with it.
func keysOf(ctx context.Context, database *db.DB, s settings) (k keys, err error) {
	key, old := s.SecretKey, s.OldSecretKey
	k.setting = "TRAK_SECRET_KEY"
	if key == "" {
		k.setting = filepath.Join(s.DataDir, secretKeyFile)
		key, err = readKey(k.setting)
		if errors.Is(err, fs.ErrNotExist) {
			if old == "" {
				if err := app.KeyMissing(ctx, database, k.setting); err != nil {
					return k, err
				}
			}
			key, err = makeKey(k.setting)
		}
		if err != nil {
			return k, err
		}
		file := filepath.Join(s.DataDir, oldSecretKeyFile)
		switch kept, err := readKey(file); {
		case err == nil:
			old, k.oldFile = kept, file
		case !errors.Is(err, fs.ErrNotExist):
			return k, err
		}
	}
	if k.box, err = auth.NewBox([]byte(key)); err != nil {
		return k, fmt.Errorf("use the secret key: %w", err)
	}
	if old != "" {
		if k.old, err = auth.NewBox([]byte(old)); err != nil {
			return k, fmt.Errorf("use the old secret key: %w", err)
		}
	}
	return k, nil
}

// secretsToLook is the box for a command that only looks, beside a server that may be running: it
// makes no key and changes nothing. Without a key there is nil, and what is sealed stays closed.
func (s settings) secretsToLook() (*auth.Box, error) {
	key := s.SecretKey
	if key == "" {
		var err error
		key, err = readKey(filepath.Join(s.DataDir, secretKeyFile))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	box, err := auth.NewBox([]byte(key))
	if err != nil {
		return nil, fmt.Errorf("use the secret key: %w", err)
	}
	return box, nil
}

// dropOld removes the kept key that opens nothing any more.
func (k keys) dropOld() error {
	if k.oldFile == "" {
		return nil
	}
	if err := os.Remove(k.oldFile); err != nil {
		return fmt.Errorf("remove the old secret key: %w", err)
	}
	return syncDir(filepath.Dir(k.oldFile))
}

// changeKey puts a new key in the place of the one in the data directory. Whenever it is cut off,
// the next start finds both keys, or only the old one.
func changeKey(dir string) error {
	path := filepath.Join(dir, secretKeyFile)
	key, err := readKey(path)
	if err != nil {
		return err
	}
	if err := writeDurably(filepath.Join(dir, oldSecretKeyFile), []byte(string(key)+"\n")); err != nil {
		return fmt.Errorf("keep the old secret key: %w", err)
	}
	_, err = makeKey(path)
	return err
}

func readKey(path string) (Secret, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read secret key: %w", err)
	}
	key := strings.TrimSpace(string(content))
	if len(key) < minSecretKey {
		return "", fmt.Errorf("%s is damaged: it has %d bytes, and at least %d are needed; bring it back from a backup", path, len(key), minSecretKey)
	}
	return Secret(key), nil
}

func makeKey(path string) (Secret, error) {
	random := make([]byte, minSecretKey)
	rand.Read(random) // never fails (crypto/rand)
	key := base64.RawURLEncoding.EncodeToString(random)
	if err := writeDurably(path, []byte(key+"\n")); err != nil {
		return "", fmt.Errorf("keep secret key: %w", err)
	}
	return Secret(key), nil
}
