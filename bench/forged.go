package main

import (
	"context"
	"fmt"
	"net/http"

	"trak/bench/rig"
)

// forging measures G6: what it costs the server to refuse an event that Stripe did not sign,
// against Fiber's constant. No event may be stored by it.
func (b *bench) forging() error {
	before, err := storedEvents(b.ctx, b.world.Dir)
	if err != nil {
		return err
	}
	request := rig.Forgery(b.trak.Addr, b.world.Pay(b.world.Invoices[0], 0).Events[1])
	_, forged, err := onServer(b.trak, func() (rig.Result, error) {
		return rig.Load(b.trak.Addr, connections, b.polls, http.StatusBadRequest, func(int) []byte { return request })
	})
	if err != nil {
		return fmt.Errorf("forged webhook: %w", err)
	}
	after, err := storedEvents(b.ctx, b.world.Dir)
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("%d forged events were stored", after-before)
	}
	constant, err := b.constant()
	if err != nil {
		return err
	}
	b.atMost(2, "G6", "CPU of a forged webhook ÷ of a constant Fiber route").add(forged / constant)
	b.figure("forged webhook, the server's CPU", "µs", "%.1f").add(forged)
	return nil
}

// storedEvents counts the events that a server has stored.
func storedEvents(ctx context.Context, dir string) (int64, error) {
	return rig.Count(ctx, dir, "SELECT count(*) FROM stripe_webhook_events")
}
