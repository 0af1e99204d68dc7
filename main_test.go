package main

import (
	"database/sql"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trak": main, "panicking": func() {
		defer saysWhy()
		panic("sk_live_CANARY of kim.canary@client.example")
	}})
}

// TestScripts runs testdata/script: the command line as a process of its own, with its exit
// codes, signals and files.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:      "testdata/script",
		Deadline: time.Now().Add(time.Minute), // a server that starts where it should not never ends
		Setup: func(e *testscript.Env) error {
			e.Setenv("TRAK_ADDR", freeAddr(t))
			e.Setenv("SANDBOX_ADDR", freeAddr(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready": waitUntilReady,
			"sql":   runSQL,
		},
	})
}

// freeAddr is an address of this machine that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// waitUntilReady is "ready ADDR": it returns when a server at the address answers anything.
func waitUntilReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready ADDR")
	}
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		response, err := http.Get("http://" + args[0] + "/healthz")
		if err == nil {
			ts.Check(response.Body.Close())
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("nobody answers at %s: %v", args[0], err)
		}
	}
}

// runSQL is "sql FILE STATEMENTS": it changes a database behind Trak's back.
func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql FILE STATEMENTS")
	}
	database, err := sql.Open("sqlite3", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = database.Exec(args[1])
	ts.Check(err)
	ts.Check(database.Close())
}
