package db

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenToOthers are the permissions that nothing in a data directory may give.
const OpenToOthers fs.FileMode = 0o077

// ownFiles are what Trak keeps in a data directory: database, WAL and shared memory, lock, socket,
// secret key, backups.
var ownFiles = []string{"trak.*", "secret.key*", "backups", "backups/*"}

// Exposed lists what other users of the machine may read or write of a data directory, itself
// included. Symbolic links lead elsewhere, and are left out.
func Exposed(dir string) (paths []string, err error) {
	all := []string{"."}
	for _, pattern := range ownFiles {
		found, err := fs.Glob(os.DirFS(dir), pattern)
		if err != nil {
			return nil, fmt.Errorf("look at the data directory: %w", err)
		}
		all = append(all, found...)
	}
	for _, name := range all {
		path := filepath.Join(dir, name)
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // SQLite's WAL comes and goes
		}
		if err != nil {
			return nil, fmt.Errorf("look at the data directory: %w", err)
		}
		if (name == "." || info.Mode()&fs.ModeSymlink == 0) && info.Mode().Perm()&OpenToOthers != 0 {
			paths = append(paths, path)
		}
	}
	return paths, nil
}
