package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trak/bench/rig"
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
	before := ownCPU(b)
	if _, err := p.receive(connections, events); err != nil {
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
