package main

import (
	"fmt"
	"os"
	"time"

	"trak/bench/rig"
)

// starting measures G11 and part of G12: from the start of the process to the first answer, on
// a database of many invoices, and what it then has in memory. Then pages are opened on it.
func (b *bench) starting() error {
	start := func(what string, serve func() (*rig.Server, error)) (*rig.Server, float64, error) {
		begun := time.Now()
		s, err := serve()
		took := ms(time.Since(begun))
		if err != nil {
			return nil, 0, fmt.Errorf("start %s: %w", what, err)
		}
		b.figure("start of "+what, "ms", "%.0f").add(took)
		return s, took, nil
	}
	server, own, err := start("Trak", func() (*rig.Server, error) { return b.serve(b.large.world, b.path("large copy")) })
	if err != nil {
		return err
	}
	defer server.Kill() // for good, whatever happens
	b.goal("G11", fmt.Sprintf("from start to the first answer, %d invoices", b.invoices), false, 100, " ms").add(own)
	if err := b.memory(server, "memory when idle", 40); err != nil {
		return err
	}
	if err := b.watching(server); err != nil {
		return err
	}
	server.Kill()
	if b.express == nil {
		return nil
	}
	peer, its, err := start("Express", func() (*rig.Server, error) { return b.startExpress(b.path("large copy")) })
	if err != nil {
		return err
	}
	peer.Kill()
	b.atMost(0.33, "G11", "the same ÷ of Express").add(own / its)
	return nil
}

// memory measures a part of G12. The database's pages that are mapped are the system's to keep.
func (b *bench) memory(s *rig.Server, what string, limit float64) error {
	all, mapped, err := s.Memory()
	if err != nil {
		return err
	}
	const megabyte = 1 << 20
	b.goal("G12", what, false, limit, " MB").add(float64(all-mapped) / megabyte)
	b.figure(what+", with what is mapped of the database", "MB", "%.0f").add(float64(all) / megabyte)
	return nil
}

// size measures G13.
func (b *bench) size() error {
	file, err := os.Stat(b.options.trak)
	if err != nil {
		return err
	}
	b.goal("G13", "the binary, with all its files", false, 35, " MB").add(float64(file.Size()) / 1e6)
	return nil
}
