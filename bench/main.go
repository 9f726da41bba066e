// Command bench measures what one core gives, in one go: the same taps made by JavaScript with k6/http, by tap(), by
// taps(10), and by wrk and vegeta from outside k6, all against one server that answers 302 from another core. It
// prints tables, writes results/bench.json and renews the table in bench/README.md. It is run in its own folder.
//
// With the argument distance it measures the same at a distance: taps(n), k6/http and vegeta against a server with TLS that takes its
// time, on kept and on new connections.
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
	k6Binary   = "../k6"
	readmeFile = "README.md"
)

// benchmark is one of the two that this program makes.
type benchmark struct {
	parameters      Parameters
	target, scheme  string   // the command that serves it, and how it is asked
	targetEnv       []string // that it runs in
	paths           []string // of its URLs
	programs        []string // that it needs besides vegeta
	plan            func(b planner, only *regexp.Regexp) ([]trial, error)
	results, marker string // the file, and the README's marker, that have its figures
	text            func(Result) string
	markdown        func(Result) string
}

var (
	onOneCore = benchmark{
		parameters: defaults, target: targetCommand, scheme: "http", targetEnv: []string{"GOMAXPROCS=1", "GOGC=400"},
		paths: []string{""}, programs: []string{wrk}, plan: planner.plan,
		results: "../results/bench.json", marker: "bench", text: Result.text, markdown: Result.markdown,
	}
	atADistance = benchmark{
		parameters: distanceDefaults, target: distantCommand, scheme: "https", targetEnv: generatorEnv,
		paths: delayPaths(), plan: planner.distancePlan,
		results: "../results/bench-distance.json", marker: "bench-distance", text: Result.distanceText, markdown: Result.distanceMarkdown,
	}
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	b, args := onOneCore, os.Args[1:]
	if len(args) > 0 {
		switch args[0] {
		case targetCommand:
			exitOn(serveTarget(os.Stdin, os.Stdout))
			return
		case distantCommand:
			exitOn(serveDistant(os.Stdin, os.Stdout))
			return
		case distance:
			b, args = atADistance, args[1:]
		}
	}
	p := &b.parameters
	flag.IntVar(&p.Seconds, "seconds", p.Seconds, "how long each run takes")
	flag.IntVar(&p.Rounds, "rounds", p.Rounds, "alternated rounds; half of them at the lower arrival rates")
	only := flag.String("only", "", "a regular expression: the runs to make, as they are named while they run, e.g.\n"+
		"closed/(tap|wrk)$; with it nothing is written")
	_ = flag.CommandLine.Parse(args) // it exits on errors
	filter, err := regexp.Compile(*only)
	exitOn(err)
	err = b.run(ctx, filter, *only == "")
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

// run makes the runs and shows what came out; write says whether the files are to change.
func (b benchmark) run(ctx context.Context, only *regexp.Regexp, write bool) error {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)

	tools, err := findTools(ctx, folder, b.programs...)
	if err != nil {
		return err
	}
	runs, err := b.runAll(ctx, only, tools)
	if err != nil {
		return err
	}
	result := newResult(describeMachine(ctx, tools), b.parameters, runs)
	fmt.Print(b.text(result))
	if !write {
		return nil
	}
	if err := result.writeJSON(b.results); err != nil {
		return err
	}
	return renewTable(readmeFile, b.marker, b.markdown(result))
}

// runAll starts the target, makes every run that only matches, and stops the target.
func (b benchmark) runAll(ctx context.Context, only *regexp.Regexp, tools *tools) ([]Run, error) {
	// What is started dies with the thread that started it: nothing is left even when this program is killed.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	target, err := startTarget(ctx, b.target, b.scheme, b.targetEnv)
	if err != nil {
		return nil, err
	}
	defer target.stop()
	for _, path := range b.paths {
		if err := tools.writeTargets(target.url + path); err != nil {
			return nil, err
		}
	}
	p := b.parameters
	plan, err := b.plan(planner{p, target.url, tools}, only)
	if err != nil {
		return nil, err
	}
	all := time.Duration(len(plan)) * time.Second // to start
	for _, trial := range plan {
		all += trial.lasts(p.Seconds)
	}
	fmt.Fprintf(os.Stderr, "%d runs of %d s a rate, about %s in all\n", len(plan), p.Seconds, all)
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
