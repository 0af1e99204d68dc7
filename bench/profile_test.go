package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trak/bench/rig"
	"trak/handlers"
)

// BenchmarkWebhook is the webhook without HTTP, to be looked at with -cpuprofile; 64 at once.
func BenchmarkWebhook(b *testing.B) {
	b.Chdir("..") // the schema is read from the root of the repository
	ctx := context.Background()
	w, err := rig.NewWorld(ctx, filepath.Join(b.TempDir(), "data"), b.N/4+2)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	p, err := openProduct(ctx, w, w.Dir)
	if err != nil {
		b.Fatal(err)
	}
	defer p.close()
	run := bench{world: w}
	events := run.take(b.N)
	b.ResetTimer()
	perOp(b, func() (rig.Result, error) { return p.receive(connections, events) })
}

// BenchmarkList is the list of invoices over HTTP, to be looked at with -cpuprofile: shown
// before, and never shown. The load's own part is in the profile as well.
func BenchmarkList(b *testing.B) {
	w, archive := archiveHere(b, 200, 20_000)
	addr, who := serveHere(b, w), archive.Members[0]
	all, err := archive.Lists(b.Context(), who, "")
	if err != nil {
		b.Fatal(err)
	}
	var pages [][]byte
	for i := 0; i < len(all); i += 50 {
		pages = append(pages, who.Get(addr, all[i]))
	}
	for name, page := range map[string]func(i int) []byte{
		"before": func(int) []byte { return pages[0] },
		"never":  func(i int) []byte { return pages[i%len(pages)] },
	} {
		b.Run(name, func(b *testing.B) {
			perOp(b, func() (rig.Result, error) { return rig.Load(addr, connections, b.N, http.StatusOK, page) })
		})
	}
}

// archiveHere is a world with so many workspaces and invoices.
func archiveHere(b *testing.B, workspaces, invoices int) (*rig.World, *rig.Archive) {
	b.Chdir("..")
	w, err := rig.NewWorld(b.Context(), filepath.Join(b.TempDir(), "data"), 4)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = w.Close() })
	archive, err := w.Fill(b.Context(), workspaces, invoices)
	if err != nil {
		b.Fatal(err)
	}
	return w, archive
}

// serveHere serves the world's data in this process and returns the address.
func serveHere(b *testing.B, w *rig.World) string {
	database, product, err := w.Open(b.Context(), w.Dir)
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	root := os.DirFS(".")
	server, err := handlers.New(handlers.Config{
		App: product, Views: root, Static: root, AppURL: "http://" + listener.Addr().String(),
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Listener(listener) }()
	b.Cleanup(func() {
		_ = server.Shutdown(context.WithoutCancel(b.Context()))
		_ = database.Close()
	})
	return listener.Addr().String()
}

// perOp reports the CPU time of this process for each of b.N.
func perOp(b *testing.B, load func() (rig.Result, error)) {
	before := ownCPU(b)
	if _, err := load(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64((ownCPU(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// ownCPU is the user and system time of this process.
func ownCPU(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSmall is what is asked most often and costs least: an unchanged status poll, and a
// forged event.
func BenchmarkSmall(b *testing.B) {
	w, archive := archiveHere(b, 1, 1_000)
	addr, who := serveHere(b, w), archive.Members[0]
	path, err := pollOf(b.Context(), addr, who, "/w/"+w.Slug+"/payments/invoices/"+w.Invoices[0].ID)
	if err != nil {
		b.Fatal(err)
	}
	for name, load := range map[string]struct {
		status  int
		request []byte
	}{
		"poll":   {http.StatusNoContent, who.Poll(addr, path)},
		"forged": {http.StatusBadRequest, rig.Forgery(addr, w.Pay(w.Invoices[0], 0).Events[1])},
	} {
		b.Run(name, func(b *testing.B) {
			perOp(b, func() (rig.Result, error) {
				return rig.Load(addr, connections, b.N, load.status, func(int) []byte { return load.request })
			})
		})
	}
}
