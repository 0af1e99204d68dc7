package main

import (
	"context"
	"fmt"
	"os"
"syscall"
"runtime/pprof"
	"strings"
	"time"

	"trak/bench/rig"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}
func main() {
	ctx := context.Background()
	rig.Fault = func(q string) error { if Trace { fmt.Println("   ", strings.SplitN(q, "\n", 2)[0]) }; return nil }
	dir, _ := os.MkdirTemp("", "zz")
	defer os.RemoveAll(dir)
	start := time.Now()
	w, err := rig.NewWorld(ctx, dir, 6000)
	must(err)
	fmt.Println("world", time.Since(start))
	d, a, err := w.Open(ctx, dir)
	must(err)
	_ = d
	p := w.Pay(w.Invoices[30], 1)
	for _, e := range p.Events {
		fmt.Println("==", e.Type, len(e.Payload))
		Trace = true
		must(a.ReceiveWebhook(ctx, e.Payload, rig.Sign(e.Payload, time.Now())))
		Trace = false
	}
	_ = strings.TrimSpace
	// in-process rates
	var evs []rig.Event
	for i := range 5000 {
		evs = append(evs, w.Pay(w.Invoices[100+i], 10+i).Events...)
	}
	pf, _ := os.Create("/tmp/cpu.prof"); pprof.StartCPUProfile(pf)
	c0 := cpu()
	r, err := rig.Together(64, 16000, func(_, i int) error {
		return a.ReceiveWebhook(ctx, evs[i].Payload, rig.Sign(evs[i].Payload, time.Now()))
	})
	must(err)
	pprof.StopCPUProfile(); fmt.Println("64:", r.Rate(), (cpu()-c0)/time.Duration(r.N), r.P50, r.P99)
	c0 = cpu()
	r, err = rig.Together(1, 3000, func(_, i int) error {
		i += 16000
		return a.ReceiveWebhook(ctx, evs[i].Payload, rig.Sign(evs[i].Payload, time.Now()))
	})
	must(err)
	fmt.Println("1:", r.Rate(), (cpu()-c0)/time.Duration(r.N), r.P50, r.P99)
}
var Trace bool

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(0, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
