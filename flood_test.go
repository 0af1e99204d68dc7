package main

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// G7: more connections than the process may have open. It says so, goes on, and serves as before
// once they are gone.
func TestFloodOfConnections(t *testing.T) {
	t.Parallel()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, addr := t.TempDir(), freeAddr(t)
	trak := filepath.Join(dir, "trak") // the name by which the test binary is Trak
	if err := os.Symlink(binary, trak); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command("sh", "-c", `ulimit -n 200 && exec "$0" serve`, trak)
	cmd.Env = append(os.Environ(), "APP_URL=http://"+addr, "TRAK_ADDR="+addr, "TRAK_DATA_DIR="+filepath.Join(dir, "data"), "STRIPE_SECRET_KEY=sk_test_flood", "STRIPE_WEBHOOK_SECRET=whsec_flood", "TRAK_STRIPE_MODE=connect")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("it ended with %v:\n%s", err, said.String())
			}
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			t.Error("it does not end")
		}
	})
	answers := func() bool {
		client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.Get("http://" + addr + "/healthz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	}
	soon(t, "it serves", answers)
	var open []net.Conn
	for range 600 {
		c, err := net.DialTimeout("tcp", addr, 2*time.Second)
		if err != nil {
			break // not even the queue of the system has room
		}
		open = append(open, c)
	}
	if len(open) < 200 {
		t.Errorf("only %d connections", len(open))
	}
	for _, c := range open {
		_ = c.Close()
	}
	soon(t, "it serves again", answers)
}

// soon waits for a condition.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
