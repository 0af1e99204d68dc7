package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"

	"trak/bench/rig"
)

// archive is a server on a database with many invoices, and what is asked of its lists.
type archive struct {
	*rig.Archive
	*rig.Server
	world  *rig.World
	top    rig.Member // of the first workspace, which has the most invoices
	pages  []string   // of the top member's list, one after another, without a common row
	random [][]byte   // requests for any page of anybody's list
}

// prepareArchives fills the archives and starts the servers on them.
func (b *bench) prepareArchives() (err error) {
	if b.small, err = b.openArchive("small", 1, 1000); err != nil {
		return err
	}
	if b.large, err = b.openArchive("large", b.workspaces, b.invoices); err != nil {
		return err
	}
	err = installExpress()
	if errors.Is(err, errNoNode) {
		b.notes = append(b.notes, err.Error())
		fmt.Println("WARNING:", err)
		return nil
	}
	if err != nil {
		return err
	}
	if b.express, err = b.startExpress(b.large.Dir); err != nil {
		return err
	}
	b.end(b.express.Kill)
	return b.compareSizes()
}

// openArchive fills a data directory, copies it for what needs one without a server, and serves
// it. Stripe does not answer.
func (b *bench) openArchive(name string, workspaces, invoices int) (*archive, error) {
	const samples = 4
	world, err := b.newWorld(name, samples)
	if err != nil {
		return nil, err
	}
	a := &archive{world: world}
	if a.Archive, err = world.Fill(b.ctx, workspaces, invoices); err != nil {
		return nil, err
	}
	a.top = a.Members[0]
	if err := rig.CopyDir(a.Dir, b.path(name+" copy")); err != nil {
		return nil, err
	}
	world.Silence()
	if a.Server, err = b.serve(world, a.Dir); err != nil {
		return nil, err
	}
	b.end(a.Kill)
	return a, a.choose(b)
}

// choose decides which pages are asked for: of the random ones four tenths are of the first
// workspace, under any tab, the others of any other one. Each has all its rows.
func (a *archive) choose(b *bench) error {
	random := rand.New(rand.NewPCG(1, 2))
	var tabs [][]string
	for _, tab := range rig.Tabs {
		list, err := a.Lists(b.ctx, a.top, tab)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			tabs = append(tabs, list)
		}
	}
	for i := 0; i < len(tabs[0]); i += 50 {
		a.pages = append(a.pages, tabs[0][i])
	}
	for range b.lists {
		m, list := a.top, tabs[random.IntN(len(tabs))]
		if len(a.Members) > 1 && random.IntN(10) >= 4 {
			var err error
			m = a.Members[1+random.IntN(len(a.Members)-1)]
			if list, err = a.Lists(b.ctx, m, ""); err != nil {
				return err
			}
		}
		a.random = append(a.random, m.Get(a.Addr, list[random.IntN(len(list))]))
	}
	return nil
}

// request is for page i of the list, over and over.
func (a *archive) request(addr string, i int) []byte {
	return a.top.Get(addr, a.pages[i%len(a.pages)])
}

// listing measures G9: the list that was shown before, and one that was never shown, against the
// same pages made by Express. The rows that Trak keeps are fewer than those of all pages.
func (b *bench) listing() error {
	load := func(s *rig.Server, page func(i int) int) (float64, error) {
		_, cpu, err := onServer(s, func() (rig.Result, error) {
			return rig.Load(s.Addr, connections, b.lists, http.StatusOK, func(i int) []byte { return b.large.request(s.Addr, page(i)) })
		})
		return cpu, err
	}
	first, each := func(int) int { return 0 }, func(i int) int { return i }
	hot, err := load(b.large.Server, first)
	if err != nil {
		return fmt.Errorf("list shown before: %w", err)
	}
	fresh, err := load(b.large.Server, each)
	if err != nil {
		return fmt.Errorf("list never shown: %w", err)
	}
	b.figure("list shown before, the server's CPU", "µs", "%.0f").add(hot)
	b.figure("list never shown, the server's CPU", "µs", "%.0f").add(fresh)
	if b.express == nil {
		return nil
	}
	same, err := load(b.express, first)
	if err != nil {
		return fmt.Errorf("list by Express: %w", err)
	}
	other, err := load(b.express, each)
	if err != nil {
		return fmt.Errorf("list by Express: %w", err)
	}
	b.figure("the same by Express, the server's CPU", "µs", "%.0f").add(same)
	b.atMost(0.6, "G9", "CPU of a list shown before ÷ of the same page by Express").add(hot / same)
	b.atMost(2, "G9", "CPU of a list never shown ÷ of the same page by Express").add(fresh / other)
	return nil
}

// growing measures G10: random pages of the lists of many workspaces with many invoices against
// those of one with a thousand.
func (b *bench) growing() error {
	cpu, p50 := map[*archive]float64{}, map[*archive]float64{}
	for _, a := range []*archive{b.small, b.large} {
		load := func(connections int) (r rig.Result, err error) {
			r, cpu[a], err = onServer(a.Server, func() (rig.Result, error) {
				return rig.Load(a.Addr, connections, b.lists, http.StatusOK, func(i int) []byte { return a.random[i] })
			})
			return r, err
		}
		alone, err := load(1)
		if err != nil {
			return fmt.Errorf("random lists, one after another: %w", err)
		}
		if _, err := load(connections); err != nil {
			return fmt.Errorf("random lists: %w", err)
		}
		p50[a] = float64(alone.P50.Microseconds())
	}
	b.atMost(1.3, "G10", b.growth("CPU of a random list")).add(cpu[b.large] / cpu[b.small])
	b.atMost(1.3, "G10", b.growth("median time of a random list on one connection")).add(p50[b.large] / p50[b.small])
	b.figure("random list of the many, the server's CPU", "µs", "%.0f").add(cpu[b.large])
	b.figure("random list of the many, half of them within", "µs", "%.0f").add(p50[b.large])
	return nil
}

func (b *bench) growth(what string) string {
	return fmt.Sprintf("%s of %d invoices in %d workspaces ÷ of 1000 in one", what, b.invoices, b.workspaces)
}

// compareSizes fails when Express answers with another amount of HTML: then page.js no longer
// follows Trak's views, and the comparison says nothing.
func (b *bench) compareSizes() error {
	sizes := [2]float64{}
	for i, s := range []*rig.Server{b.large.Server, b.express} {
		body, err := get(b.ctx, s.Addr, b.large.top, b.large.pages[0])
		if err != nil {
			return err
		}
		sizes[i] = float64(len(body))
	}
	if r := sizes[0] / sizes[1]; r < 0.9 || r > 1.1 {
		return fmt.Errorf("the list is %.0f bytes, and %.0f by Express: let %s/page.js follow views/", sizes[0], sizes[1], peerDir)
	}
	return nil
}
