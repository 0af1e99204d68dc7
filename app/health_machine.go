package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"trak/db"
)

// Limits of the disk that the data is on.
const (
	diskWarns = 1 << 30
	diskFails = 200 << 20
)

// backupWarns is the age from which a backup is too old.
const backupWarns = 7 * 24 * time.Hour

// checkMachine looks at the data directory. A server's database is its server's business.
func (a *App) checkMachine() []Check {
	if a.db.Path() == "" {
		return nil
	}
	dir := filepath.Dir(a.db.Path())
	return []Check{checkDisk(dir), checkFiles(dir), checkBackup(filepath.Join(dir, "backups"), a.now())}
}

// checkFiles looks whether other users of the machine may read what is Trak's alone. A start closes
// it; a copy that was put back meanwhile may be open.
func checkFiles(dir string) Check {
	c := Check{Key: "files", Name: "Files"}
	fix := fmt.Sprintf("Run \"chmod -R go= %s\" as their owner.", dir)
	exposed, err := db.Exposed(dir)
	switch {
	case err != nil:
		return c.warned(fmt.Sprintf("Who may read them could not be found out: %v.", err), "See whether Trak's user may read "+dir+".")
	case len(exposed) == 1:
		return c.failed(fmt.Sprintf("Other users of this machine may read or write %s.", exposed[0]), fix)
	case len(exposed) > 1:
		return c.failed(fmt.Sprintf("Other users of this machine may read or write %d of them, such as %s.", len(exposed), exposed[0]), fix)
	}
	return c.well("Only Trak's user may read them.")
}

func checkDisk(dir string) Check {
	c := Check{Key: "disk", Name: "Disk"}
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return c.warned(fmt.Sprintf("How much is free could not be found out: %v.", err), "See whether Trak's user may read "+dir+".")
	}
	return c.ofFree(stat.Bavail * uint64(stat.Bsize))
}

// ofFree judges what is free on the disk, in bytes.
func (c Check) ofFree(free uint64) Check {
	const fix = "Make room on the disk of the data directory, or move it to a larger one."
	text := fmt.Sprintf("%d MB are free.", free>>20)
	switch {
	case free < diskFails:
		return c.failed(text+" When it is full, payments are no longer noticed.", fix)
	case free < diskWarns:
		return c.warned(text, fix)
	case free >= 10<<30:
		text = fmt.Sprintf("%d GB are free.", free>>30)
	}
	return c.well(text)
}

// checkBackup looks for the newest copy. Trak makes them by itself only before an update.
func checkBackup(dir string, now time.Time) Check {
	c := Check{Key: "backup", Name: "Backup"}
	const fix = "Stop Trak, copy the whole data directory to another machine, and start it again."
	var newest time.Time
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	switch {
	case err != nil && !os.IsNotExist(err):
		return c.warned(fmt.Sprintf("Backups could not be looked for: %v.", err), "See whether Trak's user may read "+dir+".")
	case newest.IsZero():
		return c.warned("There is none that Trak knows of.", fix)
	case now.Sub(newest) > backupWarns:
		return c.warned("The last one, made before an update, is "+span(now.Sub(newest))+" old and on the same disk.", fix)
	}
	return c.well("The last one was made " + before(newest, now) + ", before an update and on the same disk.")
}

// checkDatabase reads the whole database when asked to, which takes about a second for 200 MB.
func (a *App) checkDatabase(ctx context.Context, whole bool) Check {
	c := Check{Key: "database", Name: "Database"}
	if !whole {
		if err := a.db.Ping(ctx); err != nil {
			return c.failed("It does not answer: "+err.Error()+".", "See Trak's log, and start it again.")
		}
		return c.well("It answers. It has not been read as a whole since the start.")
	}
	problems, err := a.db.QuickCheck(ctx)
	switch {
	case err != nil:
		return c.failed("It can't be read: "+clip(err.Error())+".", "Stop Trak, keep a copy of the data directory as it is, and put back the last backup.")
	case len(problems) > 0:
		return c.failed("It is damaged: "+clip(problems[0])+".", "Stop Trak, keep a copy of the data directory as it is, and put back the last backup.")
	}
	return c.well("It is whole, as of " + a.now().UTC().Format("2006-01-02 15:04") + " UTC.")
}
