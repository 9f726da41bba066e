package settings

import (
	"errors"

	"go.k6.io/k6/v2/secretsource"
)

// Secrets is k6's default secret source.
type Secrets struct {
	manager *secretsource.Manager
	missing func(name string, err error)
}

// NewSecrets returns nil for a manager without sources. missing is told why a source has no value for a name: some settings
// are optional.
func NewSecrets(manager *secretsource.Manager, missing func(name string, err error)) *Secrets {
	if manager == nil {
		return nil
	}
	var unknown secretsource.UnknownSourceError
	if _, err := manager.Get("", ""); !errors.As(err, &unknown) { // only a manager with sources minds an unknown one
		return nil
	}
	return &Secrets{manager, missing}
}

// get asks the source, which from then on keeps the value out of k6's log.
func (s *Secrets) get(name string) (string, error) {
	if s == nil {
		return "", nil
	}
	value, err := s.manager.Get(secretsource.DefaultSourceName, name)
	if err != nil {
		s.missing(name, err)
	}
	return value, err
}
