package deploy

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/k6-operator/api/v1alpha1"
	"github.com/santhosh-tekuri/jsonschema/v6"
	corev1 "k8s.io/api/core/v1"
	strict "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const (
	testRunFile = "k6-operator/testrun.yaml"
	secretFile  = "k6-operator/secret.example.yaml"
	zoneFile    = "grafana-cloud/private-load-zone.yaml"
)

// cloudRunners is how many Grafana Cloud takes with --out cloud.
const cloudRunners = 20

// TestManifestsFollowTheOperator: they have the fields that the operator's own types have, and pass its published schema.
func TestManifestsFollowTheOperator(t *testing.T) {
	t.Parallel()
	for file, schema := range map[string]string{testRunFile: "k6.io_testruns.yaml", zoneFile: "k6.io_privateloadzones.yaml"} {
		if err := publishedSchema(t, schema).Validate(document(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	zone := manifest[v1alpha1.PrivateLoadZone](t, zoneFile)
	if limits := zone.Spec.Resources.Limits; limits.Cpu().IsZero() || limits.Memory().IsZero() {
		t.Error("a zone without limits of CPU and memory can't be registered")
	}
	run := manifest[v1alpha1.TestRun](t, testRunFile)
	if warnings, err := run.Spec.Validate(); err != nil || len(warnings) > 0 {
		t.Errorf("%s: %v, %v", testRunFile, warnings, err)
	}
	if run.Spec.Parallelism > cloudRunners {
		t.Errorf("%d runners are too many for --out cloud", run.Spec.Parallelism)
	}
	if run.Spec.Runner.Image != zone.Spec.Image {
		t.Errorf("two images: %s and %s", run.Spec.Runner.Image, zone.Spec.Image)
	}
}

// TestManifestsHaveAllSettings: each setting of .env.example reaches the runners, the secret ones by the Secret alone.
func TestManifestsHaveAllSettings(t *testing.T) {
	t.Parallel()
	secret := manifest[corev1.Secret](t, secretFile)
	env := map[string]corev1.EnvVar{}
	for _, one := range manifest[v1alpha1.TestRun](t, testRunFile).Spec.Runner.Env {
		env[one.Name] = one
		if one.ValueFrom == nil {
			continue
		}
		ref := one.ValueFrom.SecretKeyRef
		if _, ok := secret.StringData[ref.Key]; !ok || ref.Name != secret.Name || ref.Key != one.Name {
			t.Errorf("%s is taken from %s/%s, which %s lacks", one.Name, ref.Name, ref.Key, secretFile)
		}
	}
	for _, name := range settings(t) {
		if _, ok := env[name]; !ok {
			t.Errorf("%s lacks %s", testRunFile, name)
		}
	}
	for name, value := range secret.StringData {
		if env[name].ValueFrom == nil || value != "" {
			t.Errorf("%s is no secret: the operator hands values to `k6 archive`, and git keeps them", name)
		}
	}
	for _, name := range []string{"TEST_PASSWORD", "CRON_SECRET", "UPSTASH_REDIS_REST_TOKEN", "REDIS_URL"} {
		if env[name].ValueFrom == nil {
			t.Errorf("%s is given as a value", name)
		}
	}
}

// TestZoneNamesTheSameSecret: what a zone's pods get by envFrom is what the TestRun's get one by one.
func TestZoneNamesTheSameSecret(t *testing.T) {
	t.Parallel()
	secret := manifest[corev1.Secret](t, secretFile)
	zone := manifest[v1alpha1.PrivateLoadZone](t, zoneFile)
	if !slices.ContainsFunc(zone.Spec.Config.ToEnvFromSource(), func(from corev1.EnvFromSource) bool {
		return from.SecretRef != nil && from.SecretRef.Name == secret.Name
	}) {
		t.Errorf("%s takes no settings from the Secret %s", zoneFile, secret.Name)
	}
}

// manifest decodes a file as Kubernetes does; a field that the type lacks fails the test.
func manifest[T any](t *testing.T, file string) *T {
	t.Helper()
	into := new(T)
	unknown, err := strict.UnmarshalStrict(asJSON(t, file), into)
	if err != nil || len(unknown) > 0 {
		t.Fatalf("%s: %v, %v", file, err, unknown)
	}
	return into
}

// document is a file as its schema sees it.
func document(t *testing.T, file string) any {
	t.Helper()
	into, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON(t, file)))
	must(t, err)
	return into
}

func asJSON(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	converted, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return converted
}

// publishedSchema is the schema of a CustomResourceDefinition of the operator, from its module.
func publishedSchema(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/grafana/k6-operator").Output()
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct{ OpenAPIV3Schema any }
			}
		}
	}
	definition := asJSON(t, filepath.Join(strings.TrimSpace(string(out)), "config/crd/bases", file))
	if err := json.Unmarshal(definition, &crd); err != nil || len(crd.Spec.Versions) != 1 {
		t.Fatalf("%s: %d versions, %v", file, len(crd.Spec.Versions), err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("crd.json", crd.Spec.Versions[0].Schema.OpenAPIV3Schema); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("crd.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// settings are the names in .env.example.
func settings(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^(\w+)=`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, match[1])
	}
	if len(names) == 0 {
		t.Fatal(".env.example names no settings")
	}
	return names
}
