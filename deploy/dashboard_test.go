package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/grafana/k6-operator/api/v1alpha1"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/teststorage"
)

// TestDashboard runs the profile, has k6 write its metrics into Prometheus' own storage as testrun.yaml says, and wants an
// answer from Prometheus' own engine to everything that the dashboard asks.
func TestDashboard(t *testing.T) {
	t.Parallel()
	p := newPrometheus(t)
	p.record(t)
	board := readDashboard(t)
	for _, variable := range board.Templating.List {
		if variable.Type == "query" {
			p.wantsValues(t, variable.Query.(map[string]any)["query"].(string))
		}
	}
	queries := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			queries++
			t.Run(panel.Title, func(t *testing.T) { p.answers(t, target.Expr, target.LegendFormat) })
		}
	}
	if queries == 0 {
		t.Error("the dashboard asks nothing")
	}
}

// dashboard is the part of Grafana's model that asks Prometheus.
type dashboard struct {
	Templating struct {
		List []struct {
			Type  string
			Query any
		}
	}
	Panels []struct {
		Title   string
		Targets []struct{ Expr, LegendFormat string }
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile("grafana/sparkmotion.json")
	must(t, err)
	var board dashboard
	must(t, json.Unmarshal(text, &board))
	return board
}

// Grafana's variables, as it fills them in: the run, all of its pods, and four times a scrape interval of 15 s.
var filledIn = strings.NewReplacer("$testid", "sparkmotion-e2e", "$instance", ".*", "$__rate_interval", "1m")

// prometheus is its storage and its engine, and a receiver of remote writes before them.
type prometheus struct {
	*teststorage.TestStorage
	engine     *promql.Engine
	parser     parser.Parser
	receiver   *httptest.Server
	start, end time.Time
}

func newPrometheus(t *testing.T) *prometheus {
	p := &prometheus{TestStorage: teststorage.New(t), parser: parser.NewParser(parser.Options{})}
	p.engine = promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: p.parser})
	t.Cleanup(func() { must(t, p.engine.Close()) })
	p.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := p.write(r); err != nil {
			t.Errorf("a remote write: %v", err)
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}))
	t.Cleanup(p.receiver.Close)
	return p
}

// write stores what one request brings.
func (p *prometheus) write(r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if body, err = snappy.Decode(nil, body); err != nil {
		return err
	}
	var request prompb.WriteRequest
	if err := request.Unmarshal(body); err != nil {
		return err
	}
	appender := p.Appender(r.Context())
	builder := labels.NewScratchBuilder(0)
	for _, series := range request.Timeseries {
		for _, sample := range series.Samples {
			if _, err := appender.Append(0, series.ToLabels(&builder, nil), sample.Timestamp, sample.Value); err != nil {
				return errors.Join(err, appender.Rollback())
			}
		}
	}
	return appender.Commit()
}

// record runs the profile against a Worker so slow that virtual users run out, with the environment of testrun.yaml and the
// tags that the operator adds.
func (p *prometheus) record(t *testing.T) {
	t.Helper()
	tw := startTwin(t)
	tw.fault(t, `{"worker":{"latencyMs":300}}`)
	run := manifest[v1alpha1.TestRun](t, testRunFile)
	args := append([]string{"run", "--quiet", "-e", "SCALE=0.02", "-e", "TIME_SCALE=0.03", "-e", "GOAL=50", "--tag", "instance_id=1"},
		strings.Fields(run.Spec.Arguments)...)
	cmd := exec.CommandContext(t.Context(), absolute(t, "../k6"), append(args, absolute(t, "../scripts/e2e-load.js"))...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir, "K6_NO_USAGE_REPORT=true", "K6_NO_THRESHOLDS=true"}
	for _, one := range run.Spec.Runner.Env {
		if strings.HasPrefix(one.Name, "K6_PROMETHEUS_RW_") {
			cmd.Env = append(cmd.Env, one.Name+"="+one.Value)
		}
	}
	cmd.Env = append(cmd.Env, "K6_PROMETHEUS_RW_SERVER_URL="+p.receiver.URL)
	for name, value := range tw {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	p.start = time.Now()
	out, err := cmd.CombinedOutput()
	p.end = time.Now()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// answers: each series that a query selects exists, the result has numbers, and it has the labels that the legend shows.
func (p *prometheus) answers(t *testing.T, query, legend string) {
	query = filledIn.Replace(query)
	expr, err := p.parser.ParseExpr(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok && len(p.series(t, selector.LabelMatchers)) == 0 {
			t.Errorf("k6 wrote no %s", selector)
		}
		return nil
	})
	asked, err := p.engine.NewRangeQuery(context.Background(), p, nil, query, p.start, p.end, time.Second)
	must(t, err)
	defer asked.Close()
	matrix, err := asked.Exec(context.Background()).Matrix()
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	shown, numbers := map[string]bool{}, 0
	for _, series := range matrix {
		series.Metric.Range(func(l labels.Label) { shown[l.Name] = true })
		for _, point := range series.Floats {
			if !math.IsNaN(point.F) {
				numbers++
			}
		}
	}
	if numbers == 0 {
		t.Errorf("%s: no numbers", query)
	}
	for _, label := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(legend, -1) {
		if !shown[label[1]] {
			t.Errorf("%s has no label %s", query, label[1])
		}
	}
}

// wantsValues is for a variable: label_values(series, label).
func (p *prometheus) wantsValues(t *testing.T, query string) {
	t.Helper()
	parts := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(filledIn.Replace(query))
	if parts == nil {
		t.Fatalf("%s is no label_values(series, label)", query)
	}
	matchers, err := p.parser.ParseMetricSelector(parts[1])
	must(t, err)
	for _, one := range p.series(t, matchers) {
		if one.Get(parts[2]) != "" {
			return
		}
	}
	t.Errorf("%s has no values", query)
}

// series are those that k6 wrote during the run.
func (p *prometheus) series(t *testing.T, matchers []*labels.Matcher) (found []labels.Labels) {
	t.Helper()
	querier, err := p.Querier(p.start.UnixMilli(), p.end.UnixMilli())
	must(t, err)
	defer querier.Close()
	set := querier.Select(context.Background(), false, nil, matchers...)
	for set.Next() {
		found = append(found, set.At().Labels())
	}
	must(t, set.Err())
	return found
}
