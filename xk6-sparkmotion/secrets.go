package sparkmotion

import (
	"errors"

	"go.k6.io/k6/v2/secretsource"
)

// secretSources gives nil for a manager without sources. It tells so by not minding that a source is unknown.
func secretSources(manager *secretsource.Manager) *secretsource.Manager {
	if manager == nil {
		return nil
	}
	var unknown secretsource.UnknownSourceError
	if _, err := manager.Get("", ""); !errors.As(err, &unknown) {
		return nil
	}
	return manager
}

// secret asks k6's default secret source, which from then on keeps the value out of k6's log. It is empty, without an
// error, when k6 runs without one. Why a source has no value is also logged, for --verbose: some settings are optional.
func (m *module) secret(name string) (string, error) {
	if m.secrets == nil {
		return "", nil
	}
	value, err := m.secrets.Get(secretsource.DefaultSourceName, name)
	if err != nil {
		m.run.notices.once("secret "+name, func() { m.logger().Debugf("%s is not in k6's secret source: %v", name, err) })
	}
	return value, err
}
