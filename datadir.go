package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"trak/db"
)

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
	case info.Mode().Perm()&db.OpenToOthers != 0 && !isOwn(dir, info):
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

// prepareDataDir makes the data directory, and closes to others what they may read in one that
// checkDataDir let pass: it is closed rather than refused, because what was read can't be called
// back, and payments are to be noticed meanwhile.
func prepareDataDir(dir string, log *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	exposed, err := db.Exposed(dir)
	if err != nil {
		return err
	}
	for _, path := range exposed {
		info, err := os.Lstat(path)
		if err == nil {
			err = os.Chmod(path, info.Mode().Perm()&^db.OpenToOthers)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("close the data directory to other users (%w): run \"chmod -R go= %s\" as the owner of its files", err, dir)
		}
	}
	if len(exposed) > 0 {
		log.Warn("other users of this machine could read data of Trak's; they no longer can", "files", exposed)
	}
	if slices.Contains(exposed, dir) && slices.Contains(exposed, filepath.Join(dir, secretKeyFile)) {
		log.Warn("the secret key was among it: change it with \"trak key rotate\"")
	}
	return nil
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
	return syncDir(filepath.Dir(path))
}

// syncDir makes durable which files are in a directory.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
