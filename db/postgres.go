package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	// maxTries is how often a transaction is begun that others get in the way of, with a pause
	// between of 2 ms at first and twice as long each time, up to a quarter of a second.
	maxTries = 20
	maxPause = 250 * time.Millisecond
	// txLimit bounds a transaction, since no caller's context does.
	txLimit = 30 * time.Second
)

// postgres is a pool of connections. Whoever uses one takes a slot first.
type postgres struct {
	pool    *sql.DB
	slots   chan struct{}
	now     func() time.Time
	fault   func(query string) error
	closing chan struct{}
}

// OpenPostgres opens the database at a postgres:// address and migrates it. It returns ErrNewer
// when that is the reason. It goes through the driver that github.com/jackc/pgx/v5/stdlib
// registers; the program that calls it imports that package.
func OpenPostgres(ctx context.Context, url string, o Options) (*DB, error) {
	o = o.withDefaults()
	pool, err := sql.Open("pgx", url)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	n := max(8, 2*runtime.NumCPU())
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	err = sortsByBytes(ctx, pool)
	if err == nil {
		err = o.Migrations.toPostgres(ctx, pool)
	}
	if err != nil {
		_ = pool.Close()
		return nil, err
	}
	return &DB{engine: &postgres{
		pool: pool, slots: make(chan struct{}, n), now: o.Now, fault: o.Fault, closing: make(chan struct{}),
	}}, nil
}

// sortsByBytes refuses a database that would order and compare text otherwise than SQLite does.
func sortsByBytes(ctx context.Context, pool *sql.DB) error {
	var encoding, collation string
	err := pool.QueryRowContext(ctx, "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = current_database()").Scan(&encoding, &collation)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	if encoding != "UTF8" || collation != "C" {
		return fmt.Errorf("the database has encoding %s and collation %s; make one with CREATE DATABASE … ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0", encoding, collation)
	}
	return nil
}

// toPostgres brings the database to the newest schema; of several processes that start at once,
// one does it and the others wait. Backups are the server's business.
func (m Migrations) toPostgres(ctx context.Context, pool *sql.DB) error {
	// Waits for the one that migrates up to five minutes, looking every second.
	oneAtATime, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return fmt.Errorf("lock migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, pool, without{m.FS, ".sqlite.sql"}, goose.WithSessionLocker(oneAtATime))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, newest, err := versions(ctx, p)
	if err != nil || have == newest {
		return err
	}
	return up(ctx, p)
}

// update runs f in a SERIALIZABLE transaction of its own, again when another one got in its way.
func (p *postgres) update(ctx context.Context, scope Scope, f func(*Tx) error) error {
	if err := p.take(ctx); err != nil {
		return err
	}
	defer p.give()
	pause := 2 * time.Millisecond
	for try := 1; ; try++ {
		err := p.try(ctx, scope, f)
		if !inTheWay(err) || try == maxTries {
			return err
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		pause = min(2*pause, maxPause)
	}
}

// try runs f once.
func (p *postgres) try(ctx context.Context, scope Scope, f func(*Tx) error) error {
	t, err := p.begin(ctx, sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return err
	}
	defer t.end()
	t.fault = p.fault
	tx := &Tx{Queries: New(t), Scope: scope, now: p.now(), c: t}
	if err := call(f, tx); err != nil {
		if t.failed != nil && !errors.Is(err, t.failed) {
			err = errors.Join(err, t.failed) // what f made of it must not hide that it may go well again
		}
		return err
	}
	if err := t.commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for _, f := range tx.after {
		f()
	}
	return nil
}

func (p *postgres) view(ctx context.Context, f func(*Queries) error) error {
	if err := p.take(ctx); err != nil {
		return err
	}
	defer p.give()
	t, err := p.begin(ctx, sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer t.end()
	return f(New(t))
}

// begin needs a slot, so that a connection is there.
func (p *postgres) begin(ctx context.Context, o sql.TxOptions) (*pgTx, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), txLimit)
	tx, err := p.pool.BeginTx(ctx, &o)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("begin: %w", err)
	}
	return &pgTx{ctx: ctx, cancel: cancel, tx: tx}, nil
}

func (p *postgres) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-p.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *postgres) give() { <-p.slots }

// brokenKeys finds nothing: PostgreSQL has no way to get one in.
func (p *postgres) brokenKeys(context.Context) ([]BrokenKey, error) { return nil, nil }

func (p *postgres) close() error {
	close(p.closing)
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	return p.pool.Close()
}

// sqlState is PostgreSQL's five-character code of an error, "" when err is none of its.
func sqlState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// inTheWay says that another transaction is the reason: serialization_failure, deadlock_detected.
func inTheWay(err error) bool {
	state := sqlState(err)
	return state == "40001" || state == "40P01"
}

// ofConstraint says that a row was refused (class 23, integrity_constraint_violation).
func ofConstraint(err error) bool { return strings.HasPrefix(sqlState(err), "23") }
