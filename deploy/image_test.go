package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/grafana/k6-operator/api/v1alpha1"
	"github.com/grafana/k6-operator/pkg/resources/jobs"
	"github.com/grafana/k6-operator/pkg/types"
	corev1 "k8s.io/api/core/v1"
)

// TestImage builds the Dockerfile, and does in the image what the operator does there for testrun.yaml: its own commands,
// with the environment and volumes that it gives them.
func TestImage(t *testing.T) {
	t.Parallel()
	image := buildImage(t)
	for name, test := range map[string]func(*testing.T){
		"runs as a number": image.hasUser,
		"is ./k6":          image.isK6,
		"initializer":      image.initializes,
		"runners":          image.runs,
		"archive":          image.runsArchive,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// hasUser: runAsNonRoot needs a number that isn't 0.
func (i image) hasUser(t *testing.T) {
	var got struct {
		OCIv1 struct {
			Config struct {
				User, WorkingDir string
				Entrypoint       []string
			} `json:"config"`
		}
	}
	if err := json.Unmarshal(i.buildah(t, "inspect", "--type", "image", i.name), &got); err != nil {
		t.Fatal(err)
	}
	config := got.OCIv1.Config
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(config.User) {
		t.Errorf("user %q", config.User)
	}
	if fmt.Sprint(config.Entrypoint) != "[k6]" {
		t.Errorf("entrypoint %q", config.Entrypoint)
	}
	who := i.container(t).run(t, nil, nil, "sh", "-c", "id -u && touch here && pwd")
	if want := strings.Split(config.User, ":")[0] + "\n" + config.WorkingDir + "\n"; who.output != want {
		t.Errorf("%q, want %q", who.output, want)
	}
}

// isK6: the same k6 and extension as ./k6. It is static: in the image under test there is no C library.
func (i image) isK6(t *testing.T) {
	want, err := exec.Command("../k6", "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	built := regexp.MustCompile(`commit/[^,]*|go1[^,]*`) // when and by which Go
	got := i.container(t).run(t, nil, nil, "k6", "version").output
	if built.ReplaceAllString(got, "") != built.ReplaceAllString(string(want), "") {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// initializes: the operator reads from the initializer's log what the run requires, and nothing else may be in it.
func (i image) initializes(t *testing.T) {
	tw := twin{}
	run := testRunFor(t, tw)
	cli, err := types.ParseCLI(run.Spec.Arguments)
	if err != nil {
		t.Fatal(err)
	}
	job, err := jobs.NewInitializerJob(run.DeepCopy(), cli.ArchiveArgs)
	if err != nil {
		t.Fatal(err)
	}
	done := i.pod(t, job.Spec.Template.Spec, tw)()
	var got struct {
		MaxVUs        int
		TotalDuration string
		Cloud         struct{ Name string }
	}
	if err := json.Unmarshal([]byte(done.output), &got); err != nil || done.err != nil {
		t.Fatalf("%v, %v\n%s", done.err, err, done.output)
	}
	if got.MaxVUs < int(run.Spec.Parallelism) || got.TotalDuration == "" {
		t.Errorf("%+v", got)
	}
}

// runs: all runners, paused, started together as the starter does it, send the profile's taps between them.
func (i image) runs(t *testing.T) {
	tw := startTwin(t)
	run := testRunFor(t, tw)
	n := int(run.Spec.Parallelism)
	addresses, ended := make([]string, n), make(chan result, n)
	for r := range n {
		job, err := jobs.NewRunnerJob(run, r+1, nil)
		if err != nil {
			t.Fatal(err)
		}
		addresses[r] = freeAddress(t)
		pod := job.Spec.Template.Spec
		for j, arg := range pod.Containers[0].Command {
			pod.Containers[0].Command[j] = strings.Replace(arg, "0.0.0.0:6565", addresses[r], 1) // pods have one each
		}
		start := i.pod(t, pod, tw)
		go func() { ended <- start() }()
	}
	for _, address := range addresses {
		unpause(t, address)
	}
	taps := 0
	for range n {
		one := <-ended
		if one.err != nil {
			t.Errorf("%v\n%s", one.err, one.output)
			continue
		}
		taps += one.taps(t)
	}
	const preflight = 3 // taps by each runner
	if got := tw.hits(t); got != taps+preflight*n || taps == 0 {
		t.Errorf("%d runners reported %d taps, the twin served %d", n, taps, got)
	}
}

// runsArchive: a Private Load Zone's runner has an archive, which makes its command one for a shell.
func (i image) runsArchive(t *testing.T) {
	tw := startTwin(t)
	run := testRunFor(t, tw)
	folder := writable(t)
	archive := exec.Command("../k6", "archive", "-O", filepath.Join(folder, "archive.tar"), // which keeps the profile's size
		"-e", "SCALE=0.02", "-e", "TIME_SCALE=0.01", "../scripts/e2e-load.js")
	if out, err := archive.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run.Spec.Script, run.Spec.Paused, run.Spec.Parallelism = v1alpha1.K6Script{LocalFile: "/test/archive.tar"}, "false", 1
	job, err := jobs.NewRunnerJob(run, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	pod := job.Spec.Template.Spec
	command := pod.Containers[0].Command
	command[len(command)-1] = strings.Replace(command[len(command)-1], "0.0.0.0:6565", freeAddress(t), 1)
	done := i.pod(t, pod, tw, folder+":/test:ro")()
	if done.err != nil || command[0] != "sh" || done.taps(t) == 0 {
		t.Errorf("%q: %v\n%s", command, done.err, done.output)
	}
}

// testRunFor is testrun.yaml on a small scale against the twin, without limits, as this machine may be busy. Nobody is at home
// where its metrics would go.
func testRunFor(t *testing.T, tw twin) *v1alpha1.TestRun {
	run := manifest[v1alpha1.TestRun](t, testRunFile)
	run.Spec.Arguments = strings.Replace(run.Spec.Arguments, "--out experimental-prometheus-rw ", "", 1)
	for j, one := range run.Spec.Runner.Env {
		if own, ok := tw[one.Name]; ok && one.ValueFrom == nil {
			run.Spec.Runner.Env[j].Value = own
		}
	}
	run.Spec.Runner.Env = append(run.Spec.Runner.Env, corev1.EnvVar{Name: "SCALE", Value: "0.02"},
		corev1.EnvVar{Name: "TIME_SCALE", Value: "0.01"}, corev1.EnvVar{Name: "K6_NO_THRESHOLDS", Value: "true"},
		corev1.EnvVar{Name: "K6_NO_USAGE_REPORT", Value: "true"})
	return run
}

// pod prepares a pod's container, which runs to its end when called: with secrets from the twin's settings, the ConfigMap from scripts/, and an
// empty folder for each emptyDir.
func (i image) pod(t *testing.T, pod corev1.PodSpec, tw twin, mounts ...string) func() result {
	t.Helper()
	c := pod.Containers[0]
	env := map[string]string{}
	for _, one := range c.Env {
		if one.ValueFrom != nil {
			one.Value = tw[one.ValueFrom.SecretKeyRef.Key]
		}
		env[one.Name] = one.Value
	}
	work := ""
	for _, mount := range c.VolumeMounts {
		for _, volume := range pod.Volumes {
			switch {
			case volume.Name != mount.Name:
			case volume.ConfigMap != nil:
				mounts = append(mounts, absolute(t, "../scripts")+":"+mount.MountPath+":ro")
			case mount.MountPath == "/home/k6":
				work = writable(t)
				mounts = append(mounts, work+":"+mount.MountPath)
			default:
				mounts = append(mounts, writable(t)+":"+mount.MountPath)
			}
		}
	}
	inside := i.container(t)
	return func() result {
		done := inside.run(t, env, mounts, c.Command...)
		done.work = work
		return done
	}
}

// result is what a container left: all it printed, and its working directory.
type result struct {
	output, work string
	err          error
}

// taps is how many the summary counts that k6 wrote in the pod.
func (r result) taps(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.work, "results", "e2e-load-summary.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, r.output)
	}
	var summary struct {
		Metrics map[string]struct{ Values map[string]float64 }
	}
	if err := json.Unmarshal(text, &summary); err != nil {
		t.Fatal(err)
	}
	return int(summary.Metrics["redirect_latency"].Values["count"])
}

// unpause does what the starter's curl does, once k6 listens.
func unpause(t *testing.T, address string) {
	t.Helper()
	const body = `{"data":{"attributes":{"paused":false,"stopped":false},"id":"default","type":"status"}}`
	own := client(t)
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var req *http.Request
		if req, err = http.NewRequest(http.MethodPatch, "http://"+address+"/v1/status", strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
		var resp *http.Response
		if resp, err = own.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("%s", resp.Status)
		}
	}
	t.Errorf("%s did not start after a minute: %v", address, err)
}

// ── buildah ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

// image is one in a storage of the test's own.
type image struct{ name, storage string }

// buildImage builds the Dockerfile. Its base images can't be fetched everywhere, so others stand in for them: this machine's
// Debian and Go for golang:…-bookworm, and a static busybox, which is what Alpine's commands are, for alpine.
func buildImage(t *testing.T) image {
	t.Helper()
	if _, err := exec.LookPath("buildah"); err != nil {
		t.Fatalf("%v: apt-get install buildah busybox-static", err)
	}
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	bases := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(string(dockerfile), -1)
	if len(bases) != 2 || !strings.HasPrefix(bases[0][1], "golang:1.26.") || !strings.HasPrefix(bases[1][1], "alpine:") {
		t.Fatalf("the stand-ins are not for %q", bases)
	}
	i := image{name: "sparkmotion-k6", storage: t.TempDir()}
	t.Cleanup(func() { i.buildah(t, "rm", "--all") })
	i.base(t, "go", debianRoot(t), "PATH=/usr/local/go/bin:/usr/bin:/bin", "GOPATH=/go", "GOCACHE=/cache", "GOTOOLCHAIN=local")
	i.base(t, "run", busyboxRoot(t))
	dirs := strings.Split(goEnv(t, "GOROOT", "GOMODCACHE", "GOCACHE"), "\n")
	i.buildah(t, "bud", "--isolation", "chroot", "--file", "Dockerfile", "--ignorefile", "Dockerfile.dockerignore", "--tag", i.name,
		"--build-context", bases[0][1]+"=container-image://localhost/go",
		"--build-context", bases[1][1]+"=container-image://localhost/run",
		"--volume", "/usr:/usr:ro", "--volume", dirs[0]+":/usr/local/go:ro",
		"--volume", dirs[1]+":/go/pkg/mod", "--volume", dirs[2]+":/cache", "..")
	return i
}

// base makes an image of a folder.
func (i image) base(t *testing.T, name, root string, env ...string) {
	t.Helper()
	id := strings.TrimSpace(string(i.buildah(t, "from", "scratch")))
	i.buildah(t, "copy", id, root, "/")
	for _, one := range env {
		i.buildah(t, "config", "--env", one, id)
	}
	i.buildah(t, "commit", id, name)
}

// debianRoot is what this machine's /usr needs around it.
func debianRoot(t *testing.T) string {
	root := t.TempDir()
	for _, folder := range []string{"usr", "tmp", "etc/ssl/certs"} {
		must(t, os.MkdirAll(filepath.Join(root, folder), 0o755))
	}
	for _, folder := range []string{"bin", "sbin", "lib", "lib64"} {
		must(t, os.Symlink("usr/"+folder, filepath.Join(root, folder)))
	}
	certificates, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"), certificates, 0o644))
	return root
}

// busyboxRoot is busybox and its commands, without a C library.
func busyboxRoot(t *testing.T) string {
	root := t.TempDir()
	for _, folder := range []string{"bin", "tmp", "etc"} {
		must(t, os.MkdirAll(filepath.Join(root, folder), 0o755))
	}
	must(t, os.Chmod(filepath.Join(root, "tmp"), 0o777))
	commands, err := exec.Command("busybox", "--list").Output()
	if err != nil {
		t.Fatalf("%v: apt-get install busybox-static", err)
	}
	for _, command := range strings.Fields(string(commands)) {
		if command != "busybox" {
			must(t, os.Symlink("busybox", filepath.Join(root, "bin", command)))
		}
	}
	static, err := os.ReadFile("/bin/busybox")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(root, "bin/busybox"), static, 0o755))
	return root
}

// container is one of the image, with a file system of its own.
type container struct {
	image
	id string
}

func (i image) container(t *testing.T) container {
	t.Helper()
	return container{i, strings.TrimSpace(string(i.buildah(t, "from", i.name)))}
}

// run runs a command as the image's user in its working directory.
func (c container) run(t *testing.T, env map[string]string, mounts []string, command ...string) result {
	args := []string{"run", "--isolation", "chroot"}
	for name, value := range maps.All(env) {
		args = append(args, "--env", name+"="+value)
	}
	for _, mount := range mounts {
		args = append(args, "--volume", mount)
	}
	cmd := c.command(t, append(append(args, c.id, "--"), command...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		stdout = append(stdout, stderr.Bytes()...)
	}
	return result{output: string(stdout), err: err}
}

// command is one of buildah's, with all that it starts in a process group of its own, and bounded.
func (i image) command(t *testing.T, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "buildah", append([]string{
		"--storage-driver", "vfs", "--root", filepath.Join(i.storage, "root"), "--runroot", filepath.Join(i.storage, "run"),
	}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// buildah runs one of its commands and gives what it printed.
func (i image) buildah(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := i.command(t, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("buildah %s: %v\n%s%s", args[0], err, out, stderr.String())
	}
	return out
}

func goEnv(t *testing.T, names ...string) string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}

// freeAddress is one on loopback that nobody listens on, nor takes until it is used: all else here is at 127.0.0.1.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// writable is an empty folder for any user, as an emptyDir is.
func writable(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	must(t, os.Chmod(folder, 0o777))
	return folder
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	must(t, err)
	return full
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
