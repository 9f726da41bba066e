// Package sparkmotion is the k6 module k6/x/sparkmotion: the steps of a SparkMotion load test as JavaScript functions,
// each with its metrics. One file holds one step; index.d.ts beside them says the same for TypeScript.
package sparkmotion

import (
	"fmt"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/secretsource"
)

func init() { modules.Register("k6/x/sparkmotion", new(rootModule)) }

// rootModule is the one instance a process; a VU's [module] comes from it.
type rootModule struct {
	run run
}

// NewModuleInstance gives a VU its module. It runs in the init context, the only place where metrics can be registered.
func (r *rootModule) NewModuleInstance(vu modules.VU) modules.Instance {
	registered, err := registerMetrics(vu.InitEnv().Registry)
	if err != nil {
		common.Throw(vu.Runtime(), fmt.Errorf("k6/x/sparkmotion: the script declares a metric of the same name: %w", err))
	}
	m := &module{vu: vu, run: &r.run, metrics: registered, secrets: secretSources(vu.InitEnv().SecretsManager)}
	m.exports = m.export()
	return m
}

// module is what one VU imports.
type module struct {
	vu      modules.VU
	run     *run
	metrics *customMetrics
	secrets *secretsource.Manager // nil when k6 runs without --secret-source
	exports modules.Exports
	bands   bandState
	tapper  tapper
	renewed string // the session that this VU has logged in again for
}

// Exports lists the functions that scripts import by name, and all of them as the default. A script asks for them at
// every use of an imported name, so that they are made once.
func (m *module) Exports() modules.Exports { return m.exports }

func (m *module) export() modules.Exports {
	rt := m.vu.Runtime()
	named := make(map[string]any)
	for name, value := range map[string]any{
		"login":      m.login,
		"bandID":     m.bandID,
		"tap":        m.tap,
		"taps":       m.taps,
		"query":      m.query,
		"batch":      m.batch,
		"flushTaps":  m.flushTaps,
		"queueDepth": m.queueDepth,
		"Upstash":    m.newUpstash,
		"plateaus":   m.plateaus,
		"thresholds": m.thresholds,
		"preflight":  m.preflight,
		"report":     m.report,
	} {
		named[name] = rt.ToValue(value)
	}
	return modules.Exports{Default: rt.ToValue(named), Named: named}
}

// throw raises err as a JavaScript Error whose other properties say more, such as code and status.
func (m *module) throw(err error) {
	panic(m.newError(err))
}

// newError makes a JavaScript Error of err.
func (m *module) newError(err error) *sobek.Object {
	rt := m.vu.Runtime()
	e, failed := rt.New(rt.Get("Error"), rt.ToValue(err.Error()))
	if failed != nil {
		common.Throw(rt, failed)
	}
	for name, value := range properties(err) {
		if failed := e.Set(name, value); failed != nil {
			common.Throw(rt, failed)
		}
	}
	return e
}
