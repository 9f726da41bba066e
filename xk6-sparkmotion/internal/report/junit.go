package report

import (
	"fmt"
	"io"
	"strconv"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// JUnit writes the report as JUnit XML, which CI systems show: a suite for the run and for each plateau, a case for each limit. What fails
// is a failure, as in k6; what was not measured, or is not the system's, is skipped; a warning passes with a message.
func JUnit(w io.Writer, r *capacity.Report) error {
	all := junit.Testsuites{Name: title(r), Time: seconds(r.Run.Seconds)}
	run := suite(r, "run", r.Run.Seconds)
	run.AddTestcase(judgedCase(run.Name, "verdict", r.Status, r.Verdict[0]))
	for _, m := range r.Metrics {
		run.AddTestcase(judgedCase(run.Name, m.Label, statusOf(m.Status, m.Samples), figureSaid(m.Limit, m.Value, m.Samples)))
	}
	all.AddSuite(run)
	for i := range r.Plateaus {
		all.AddSuite(plateauSuite(r, &r.Plateaus[i], i+1))
	}
	if _, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"); err != nil {
		return err
	}
	return all.WriteXML(w)
}

func suite(r *capacity.Report, name string, took float64) junit.Testsuite {
	s := junit.Testsuite{Name: name, Time: seconds(took)}
	if r.Run.Began != nil {
		s.SetTimestamp(*r.Run.Began)
	}
	if r.Run.Label != "" {
		s.AddProperty("label", r.Run.Label)
	}
	return s
}

// plateauSuite returns a suite with a case for the plateau's verdict, and one for each limit.
func plateauSuite(r *capacity.Report, p *capacity.Plateau, id int) junit.Testsuite {
	s := suite(r, p.Name+"/s", p.Seconds)
	s.ID = id
	s.AddTestcase(judgedCase(s.Name, "verdict", p.Status, units.Rate(p.Offered)+" taps/s offered"))
	for _, m := range r.Metrics {
		metric, ok := capacity.Find(m.Label)
		if !ok {
			continue
		}
		figure := metric.In(p)
		status := p.StatusOf(metric)
		switch {
		case !p.Valid():
			status = p.Status
		case status == "":
			status = capacity.Pass
		}
		s.AddTestcase(judgedCase(s.Name, m.Label, statusOf(status, figure.Samples), figureSaid(m.Limit, figure.Value, figure.Samples)))
	}
	return s
}

// statusOf returns a metric's status, of which nothing is known without samples.
func statusOf(s capacity.Status, samples int64) capacity.Status {
	if samples == 0 {
		return capacity.NoData
	}
	return s
}

// figureSaid returns a figure with its limits.
func figureSaid(l capacity.Limit, value float64, samples int64) string {
	if samples == 0 {
		return "not measured"
	}
	return fmt.Sprintf("%s of %s samples: warns %s, fails %s", l.Unit.Value(value), count(float64(samples)), tier(l, l.Warn), tier(l, l.Fail))
}

func judgedCase(suite, name string, status capacity.Status, said string) junit.Testcase {
	c := junit.Testcase{Classname: suite, Name: name}
	switch status {
	case capacity.Pass:
	case capacity.Fail:
		c.Failure = &junit.Result{Message: said, Type: string(status)}
	case capacity.Warn:
		c.SystemOut = &junit.Output{Data: string(status) + ": " + said}
	default:
		c.Skipped = &junit.Result{Message: string(status) + ": " + said}
	}
	return c
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 3, 64) }
