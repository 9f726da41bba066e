package integration

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Whose fault a slow redirect is: the machine's that makes the taps, or the system's, whether that is slow by itself or lacks a processor.

// A test binary may play another process for a test, for as long as one lasts.
const (
	hog    = "hog"    // burns a processor
	target = "target" // redirects every tap, and says where it listens
)

const longestRole = 2 * time.Minute

// play plays a role to its end; none for a test binary that is to run tests.
func play(role string) {
	switch role {
	case "":
		return
	case hog:
		for end := time.Now().Add(longestRole); time.Now().Before(end); {
		}
	case target:
		time.AfterFunc(longestRole, func() { os.Exit(0) })
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		fmt.Println("http://" + listener.Addr().String())
		panic(http.Serve(listener, http.HandlerFunc(toPage)))
	}
	os.Exit(0)
}

func toPage(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://compassion.com/live", http.StatusFound)
}

// start has a process play a role, behind a command such as nice, until the test ends. It returns the first line of what it says.
func start(t *testing.T, role string, says bool, command ...string) (said string) {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command = append(command, own)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "TEST_ROLE="+role)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if says {
		lines := bufio.NewScanner(out)
		lines.Scan()
		said = lines.Text()
	}
	return said
}

// blameScript holds a rate by taps of 5 an iteration, by the limits of SparkMotion.
func blameScript(t *testing.T, rate int) string {
	t.Helper()
	return script(t, fmt.Sprintf(`
		import { plateaus, report, taps, thresholds } from 'k6/x/sparkmotion';
		export const options = {
			scenarios: { tappers: { executor: 'ramping-arrival-rate', ...plateaus({ rates: [%d], hold: '6s', taps: 5 }), preAllocatedVUs: 300, gracefulStop: '5s' } },
			thresholds: thresholds({ kv_hit_rate: null }),
		};
		export default () => taps(5);
		export const handleSummary = report;`, rate))
}

// blames wants a run's only plateau to have a status, and its verdict to say why.
func (r run) blames(status string, why ...string) {
	r.t.Helper()
	v := r.verdict()
	said := strings.Join(v.Verdict, "\n")
	if p := v.Plateaus[0]; p.Status != status {
		r.t.Errorf("the plateau is %s, want %s", p.Status, status)
	}
	for _, text := range why {
		if !strings.Contains(said, text) {
			r.t.Errorf("the verdict lacks %q:\n%s", text, said)
		}
	}
	if r.t.Failed() {
		r.t.Log(r.output)
	}
}

// TestBusyMachine: other processes have the processors that taps need. That is no fault of the system's.
func TestBusyMachine(t *testing.T) {
	worker := start(t, target, true)
	for range 3 * runtime.NumCPU() {
		start(t, hog, false)
	}
	r := runK6(t, map[string]string{"WORKER_URL": worker}, "run", "--quiet", blameScript(t, 4000))
	r.blames("GENERATOR", "this machine was the limit: it started or answered taps late", "its own part of their p95 was")
}

// TestSlowTarget: answers that take 200 ms are the system's, and the generator's own part of that is told.
func TestSlowTarget(t *testing.T) {
	slow := serve(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(200 * time.Millisecond)
		toPage(w, r)
	})
	r := onThisSystem(t, func() run {
		return runK6(t, map[string]string{"WORKER_URL": slow}, "run", "--quiet", blameScript(t, 200))
	})
	r.blames("FAIL", "redirect p95 fails its limit of 100 ms (2", "the Worker breaks first; the generator's own part was")
}

// TestStarvedTarget: a target that gets next to nothing of its processor is the system's fault as well, while k6 has one of its own.
func TestStarvedTarget(t *testing.T) {
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 {
		t.Skip("it takes taskset, and two processors")
	}
	const theirs, ours = "1", "0"
	worker := start(t, target, true, "taskset", "-c", theirs, "nice", "-n", "19")
	for range 2 {
		start(t, hog, false, "taskset", "-c", theirs)
	}
	k6 := absolute(t, k6Binary)
	r := onThisSystem(t, func() run {
		return runCommand(t, map[string]string{"WORKER_URL": worker, "GOMAXPROCS": "1"}, "taskset", "-c", ours, k6, "run", "--quiet", blameScript(t, 200))
	})
	r.blames("FAIL", "redirect p95 fails its limit of 100 ms", "the Worker breaks first; the generator's own part was")
}

// onThisSystem repeats a run that blames this machine while that is busy with something else.
func onThisSystem(t *testing.T, do func() run) (r run) {
	t.Helper()
	onTheSystem(func() (blamed bool) {
		r = do()
		return r.blamesTiming()
	})
	return r
}
