package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"trak/db"
)

// readyTime is how long a server may take until it answers.
const readyTime = 20 * time.Second

// exitLocked is how Trak ends when another process has the data directory.
const exitLocked = 75

// ErrLocked is returned by Start when a server found its data directory in use.
var ErrLocked = errors.New("the data directory is in use")

// Server is a server under test: a process of its own.
type Server struct {
	Addr string
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{}
}

// Serve starts `trak serve` on a data directory and waits until it answers.
func (w *World) Serve(ctx context.Context, trak, dir, addr string) (*Server, error) {
	cmd := exec.Command(trak, "serve")
	cmd.Env = append(os.Environ(),
		"STRIPE_SECRET_KEY="+StripeKey, "STRIPE_API_BASE="+w.Stripe.URL(), "STRIPE_WEBHOOK_SECRET="+WebhookSecret,
		"APP_URL=http://"+addr, "TRAK_ADDR="+addr, "TRAK_DATA_DIR="+dir, "TRAK_SECRET_KEY="+SecretKey)
	return Start(ctx, cmd, dir, addr)
}

// Start starts any server that answers /healthz at addr. What it says goes to a file in dir.
func Start(ctx context.Context, cmd *exec.Cmd, dir, addr string) (*Server, error) {
	log, err := os.OpenFile(dir+"/server.log", os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it never outlives us
	if err := cmd.Start(); err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	s := &Server{Addr: addr, cmd: cmd, log: log, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(s.done) }()
	if err := s.ready(ctx); err != nil {
		s.Kill()
		said, _ := os.ReadFile(log.Name())
		if cmd.ProcessState.ExitCode() == exitLocked {
			err = ErrLocked
		}
		return nil, fmt.Errorf("start %s: %w\n%s", cmd.Path, err, describe(string(said)))
	}
	return s, nil
}

func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	request := []byte("GET /healthz HTTP/1.1\r\nHost: " + s.Addr + "\r\n\r\n")
	for {
		if c, err := Dial(s.Addr); err == nil {
			status, err := c.Do(request)
			c.Close()
			if err == nil && status == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-s.done:
			return errors.New("it ended")
		case <-ctx.Done():
			return fmt.Errorf("it never answered: %w", context.Cause(ctx))
		}
	}
}

// Kill ends the process as a power cut would, and waits until it is gone.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
	_ = s.log.Close()
}

// CPU is the user and system time that the process has used, to 10 ms (proc_pid_stat(5)).
func (s *Server) CPU() (time.Duration, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(content), ") ") // behind the command's name
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("unexpected /proc/PID/stat: %q", content)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100), err
}

// Memory is what the process has in RAM, in bytes, and how much of it are pages of the database
// that it has mapped: those are the system's cache of the file, which it would hold in any case and
// takes away when it needs the room (proc_pid_smaps(5)).
func (s *Server) Memory() (all, mapped int64, err error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	database := false
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		switch {
		case !strings.HasSuffix(fields[0], ":"): // a mapping begins: addresses, …, file
			database = strings.HasSuffix(fields[len(fields)-1], "/"+db.FileName)
		case fields[0] == "Rss:":
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0, 0, fmt.Errorf("unexpected /proc/PID/smaps: %q", line)
			}
			all += kilobytes << 10
			if database {
				mapped += kilobytes << 10
			}
		}
	}
	return all, mapped, nil
}

// FreeAddr is an address on this machine at which nobody listens.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
