package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"

	"github.com/gofiber/fiber/v2"

	"trak/bench/rig"
)

// constantArg makes this program the server that the polls are compared with.
const constantArg = "serve-constant"

// serveConstant answers a constant: what Fiber itself costs.
func serveConstant(addr string) error {
	f := fiber.New(fiber.Config{DisableStartupMessage: true})
	f.Get("/*", func(c *fiber.Ctx) error { return c.SendString("ok") })
	return f.Listen(addr)
}

func startConstant(ctx context.Context, dir string) (*rig.Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := rig.FreeAddr()
	if err != nil {
		return nil, err
	}
	return rig.Start(ctx, exec.Command(self, constantArg, addr), dir, addr)
}

// constant is how much CPU the constant route takes, in µs a request.
func (b *bench) constant() (float64, error) {
	plain := []byte("GET / HTTP/1.1\r\nHost: " + b.fiber.Addr + "\r\n\r\n")
	_, cpu, err := onServer(b.fiber, func() (rig.Result, error) {
		return rig.Load(b.fiber.Addr, connections, b.polls, http.StatusOK, func(int) []byte { return plain })
	})
	if err != nil {
		return 0, fmt.Errorf("constant route: %w", err)
	}
	b.figure("constant Fiber route, CPU", "µs", "%.1f").add(cpu)
	return cpu, nil
}
