package main

import (
	"context"
	"fmt"
	"time"

	"trak/app"
	"trak/bench/rig"
	"trak/db"
)

// webhooks measures G1: signed events over HTTP against the rows that they leave, written by
// group commit as fast as SQLite takes them.
func (b *bench) webhooks() error {
	events := b.take(b.events)
	requests := b.deliveries(events)
	served, cpu, err := onServer(b.trak, func() (rig.Result, error) {
		return rig.Load(b.trak.Addr, connections, len(events), 200, func(i int) []byte { return requests[i] })
	})
	if err != nil {
		return fmt.Errorf("deliver webhooks: %w", err)
	}
	raw, err := b.raw.store(connections, events)
	if err != nil {
		return fmt.Errorf("write the same rows: %w", err)
	}
	b.atLeast(0.60, "G1", "webhooks over HTTP ÷ the same rows without HTTP").add(served.Rate() / raw.Rate())
	b.figure("webhooks over HTTP", "events/s", "%.0f").add(served.Rate())
	b.figure("webhooks, slowest of a hundred", "ms", "%.1f").add(ms(served.P99))
	b.figure("webhooks, the server's CPU", "µs/event", "%.0f").add(cpu)
	b.figure("the same rows without HTTP", "events/s", "%.0f").add(raw.Rate())
	return b.memory(b.trak, fmt.Sprintf("memory after a load of %d connections", connections), 72)
}

// grouping measures G4: the same use-case for events that share commits and for events that
// come one after another, each with a commit of its own. No HTTP.
func (b *bench) grouping() error {
	grouped, err := b.alone.receive(connections, b.take(b.events/2))
	if err != nil {
		return fmt.Errorf("receive events together: %w", err)
	}
	single, err := b.alone.receive(1, b.take(b.events/8))
	if err != nil {
		return fmt.Errorf("receive events one by one: %w", err)
	}
	b.atLeast(3, "G4", "events that share commits ÷ one commit an event").add(grouped.Rate() / single.Rate())
	b.figure("events that share commits, no HTTP", "events/s", "%.0f").add(grouped.Rate())
	b.figure("one commit an event, no HTTP", "events/s", "%.0f").add(single.Rate())
	return nil
}

// product is the use-cases on a database, in this process.
type product struct {
	ctx context.Context
	db  *db.DB
	app *app.App
}

func openProduct(ctx context.Context, w *rig.World, dir string) (*product, error) {
	database, a, err := w.Open(ctx, dir)
	return &product{ctx, database, a}, err
}

func (p *product) receive(atOnce int, events []paidEvent) (rig.Result, error) {
	signatures := make([]string, len(events))
	for i, e := range events {
		signatures[i] = rig.Sign(e.Payload, time.Now())
	}
	return rig.Together(atOnce, len(events), func(_, i int) error {
		return p.app.ReceiveWebhook(p.ctx, events[i].Payload, signatures[i])
	})
}

func (p *product) close() { _ = p.db.Close() }
