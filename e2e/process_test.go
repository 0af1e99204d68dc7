package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a running `trak`.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
}

// run starts trak with arguments and settings. It ends with the test.
func (s *suite) run(t *testing.T, settings []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(s.trak, args...)}
	p.cmd.Env = append(slices.DeleteFunc(os.Environ(), isSetting), settings...)
	reader, writer := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	go p.collect(reader)
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start trak: %v", err)
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("trak %s said:\n%s", args[0], p.said())
		}
	})
	return p
}

// isSetting tells a variable that would change how Trak behaves.
func isSetting(variable string) bool {
	if strings.HasPrefix(variable, "TRAK_SANDBOX_ANSWERS=") {
		return false // how the stand-in for Stripe is to answer is for the run to say
	}
	return regexp.MustCompile(`^(TRAK|STRIPE|NEXT_PUBLIC)_|^APP_URL=|^DATABASE_URL=|^TRUSTED_PROXIES=`).MatchString(variable)
}

func (p *process) collect(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		p.mu.Lock()
		p.out.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
	}
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// waitFor waits until the process has printed what the pattern's first group matches.
func (p *process) waitFor(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	var found []string
	within(p.t, "trak prints "+pattern, func() bool {
		found = re.FindStringSubmatch(p.said())
		return found != nil
	})
	return found[1]
}

// stop ends the process as an operator does, and waits until it is gone.
func (p *process) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	hung := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer hung.Stop()
	_ = p.cmd.Wait()
}

// within waits for a condition, and fails the test when it takes too long.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// site is a Trak and its stand-in for Stripe.
type site struct {
	s            *suite
	t            *testing.T
	url, sandbox string
}

// demo starts `trak demo`, with its two workspaces and their history.
func (s *suite) demo(t *testing.T) *site {
	t.Helper()
	return s.demoAt(t, "127.0.0.1:0")
}

// demoAt is demo on an address of one's choice.
func (s *suite) demoAt(t *testing.T, addr string) *site {
	t.Helper()
	p := s.run(t, nil, "demo", "--addr", addr)
	return &site{s: s, t: t,
		url:     p.waitFor(`demo is ready at (\S+)`),
		sandbox: p.waitFor(`stand-in for Stripe is at (\S+?)\. `),
	}
}

// server is `trak serve` on an empty data directory, which can be stopped and started again.
type server struct {
	site
	settings []string
	process  *process
}

// serve starts `trak sandbox`, then `trak serve` with the settings that it printed.
func (s *suite) serve(t *testing.T) *server {
	t.Helper()
	return s.serveWith(t, []string{"--connect"})
}

// serveOwn is serve in own mode.
func (s *suite) serveOwn(t *testing.T) *server {
	t.Helper()
	return s.serveWith(t, nil, "TRAK_STRIPE_MODE=own")
}

func (s *suite) serveWith(t *testing.T, flags []string, settings ...string) *server {
	t.Helper()
	addr := freeAddress(t)
	url := "http://" + addr
	flags = append([]string{"sandbox", "--addr", "127.0.0.1:0", "--webhook", url + "/api/stripe/webhook"}, flags...)
	stripe := s.run(t, nil, flags...)
	base := stripe.waitFor(`STRIPE_API_BASE=(\S+)`)
	server := &server{
		site: site{s: s, t: t, url: url, sandbox: base},
		settings: append(settings,
			"APP_URL="+url, "TRAK_ADDR="+addr, "TRAK_DATA_DIR="+filepath.Join(t.TempDir(), "data"),
			"STRIPE_API_BASE="+base,
			"STRIPE_SECRET_KEY="+stripe.waitFor(`STRIPE_SECRET_KEY=(\S+)`),
			"STRIPE_WEBHOOK_SECRET="+stripe.waitFor(`STRIPE_WEBHOOK_SECRET=(\S+)`),
		),
	}
	server.start()
	return server
}

// start starts Trak, and waits until it answers.
func (s *server) start() {
	s.t.Helper()
	s.process = s.s.run(s.t, s.settings, "serve")
	within(s.t, "trak serve answers", func() bool {
		response, err := http.Get(s.url + "/healthz")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// freeAddress is an address that nothing listens on, as APP_URL has to name it before. It lies
// below the ports that systems give to connections, so that none takes it during a restart.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000)))
		if err == nil {
			_ = l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("there is no free port from 20000 to 32000")
	return ""
}
