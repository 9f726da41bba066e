// Package sparkmotion is the k6 module k6/x/sparkmotion: the steps of a SparkMotion load test as JavaScript functions,
// each with its metrics. Each file holds one step; index.d.ts declares them for TypeScript.
package sparkmotion

import (
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/subcommand"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/audit"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/cli"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/meter"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/nextauth"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/ports"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/queue"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/settings"
)

// importPath is what scripts import.
const importPath = "k6/x/sparkmotion"

func init() {
	modules.Register(importPath, New())
	subcommand.RegisterExtension("sparkmotion", cli.Command)
}

// RootModule is the module's one instance in a process. It makes each VU's module.
type RootModule struct{ process process }

// New returns a RootModule. k6 needs one per process.
func New() *RootModule { return new(RootModule) }

// process is what the VUs of one process share.
type process struct {
	meter        meter.Process
	sessions     nextauth.Sessions
	signIns      sync.Map // the signIn of each session that may be renewed, by its cookie
	transformers transformers
	sequences    sequences
	notices      notices
	audit        audit.Set
	settings     runSettings
	pool         lane.Pool   // of the taps' connections
	ports        ports.Watch // that these take
	poisson      atomic.Bool // taps were due as a Poisson process has them
	finding      finding
	audited      atomic.Pointer[[]byte]       // what the audit has written
	queue        atomic.Pointer[queue.Source] // that the ledger is read from; nil as long as nobody has asked for it
	glances      pace                         // at the system's counters, after flushes
	marks        notices                      // stages and tenths of plateaus that began
	plateausTold notices                      // that ended, in the log
	ending       atomic.Bool                  // a VU has ended the run
	answered     answer.Answered
	plateaus     plateauNames
	limits       atomic.Pointer[[]capacity.Limit] // that the script's thresholds set
}

// notices are actions that happen once per process, such as a line in the log, in whichever VU comes first.
type notices struct{ given sync.Map }

func (n *notices) once(key string, do func()) {
	if _, known := n.given.LoadOrStore(key, true); !known {
		do()
	}
}

// pace limits how often an action happens, in whichever VU comes first.
type pace struct{ last atomic.Int64 }

func (p *pace) due(every time.Duration) bool {
	last, now := p.last.Load(), time.Now().UnixNano()
	return now-last >= int64(every) && p.last.CompareAndSwap(last, now)
}

// module is the module as one VU imports it.
type module struct {
	vu       modules.VU
	process  *process
	meter    *meter.Meter
	settings *settings.Reader
	renewer  nextauth.Renewer
	pickers  bandPickers
	plans    tapPlans
	exports  modules.Exports
	marked   lane.Plateau // of the last tap
	folder   *url.URL     // that the script is in
}

var (
	_ modules.Module   = (*RootModule)(nil)
	_ modules.Instance = (*module)(nil)
)

// NewModuleInstance returns a VU's module. It runs in the init context, the only place where metrics can be registered.
func (r *RootModule) NewModuleInstance(vu modules.VU) modules.Instance {
	registered, err := meter.Register(vu.InitEnv().Registry)
	if err != nil {
		common.Throw(vu.Runtime(), fmt.Errorf("k6/x/sparkmotion: the script declares a metric of the same name: %w", err))
	}
	m := &module{vu: vu, process: &r.process, meter: meter.New(vu, &r.process.meter, registered)}
	m.folder = vu.InitEnv().CWD
	m.settings = &settings.Reader{Runtime: vu.Runtime(), Secrets: settings.NewSecrets(vu.InitEnv().SecretsManager, m.noSecret)}
	if err := r.process.settings.read(m.settings); err != nil {
		common.Throw(vu.Runtime(), fmt.Errorf("k6/x/sparkmotion: %w", err))
	}
	r.process.notices.once("STOP", func() { r.process.meter.Recorder.StopWhen(r.process.settings.Stop) }) // VUs are made in mid-run as well
	m.renewer.Sessions = &r.process.sessions
	m.exports = m.export()
	return m
}

// Exports returns the functions that scripts import by name, and all of them as the default. k6 calls it at every use of an
// imported name, so they are made once.
func (m *module) Exports() modules.Exports { return m.exports }

func (m *module) export() modules.Exports {
	rt := m.vu.Runtime()
	named := map[string]any{"Upstash": rt.ToValue(m.newUpstash)}
	for name, call := range map[string]primitive{
		"login":        m.login,
		"applySession": m.applySession,
		"bandID":       m.bandID,
		"attempt":      m.attempt,
		"tap":          m.tap,
		"taps":         m.taps,
		"query":        m.query,
		"mutate":       m.mutate,
		"batch":        m.batch,
		"flushTaps":    m.flushTaps,
		"queueDepth":   m.queueDepth,
		"reconcile":    m.reconcile,
		"plateaus":     m.plateaus,
		"thresholds":   m.thresholds,
		"preflight":    m.preflight,
		"guard":        m.guard,
		"audit":        m.audit,
		"report":       m.report,
		"findCapacity": m.findCapacity,
		"probeTaps":    m.probeTaps,
	} {
		named[name] = rt.ToValue(throwing(rt, name, call))
	}
	return modules.Exports{Default: rt.ToValue(named), Named: named}
}

// logger returns the VU's logger, or that of the init context.
func (m *module) logger() logrus.FieldLogger {
	if state := m.vu.State(); state != nil {
		return state.Logger
	}
	return m.vu.InitEnv().Logger
}

// noSecret logs, for --verbose, why k6's secret source has no value for a setting.
func (m *module) noSecret(name string, err error) {
	m.process.notices.once("secret "+name, func() { m.logger().Debugf("%s is not in k6's secret source: %v", name, err) })
}

// until waits for a time, or for the end of the run.
func (m *module) until(at time.Time) error {
	select {
	case <-time.After(time.Until(at)):
		return nil
	case <-m.vu.Context().Done():
		return m.vu.Context().Err()
	}
}
