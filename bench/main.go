// Bench measures Trak against the goals of docs/performance.md. The server under test is the
// real binary in a process of its own. Machines are noisy, so each goal is a ratio of two
// things measured right after each other, several times over.
//
// Run it with `make bench` from the root of the repository, on a machine that does nothing else.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"trak/bench/rig"
)

// connections is how many clients there are at once.
const connections = 64

type options struct {
	trak       string
	rounds     int
	events     int // of each round
	polls      int // of each round
	lists      int // of each round and kind
	invoices   int // of the archive
	workspaces int
	only       string
	out        string
	dir        string
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == constantArg {
		fail(serveConstant(os.Args[2]))
		return
	}
	o := options{rounds: 5, events: 16_000, polls: 60_000, lists: 2_000}
	quick := flag.Bool("quick", false, "fewer and shorter rounds, in a minute; writes nothing")
	flag.StringVar(&o.trak, "trak", "./trak", "the binary to measure")
	flag.StringVar(&o.out, "out", "docs/performance.md", "the document that gets the table")
	flag.StringVar(&o.dir, "dir", "", "where the data goes: a directory on a real disk (default: the system's temporary one)")
	flag.IntVar(&o.invoices, "invoices", 0, "how many invoices the lists are about (default: 100000, quick: 20000)")
	flag.IntVar(&o.workspaces, "workspaces", 0, "in how many workspaces they are (default: one for each hundred)")
	flag.StringVar(&o.only, "only", "", "measure a part: events, archive or binary; writes nothing")
	flag.Parse()
	if *quick {
		o.rounds, o.events, o.polls, o.lists, o.out = 3, 4_000, 15_000, 600, ""
	}
	if o.invoices == 0 {
		o.invoices = map[bool]int{false: 100_000, true: 20_000}[*quick]
	}
	if o.workspaces == 0 {
		o.workspaces = max(1, o.invoices/100)
	}
	if o.only != "" {
		o.out = ""
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	fail(run(ctx, o))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp(o.dir, "trak-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	m, err := thisMachine(dir)
	if err != nil {
		return err
	}
	fmt.Println(m)
	if m.memory {
		return fmt.Errorf("%s is kept in memory, where a commit costs nothing: choose a directory on a disk with -dir", dir)
	}
	b := &bench{options: o, ctx: ctx, dir: dir}
	defer b.close()
	parts := []part{
		{"events", b.prepareEvents, []step{b.webhooks, b.grouping, b.forging, b.polling}},
		{"archive", b.prepareArchives, []step{b.listing, b.growing, b.starting}},
		{"binary", nil, []step{b.size}},
	}
	parts = slices.DeleteFunc(parts, func(p part) bool { return o.only != "" && o.only != p.name })
	for _, p := range parts {
		if p.prepare == nil {
			continue
		}
		if err := p.prepare(); err != nil {
			return fmt.Errorf("prepare %s: %w", p.name, err)
		}
	}
	for round := range o.rounds {
		fmt.Printf("round %d of %d\n", round+1, o.rounds)
		for _, p := range parts {
			for _, step := range p.steps {
				if err := step(); err != nil {
					return err
				}
			}
		}
	}
	table := b.table()
	fmt.Print("\n", table)
	if o.out == "" {
		return nil
	}
	return writeTable(o.out, m, o.rounds, table)
}

// part is what can be measured by itself.
type part struct {
	name    string
	prepare func() error
	steps   []step
}

// step measures something once. All steps together are a round.
type step func() error

// bench is a run: the servers under test, the things they are compared with, and what was
// measured.
type bench struct {
	options
	results
	ctx   context.Context
	dir   string
	ended []func() // what to end when all is done

	world *rig.World
	raw   *rawStore // the same tables in a file of their own
	alone *product  // the use-cases without HTTP, on another
	trak  *rig.Server
	fiber *rig.Server
	paid  int // payments made so far, over all rounds

	small, large *archive
	express      *rig.Server // nil when there is no node
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// end remembers what to end when all is done, even if something fails before.
func (b *bench) end(f func()) { b.ended = append(b.ended, f) }

func (b *bench) close() {
	for _, f := range slices.Backward(b.ended) {
		f()
	}
}

// newWorld makes a data directory with n open invoices.
func (b *bench) newWorld(name string, n int) (*rig.World, error) {
	w, err := rig.NewWorld(b.ctx, b.path(name), n)
	if err == nil {
		b.end(func() { _ = w.Close() })
	}
	return w, err
}

// serve starts Trak on a data directory of the world's.
func (b *bench) serve(w *rig.World, dir string) (*rig.Server, error) {
	addr, err := rig.FreeAddr()
	if err != nil {
		return nil, err
	}
	return w.Serve(b.ctx, b.options.trak, dir, addr)
}

// prepareEvents makes one data directory with enough open invoices for all rounds, a copy of it
// for each of the things that are compared, and starts the servers.
func (b *bench) prepareEvents() (err error) {
	needed := b.rounds*b.events*13/32 + b.events/16 + 1 // the last one stays open: it is polled
	if b.world, err = b.newWorld("served", needed); err != nil {
		return err
	}
	for _, name := range []string{"raw", "alone"} {
		if err := rig.CopyDir(b.world.Dir, b.path(name)); err != nil {
			return err
		}
	}
	if b.raw, err = openRaw(b.ctx, b.path("raw"), b.world.Account); err != nil {
		return err
	}
	b.end(b.raw.close)
	if b.alone, err = openProduct(b.ctx, b.world, b.path("alone")); err != nil {
		return err
	}
	b.end(b.alone.close)
	// Stripe does not answer: closing the links of what was paid comes after the measurement.
	b.world.Silence()
	if b.trak, err = b.serve(b.world, b.world.Dir); err != nil {
		return err
	}
	b.end(b.trak.Kill)
	if b.fiber, err = startConstant(b.ctx, b.dir); err != nil {
		return err
	}
	b.end(b.fiber.Kill)
	return b.warmUp()
}

// warmUp lets caches fill and files grow, with a quarter of a round that is not counted.
func (b *bench) warmUp() error {
	events := b.take(b.events / 4)
	requests := b.deliveries(events)
	if _, err := rig.Load(b.trak.Addr, connections, len(events), 200, func(i int) []byte { return requests[i] }); err != nil {
		return err
	}
	if err := b.raw.warmUp(events); err != nil {
		return err
	}
	_, err := b.alone.receive(connections, events)
	return err
}

// paidEvent is an event and the payment that it belongs to.
type paidEvent struct {
	rig.Event
	payment *rig.Payment
}

// take pays as many invoices as it needs for n events, which come in Stripe's order.
func (b *bench) take(n int) []paidEvent {
	var list []paidEvent
	for len(list) < n {
		p := b.world.Pay(b.world.Invoices[b.paid%len(b.world.Invoices)], b.paid+1)
		b.paid++
		for _, e := range p.Events {
			list = append(list, paidEvent{e, &p})
		}
	}
	return list
}

// deliveries signs the events for the server, all before the clock runs.
func (b *bench) deliveries(events []paidEvent) [][]byte {
	list := make([][]byte, len(events))
	for i, e := range events {
		list[i] = rig.Delivery(b.trak.Addr, e.Event)
	}
	return list
}

// onServer runs a load and returns how many microseconds of CPU a request took on the server.
func onServer(s *rig.Server, load func() (rig.Result, error)) (rig.Result, float64, error) {
	before, err := s.CPU()
	if err != nil {
		return rig.Result{}, 0, err
	}
	r, err := load()
	if err != nil {
		return r, 0, err
	}
	after, err := s.CPU()
	return r, float64((after - before).Microseconds()) / float64(r.N), err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
