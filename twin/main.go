// Command twin is a local SparkMotion: Worker, Hub, Admin and Upstash REST on loopback, with a real Redis protocol
// server and a real database inside. Alone it serves until SIGINT or SIGTERM; with a command it serves while that
// runs, and ends with its exit code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// shutdownTime is how long open requests may take at the end.
const shutdownTime = 5 * time.Second

func main() {
	log.SetFlags(0)
	log.SetPrefix("twin: ")
	config, command, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		log.Print(err)
		os.Exit(2)
	}
	os.Exit(run(config, command, os.Stderr))
}

// run serves until a signal, or until the command ends if there is one; it returns the exit code.
func run(config Config, command []string, stderr io.Writer) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)

	start := time.Now()
	t, err := Start(context.Background(), config)
	if err != nil {
		fmt.Fprintln(stderr, "twin:", err)
		return 1
	}
	t.table(stderr, time.Since(start))
	code := 0
	if len(command) > 0 {
		code = execute(command, t.Settings(), signals, stderr)
	} else {
		<-signals
	}
	if err := finish(t, stderr); err != nil {
		fmt.Fprintln(stderr, "twin:", err)
		code = max(code, 1)
	}
	return code
}

// finish prints the final figures and closes the twin.
func finish(t *Twin, stderr io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	t.StopServing(ctx)
	if s, err := t.control.Stats(ctx); err == nil {
		l := s.Ledger
		fmt.Fprintf(stderr, "twin: redirected %d by the KV, %d by the Hub, %d to a fallback; received %d, lost %d; flushed %d, dropped %d, pending %d; rows %d (and %d seeded)\n",
			l.KV, l.Hub, l.Fallback, l.Received, l.Lost, l.Flushed, l.Dropped, l.Pending, l.Rows, s.Database.History)
	}
	return t.Close()
}

// parse reads the flags; what follows them is the command.
func parse(args []string, stderr io.Writer) (Config, []string, error) {
	config := fromEnvironment()
	flags := flag.NewFlagSet("twin", flag.ContinueOnError)
	flags.SetOutput(stderr)
	for _, a := range config.addresses() {
		flags.StringVar(a.value, a.name, "127.0.0.1:0", "listen `address` of "+a.what+", loopback only; port 0 takes a free one")
	}
	flags.IntVar(&config.History, "history", 200_000, "past taps to seed the database with, in `rows`")
	flags.StringVar(&config.EnvFile, "env-file", "", "write the settings and secrets of this run to `FILE`")
	flags.StringVar(&config.CookiePrefix, "cookie-prefix", "admin-auth", "`prefix` of the admin app's cookies")
	flags.BoolVar(&config.Superjson, "superjson", true, "use the superjson transformer in the admin app's tRPC, as the real one does")
	flags.StringVar(&config.Role, "role", "ADMIN", "the user's `role`: ADMIN or CUSTOMER")
	flags.IntVar(&config.Bands, "bands", event.Bands, "`bands` of each event, in the database and the KV")
	flags.Float64Var(&config.UpstashRate, "upstash-rate", 10_000, "`requests/s` of the Upstash plan, a tap being one; 0 for no limit")
	flags.DurationVar(&config.FlushTime, "flush-time", 50*time.Second, "`time` after which a flush starts no more batches")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: twin [flags] [--] [COMMAND ARGS…]\n\nflags:")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return Config{}, nil, err
	}
	return config, flags.Args(), config.check()
}
