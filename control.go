package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"trak/app"
)

// socketFile is where a running server takes commands from the same machine: whoever may
// read the data directory may give them.
const socketFile = "trak.sock"

// controlTime is the limit for one command. It may call Stripe several times.
const controlTime = 2 * time.Minute

// maxAnswer bounds what a command reads from the server, in bytes.
const maxAnswer = 16 << 20

// errNoServer means that nobody listens on the socket.
var errNoServer = errors.New("no server is running on this data directory")

// control is the server's end of the socket.
type control struct {
	path   string
	server *http.Server
	log    *slog.Logger
}

func newControl(dir string, product *app.App, log *slog.Logger) *control {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sync", syncOnServer(product))
	mux.HandleFunc("POST /operate", operateOnServer(product))
	mux.HandleFunc("POST /webhook/ensure", func(w http.ResponseWriter, r *http.Request) {
		done, err := product.EnsureWebhook(app.From(r.Context(), app.CommandLine))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprintln(w, done)
	})
	mux.HandleFunc("POST /doctor", func(w http.ResponseWriter, r *http.Request) {
		report, err := product.Doctor(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(report)
	})
	mux.HandleFunc("POST /repair", func(w http.ResponseWriter, r *http.Request) {
		mended, err := product.Repair(app.From(r.Context(), app.CommandLine))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(mended)
	})
	return &control{
		path: filepath.Join(dir, socketFile),
		server: &http.Server{
			Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: controlTime,
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError), // panics, too
		},
		log: log,
	}
}

// start listens. The caller holds the data directory's lock, so a socket that is there was
// left by a server that was killed. Trak serves without the socket when it can't be made, as
// where the path is longer than the system allows.
func (c *control) start() {
	_ = os.Remove(c.path)
	listener, err := net.Listen("unix", c.path)
	if err == nil {
		err = os.Chmod(c.path, 0o600)
	}
	if err != nil {
		c.log.Warn("commands such as \"trak webhook ensure\" can't reach this server", "error", err)
		return
	}
	go func() {
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			c.log.Error("control socket stopped", "error", err)
		}
	}()
}

// stop removes the socket after the command that is under way.
func (c *control) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := c.server.Shutdown(ctx); err != nil {
		c.log.Warn("cut off a command that was under way", "error", err)
		_ = c.server.Close()
	}
}

// askServer gives the running server a command and returns its answer. errNoServer means
// that the command may do the work by itself.
func askServer(ctx context.Context, dir, path string) (string, error) {
	answer, err := openAnswer(ctx, dir, path, nil, controlTime)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("read the running server's answer: %w", err)
	}
	return strings.TrimSpace(string(body)), nil
}

// openAnswer gives the running server a command with a body, if any, which may take the given time
// (0 is any), and returns its answer to be read.
func openAnswer(ctx context.Context, dir, path string, body io.Reader, limit time.Duration) (io.ReadCloser, error) {
	socket := filepath.Join(dir, socketFile)
	client := http.Client{Timeout: limit, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://trak"+path, body)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, errNoServer
	case err != nil:
		return nil, fmt.Errorf("ask the running server: %w", err)
	case response.StatusCode == http.StatusOK:
		return response.Body, nil
	}
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return nil, errors.Join(errors.New(strings.TrimSpace(string(said))), err)
}
