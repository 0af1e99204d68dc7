package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What Trak believes of a proxy is set by the proxy and never passed on from the client, and no
// proxy logs the paths that open something.
func TestProxyConfigurations(t *testing.T) {
	t.Parallel()
	nginx := read(t, "deploy/nginx.conf")
	for _, line := range []string{
		"proxy_set_header Host $http_host;", "proxy_set_header X-Forwarded-For $remote_addr;", "proxy_set_header X-Forwarded-Proto $scheme;",
		"access_log /var/log/nginx/trak.log trak;", "return 308 https://$host$request_uri;",
	} {
		if !strings.Contains(nginx, line) {
			t.Errorf("deploy/nginx.conf lacks %q", line)
		}
	}
	_, format, _ := strings.Cut(nginx, "log_format trak ")
	format, _, _ = strings.Cut(format, ";")
	for _, whole := range []string{"$request ", "$request\"", "$uri", "$request_uri", "$args", "$http_referer"} {
		if strings.Contains(format, whole) {
			t.Errorf("deploy/nginx.conf logs %s", whole)
		}
	}
	caddy := read(t, "deploy/Caddyfile")
	for line := range strings.Lines(caddy) {
		if word := strings.TrimSpace(line); word == "log" || strings.HasPrefix(word, "log ") || strings.HasPrefix(word, "trusted_proxies") {
			t.Errorf("deploy/Caddyfile has %q", word)
		}
	}
}

// The unit is one that systemd understands, with no wall left out.
func TestUnit(t *testing.T) {
	t.Parallel()
	unit := read(t, "deploy/trak.service")
	for _, wall := range []string{
		"DynamicUser=yes", "StateDirectoryMode=0700", "UMask=0077", "CapabilityBoundingSet=\n", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes",
		"PrivateDevices=yes", "PrivateTmp=yes", "LimitCORE=0", "MemoryDenyWriteExecute=yes", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "SystemCallFilter=@system-service",
	} {
		if !strings.Contains(unit, "\n"+wall) {
			t.Errorf("deploy/trak.service lacks %s", wall)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd is not here")
	}
	file := filepath.Join(t.TempDir(), "trak.service")
	// The program is not where an installation puts it.
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(unit, "/usr/local/bin/trak", "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", file).CombinedOutput(); err != nil || strings.Contains(string(out), file) {
		t.Errorf("%v: %s", err, out)
	}
}
