// Package pgtest keeps Trak's SQL portable: it runs the migrations, every generated query and
// the way of an invoice from draft to paid on a PostgreSQL server of its own.
package pgtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"trak/db"
)

// patience is how long to wait for what should come.
const patience = 30 * time.Second

// server is the one that all tests share; each has a database of its own.
var server *cluster

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if server, err = startCluster(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.stop()
	if err := server.makeTemplate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// cluster is a private PostgreSQL server: it listens on a socket in its own directory only.
type cluster struct {
	dir    string
	cmd    *exec.Cmd
	out    bytes.Buffer
	exited chan struct{}
	admin  *sql.DB
}

func startCluster() (_ *cluster, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	as, err := account()
	if err != nil {
		return nil, err
	}
	c := &cluster{exited: make(chan struct{})}
	if c.dir, err = os.MkdirTemp("", "trak-pg"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	if as != nil {
		if err := os.Chown(c.dir, int(as.Uid), int(as.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(c.dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "trak", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = c.dir, &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	c.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-c", "listen_addresses=", "-c", "unix_socket_directories="+c.dir,
		"-c", "fsync=off", "-c", "max_connections=200")
	// It ends with the tests, however they end.
	c.cmd.Dir, c.cmd.SysProcAttr = c.dir, &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT}
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.out
	if err := c.cmd.Start(); err != nil {
		c.cmd = nil
		return nil, err
	}
	go func() { _ = c.cmd.Wait(); close(c.exited) }()
	return c, c.connect()
}

// connect waits until the server answers.
func (c *cluster) connect() (err error) {
	if c.admin, err = sql.Open("pgx", c.url("postgres")); err != nil {
		return err
	}
	for until := time.Now().Add(patience); ; {
		if err = c.admin.Ping(); err == nil {
			return nil
		}
		select {
		case <-c.exited:
			return fmt.Errorf("postgres has ended: %s", c.out.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(until) {
			return fmt.Errorf("postgres does not answer: %w", err)
		}
	}
}

func (c *cluster) url(database string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=trak", database, c.dir)
}

// stop ends the server and removes what it wrote.
func (c *cluster) stop() {
	if c.admin != nil {
		_ = c.admin.Close()
	}
	if c.cmd != nil {
		_ = c.cmd.Process.Signal(syscall.SIGINT) // a fast shutdown
		<-c.exited
	}
	_ = os.RemoveAll(c.dir)
}

// template is the migrated database that those of the tests are copies of.
const template = "trak_template"

func (c *cluster) makeTemplate() error {
	if _, err := c.admin.Exec("CREATE DATABASE " + template); err != nil {
		return err
	}
	d, err := db.OpenPostgres(context.Background(), c.url(template), options())
	if err != nil {
		return err
	}
	return d.Close()
}

// programs finds the folder of the server's programs, which Debian keeps off the PATH.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	found = append(found, "/usr/local/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append([]string{path}, found...)
	}
	for _, initdb := range found {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			return filepath.Dir(real), nil
		}
	}
	return "", errors.New("no PostgreSQL server: on Debian, apt-get install postgresql")
}

// account is whom the server runs as: it refuses to be root.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, errors.Join(errors.New("PostgreSQL does not run as root, and there is no user postgres"), err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// databases counts those that were made.
var databases atomic.Int64

// newDatabase makes a migrated database for one test and returns its address.
func newDatabase(t *testing.T) string {
	t.Helper()
	return emptyDatabase(t, "TEMPLATE "+template)
}

// emptyDatabase makes one as CREATE DATABASE is told to.
func emptyDatabase(t *testing.T, with string) string {
	t.Helper()
	name := fmt.Sprintf("test%d", databases.Add(1))
	must(t, ignore(server.admin.Exec("CREATE DATABASE "+name+" "+with)))
	t.Cleanup(func() { must(t, ignore(server.admin.Exec("DROP DATABASE "+name+" WITH (FORCE)"))) })
	return server.url(name)
}
