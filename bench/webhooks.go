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
func (b *bench) webhooks(int) error {
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
	b.webhookRate.add(served.Rate())
	b.webhookCPU.add(cpu)
	b.webhookP99.add(ms(served.P99))
	b.rawRate.add(raw.Rate())
	b.webhookRatio.add(served.Rate() / raw.Rate())
	return nil
}

// grouping measures G4: the same use-case for events that share commits and for events that
// come one after another, each with a commit of its own. No HTTP.
func (b *bench) grouping(int) error {
	grouped, err := b.alone.receive(connections, b.take(b.events/2))
	if err != nil {
		return fmt.Errorf("receive events together: %w", err)
	}
	single, err := b.alone.receive(1, b.take(b.events/8))
	if err != nil {
		return fmt.Errorf("receive events one by one: %w", err)
	}
	b.groupedRate.add(grouped.Rate())
	b.singleRate.add(single.Rate())
	b.groupRatio.add(grouped.Rate() / single.Rate())
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
