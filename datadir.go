package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"trak/db"
)

// secretKeyFile holds the key that is made when TRAK_SECRET_KEY is not given.
const secretKeyFile = "secret.key"

// openToOthers are the permissions that a data directory must not give.
const openToOthers fs.FileMode = 0o077

// checkDataDir looks at the data directory and changes nothing. One that others may read is a
// problem unless it is plainly Trak's own, so that it can be closed to them.
func (p *problems) checkDataDir(dir string) {
	const name = "TRAK_DATA_DIR"
	if dir == "" {
		p.add(name, "is empty", "Name a directory, or leave it out for ./data.")
		return
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		p.add(name, fmt.Sprintf("can't be used: %v", err), "Choose a directory that Trak's user may read and write.")
	case !info.IsDir():
		p.add(name, fmt.Sprintf("is not a directory (%s)", dir), "Choose a directory of Trak's own.")
	case info.Mode().Perm()&openToOthers != 0 && !isOwn(dir, info):
		p.add(name, fmt.Sprintf("can be read by other users (%s)", dir), fmt.Sprintf("Run \"chmod 700 %s\", or choose a directory that is used for nothing else.", dir))
	}
}

// hasDatabase returns db.ErrNone where there is no database: a command that is to look at one must
// not make it, least of all where the directory's name is a slip of the hand.
func hasDatabase(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, db.FileName)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w in %s; name its directory with --data or TRAK_DATA_DIR, or start Trak there first", db.ErrNone, dir)
	}
	return nil
}

// isOwn says whether a directory belongs to Trak's user and holds a database or nothing.
func isOwn(dir string, info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) != os.Geteuid() {
		return false
	}
	if _, err := os.Stat(filepath.Join(dir, db.FileName)); err == nil {
		return true
	}
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

// prepareDataDir makes the data directory, or closes one that checkDataDir let pass.
func prepareDataDir(dir string, log *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at data directory: %w", err)
	}
	if info.Mode().Perm()&openToOthers == 0 {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("close data directory to other users: %w", err)
	}
	log.Warn("the data directory could be read by other users; it no longer can", "dir", dir)
	return nil
}

// keptSecretKey reads the key in the data directory, and makes it at the first start. The
// caller holds the directory's lock. The key is durable before anything is encrypted with it.
func keptSecretKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, secretKeyFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecretKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read secret key: %w", err)
	}
	key := strings.TrimSpace(string(content))
	if len(key) < minSecretKey {
		return nil, fmt.Errorf("%s is damaged: it has %d bytes, and at least %d are needed; bring it back from a backup", path, len(key), minSecretKey)
	}
	return []byte(key), nil
}

func makeSecretKey(path string) ([]byte, error) {
	random := make([]byte, minSecretKey)
	rand.Read(random) // never fails (crypto/rand)
	key := []byte(base64.RawURLEncoding.EncodeToString(random))
	if err := writeDurably(path, append(key, '\n')); err != nil {
		return nil, fmt.Errorf("keep secret key: %w", err)
	}
	return key, nil
}

// writeDurably makes a file that is complete or absent, also after a power cut.
func writeDurably(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
