package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is what the figures depend on.
type machine struct {
	cores     int
	cpu       string
	disk      string // file system, device, and what kind it is
	memory    bool   // the disk is none
	goVersion string
	load      string // how many wanted to run in the minute before (proc_loadavg(5)); 0 is best
	system    string
}

func (m machine) String() string {
	return fmt.Sprintf("%d cores of %s, %s, %s, %s; load average before the run %s", m.cores, m.cpu, m.disk, m.system, m.goVersion, m.load)
}

// thisMachine describes the machine, and the disk that dir is on.
func thisMachine(dir string) (machine, error) {
	m := machine{cores: runtime.NumCPU(), cpu: "an unknown CPU", goVersion: runtime.Version(), system: runtime.GOOS + "/" + runtime.GOARCH}
	if name := field("/proc/cpuinfo", "model name"); name != "" {
		m.cpu = name
	}
	if strings.Contains(field("/proc/cpuinfo", "flags"), " hypervisor") {
		m.cpu += " (virtual)"
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.load, _, _ = strings.Cut(string(load), " ")
	}
	mount, device, kind, err := mountOf(dir)
	if err != nil {
		return m, err
	}
	m.memory = kind == "tmpfs" || kind == "ramfs"
	m.disk = fmt.Sprintf("%s on %s (%s)", kind, device, mount)
	base := strings.TrimRight(filepath.Base(device), "0123456789p")
	if rotational, err := os.ReadFile("/sys/block/" + base + "/queue/rotational"); err == nil {
		m.disk = fmt.Sprintf("%s on %s, %s", kind, device, map[string]string{"0": "no rotating disk", "1": "rotating or virtual disk"}[strings.TrimSpace(string(rotational))])
	}
	return m, nil
}

// field is the first value of a name in a file of "name : value" lines.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// mountOf finds the file system that a directory is on, by its device number (proc_pid_mountinfo(5)).
func mountOf(dir string) (mount, device, kind string, err error) {
	var s unix.Stat_t
	if err := unix.Stat(dir, &s); err != nil {
		return "", "", "", fmt.Errorf("look at %s: %w", dir, err)
	}
	number := fmt.Sprintf("%d:%d", unix.Major(s.Dev), unix.Minor(s.Dev))
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", "", "", err
	}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		_, after, ok := strings.Cut(line, " - ")
		of := strings.Fields(after)
		if ok && len(fields) > 4 && len(of) > 1 && fields[2] == number {
			return fields[4], of[1], of[0], nil
		}
	}
	return "?", "?", "an unknown file system", nil
}
