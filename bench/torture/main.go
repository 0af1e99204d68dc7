// Torture kills Trak under load, again and again, and then counts: nothing that was
// acknowledged may be lost, and nothing may count twice. It begins by proving itself on two
// servers with a bug planted in them, which it has to catch.
//
// Run it with `make torture KILLS=20` from the root of the repository. A run is as random as
// the moments of the kills; SEED=… repeats its choices, not the machine's timing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"trak/bench/rig"
	"trak/bench/torture/planted"
)

// plantedArg makes this program a server with a planted bug.
const plantedArg = "serve-planted"

// plantedKills is how often a planted server is killed at most before it has to be caught.
const plantedKills = 40

func main() {
	if len(os.Args) == 6 && os.Args[1] == plantedArg {
		fail(planted.Serve(planted.Bug(os.Args[2]), os.Args[3], os.Args[4], os.Args[5]))
		return
	}
	trak := flag.String("trak", "./trak", "the binary to torture")
	kills := flag.Int("kills", 20, "how often to kill it")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the random choices")
	plant := flag.Bool("plant", false, "only prove that planted bugs are caught")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	fmt.Printf("seed %d\n", *seed)
	for _, bug := range []planted.Bug{planted.AckFirst, planted.TwoTransactions} {
		fail(catch(ctx, *trak, bug, *seed))
	}
	if *plant {
		return
	}
	count, err := torture(ctx, *trak, *kills, *seed)
	fail(err)
	fmt.Println(count)
	if !count.clean() {
		os.Exit(1)
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

// torture kills `trak serve` so many times.
func torture(ctx context.Context, trak string, kills int, seed uint64) (count, error) {
	return inWorld(ctx, kills, func(w *rig.World) (count, error) {
		r := newRun(w, seed, func(addr string) (*rig.Server, error) { return w.Serve(ctx, trak, w.Dir, addr) })
		r.asks = true
		return r.judged(ctx, trak, kills)
	})
}

// catch kills a server with a planted bug until the count shows it.
func catch(ctx context.Context, trak string, bug planted.Bug, seed uint64) error {
	total := 0
	const each = 5
	for total < plantedKills {
		c, err := inWorld(ctx, each, func(w *rig.World) (count, error) {
			r := newRun(w, seed+uint64(total), func(addr string) (*rig.Server, error) {
				self, err := os.Executable()
				if err != nil {
					return nil, err
				}
				return rig.Start(ctx, exec.Command(self, plantedArg, string(bug), w.Dir, addr, w.Stripe.URL()), w.Dir, addr)
			})
			return r.judged(ctx, trak, each)
		})
		if err != nil {
			return fmt.Errorf("planted bug %q: %w", bug, err)
		}
		total += each
		if c.lost+c.half > 0 {
			fmt.Printf("planted bug %q: caught after %d kills (lost %d, half %d)\n", bug, total, c.lost, c.half)
			return nil
		}
	}
	return fmt.Errorf("planted bug %q was not caught in %d kills: this torture proves nothing", bug, total)
}

// inWorld makes a data directory, with more open invoices for more kills, and removes it.
// It stays when something was found.
func inWorld(ctx context.Context, kills int, f func(*rig.World) (count, error)) (c count, err error) {
	dir, err := os.MkdirTemp("", "trak-torture-")
	if err != nil {
		return c, err
	}
	w, err := rig.NewWorld(ctx, filepath.Join(dir, "data"), 100+50*min(kills, 1000))
	if err != nil {
		return c, errors.Join(err, os.RemoveAll(dir))
	}
	defer func() { _ = w.Close() }()
	if c, err = f(w); err != nil {
		return c, fmt.Errorf("%w (the data is in %s)", err, dir)
	}
	return c, os.RemoveAll(dir)
}

func newRun(w *rig.World, seed uint64, start func(addr string) (*rig.Server, error)) *run {
	return &run{world: w, random: rand.New(rand.NewPCG(seed, 0)), seed: seed, start: start, acked: map[string]bool{}}
}
