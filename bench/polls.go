package main

import (
	"fmt"
	"net/http"

	"trak/bench/rig"
)

// polling measures G7: what it costs the server to say that an invoice has not changed, to
// somebody who is signed in, against Fiber's constant. The invoice is one that nobody pays.
func (b *bench) polling() error {
	cookie, err := rig.SignIn(b.ctx, "http://"+b.trak.Addr)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	who := rig.Member{Session: cookie.Value}
	path, err := pollOf(b.ctx, b.trak.Addr, who, "/w/"+b.world.Slug+"/payments/invoices/"+b.world.Invoices[len(b.world.Invoices)-1].ID)
	if err != nil {
		return err
	}
	request := who.Poll(b.trak.Addr, path)
	_, poll, err := onServer(b.trak, func() (rig.Result, error) {
		return rig.Load(b.trak.Addr, connections, b.polls, http.StatusNoContent, func(int) []byte { return request })
	})
	if err != nil {
		return fmt.Errorf("poll: %w", err)
	}
	constant, err := b.constant()
	if err != nil {
		return err
	}
	b.atMost(1.8, "G7", "CPU of an unchanged status poll ÷ of a constant Fiber route").add(poll / constant)
	b.figure("unchanged status poll, the server's CPU", "µs", "%.1f").add(poll)
	return nil
}
