// Command bench measures what one core gives, in one go: the same taps made by JavaScript with k6/http, by tap(), by
// taps(10), and by wrk and vegeta from outside k6, all against one server that answers 302 from another core. It
// prints tables, writes results/bench.json and renews the table in bench/README.md. It is run in its own folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

const (
	k6Binary    = "../k6"
	resultsFile = "../results/bench.json"
	readmeFile  = "README.md"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if len(os.Args) == 2 && os.Args[1] == targetCommand {
		exitOn(serveTarget(os.Stdin, os.Stdout))
		return
	}

	p := defaults
	flag.IntVar(&p.Seconds, "seconds", p.Seconds, "how long each run takes")
	flag.IntVar(&p.Rounds, "rounds", p.Rounds, "alternated rounds; half of them at the lower arrival rates")
	only := flag.String("only", "", "a regular expression: the runs to make, as they are named while they run, e.g.\n"+
		"closed/(tap|wrk)$; with it nothing is written")
	flag.Parse()
	filter, err := regexp.Compile(*only)
	exitOn(err)
	err = bench(ctx, p, filter, *only == "")
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	exitOn(err)
}

func exitOn(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// bench makes the runs and shows what came out; write says whether the files are to change.
func bench(ctx context.Context, p Parameters, only *regexp.Regexp, write bool) error {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)

	tools, err := findTools(ctx, folder)
	if err != nil {
		return err
	}
	runs, err := runAll(ctx, p, only, tools)
	if err != nil {
		return err
	}
	result := newResult(describeMachine(ctx, tools), p, runs)
	fmt.Print(result.text())
	if !write {
		return nil
	}
	if err := result.writeJSON(resultsFile); err != nil {
		return err
	}
	return renewTable(readmeFile, result.markdown())
}

// runAll starts the target, makes every run that only matches, and stops the target.
func runAll(ctx context.Context, p Parameters, only *regexp.Regexp, tools *tools) ([]Run, error) {
	// What is started dies with the thread that started it: nothing is left even when this program is killed.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	target, err := startTarget(ctx)
	if err != nil {
		return nil, err
	}
	defer target.stop()
	if err := tools.writeTargets(target.url); err != nil {
		return nil, err
	}
	plan, err := planner{p, target.url, tools}.plan(only)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%d runs of %d s, about %s in all\n", len(plan), p.Seconds,
		time.Duration(len(plan)*(p.Seconds+1))*time.Second)
	var runs []Run
	for i, trial := range plan {
		run, err := trial.run(ctx, target, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", trial.name(), err)
		}
		fmt.Fprintf(os.Stderr, "%3d/%d  %s\n", i+1, len(plan), run)
		runs = append(runs, run)
	}
	return runs, nil
}
