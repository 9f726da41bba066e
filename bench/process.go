package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// The cores: one for the generator, one for what it loads.
const (
	generatorCore = 0
	targetCore    = 1
)

// generatorEnv is how Go generators run, k6 and vegeta alike: with a laptop's threads on their one core, so that the
// kernel lets an answer interrupt the processing of metrics, and a collector that runs a quarter as often.
var generatorEnv = []string{"GOMAXPROCS=4", "GOGC=400", "GOMEMLIMIT=1GiB"}

// pinned is a command that runs on one core and dies with its context or with the thread that starts it.
func pinned(ctx context.Context, core int, env []string, command ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", strconv.Itoa(core)}, command...)...) // #nosec G204 -- our own
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	return cmd
}

// usage is what the kernel counted of a process.
type usage struct {
	cpu float64 // seconds, user and system
	rss float64 // MB at its peak; not below this program's own, as Linux hands that on to what it starts
}

// generate runs a generator on its core to its end.
func generate(ctx context.Context, command []string) (stdout []byte, used usage, err error) {
	cmd := pinned(ctx, generatorCore, generatorEnv, command...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, used, fmt.Errorf("%s: %w\n%s", command[0], err, tail(problems.Bytes()))
	}
	kernel := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return out.Bytes(), usage{cpu: cpuSeconds(kernel), rss: float64(kernel.Maxrss) * 1024 / 1e6}, nil
}

func cpuSeconds(u *syscall.Rusage) float64 {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// tail is the end of a long text.
func tail(text []byte) []byte {
	return text[max(0, len(text)-2000):]
}
