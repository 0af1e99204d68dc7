package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"trak/bench/rig"
)

// peerDir holds the list page in Express, what Trak's is compared with.
const peerDir = "bench/peers/express"

// errNoNode means that there is nothing to run the peer with.
var errNoNode = errors.New("node and npm are not installed, so nothing is compared with Express (part of G9 and G11)")

// installExpress fetches the peer's libraries unless they are there. Its SQLite is compiled when
// no binary can be downloaded; the headers that this needs lie beside node.
func installExpress() error {
	node, err := exec.LookPath("node")
	if err != nil {
		return errNoNode
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errNoNode
	}
	if _, err := os.Stat(filepath.Join(peerDir, "node_modules/better-sqlite3/build/Release/better_sqlite3.node")); err == nil {
		return nil
	}
	fmt.Println("installing Express and better-sqlite3 (a minute, once)")
	install := exec.Command(npm, "ci", "--no-audit", "--no-fund")
	install.Dir, install.Env = peerDir, os.Environ()
	if prefix := filepath.Dir(filepath.Dir(node)); exists(filepath.Join(prefix, "include/node/node.h")) {
		install.Env = append(install.Env, "npm_config_nodedir="+prefix)
	}
	if said, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("install %s: %w\n%s", peerDir, err, said)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// startExpress serves the database of a data directory.
func (b *bench) startExpress(dir string) (*rig.Server, error) {
	addr, err := rig.FreeAddr()
	if err != nil {
		return nil, err
	}
	return rig.Start(b.ctx, exec.Command("node", filepath.Join(peerDir, "server.js"), addr, filepath.Join(dir, "trak.db")), dir, addr)
}
