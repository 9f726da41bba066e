package main

import (
	"context"
	"debug/buildinfo"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

// Machine is what the figures depend on, besides the extension.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Go     string `json:"go"`
	K6     string `json:"k6"`
	Wrk    string `json:"wrk"`
	Vegeta string `json:"vegeta"`
}

var cpuModel = regexp.MustCompile(`(?m)^model name\s*:\s*(.*)$`)

// describeMachine tells what it can find out; what it can't stays empty.
func describeMachine(ctx context.Context, t *tools) Machine {
	m := Machine{
		Cores: runtime.NumCPU(), Go: runtime.Version(),
		K6: firstLine(ctx, k6Binary, "version"), Wrk: firstLine(ctx, wrk, "-v"),
	}
	m.Wrk, _, _ = strings.Cut(m.Wrk, " [")
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if model := cpuModel.FindSubmatch(info); model != nil {
			m.CPU = string(model[1])
		}
	}
	if info, err := buildinfo.ReadFile(t.vegeta); err == nil {
		m.Vegeta = "vegeta " + info.Main.Version
	}
	return m
}

// firstLine is what a program says first, whatever it exits with.
func firstLine(ctx context.Context, program string, args ...string) string {
	said, _ := exec.CommandContext(ctx, program, args...).CombinedOutput() // #nosec G204 -- our own
	line, _, _ := strings.Cut(string(said), "\n")
	return line
}
