package fault

import (
	"errors"
	"fmt"
	"sync"
)

// Set is the faults of all parts; one left out is well.
type Set struct {
	Worker   Fault `json:"worker,omitzero"`
	Hub      Fault `json:"hub,omitzero"`
	Admin    Fault `json:"admin,omitzero"`
	Upstash  Fault `json:"upstash,omitzero"`
	Database Fault `json:"database,omitzero"`
}

// Gates are the gates of all parts.
type Gates struct {
	Worker, Hub, Admin, Upstash, Database Gate

	mu  sync.Mutex
	now Set
}

// Current returns the faults now set.
func (g *Gates) Current() Set {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

// Replace sets the faults of every part, or none of them when one is invalid.
func (g *Gates) Replace(next Set) error {
	parts := []struct {
		name  string
		gate  *Gate
		fault Fault
	}{
		{"worker", &g.Worker, next.Worker},
		{"hub", &g.Hub, next.Hub},
		{"admin", &g.Admin, next.Admin},
		{"upstash", &g.Upstash, next.Upstash},
		{"database", &g.Database, next.Database},
	}
	for _, p := range parts {
		if err := p.fault.check(); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if p.fault.DrainRate > 0 && p.gate != &g.Hub {
			return errors.New(p.name + ": drainRate is the hub's; set it there")
		}
		if p.fault.ReplyLostRate > 0 && p.gate != &g.Database {
			return errors.New(p.name + ": replyLostRate is the database's; set it there")
		}
		if p.fault.AboveTaps > 0 && p.gate != &g.Admin {
			return errors.New(p.name + ": aboveTaps is the admin's; set it there")
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var crowd *crowd
	if next.Admin.AboveTaps > 0 {
		crowd = newCrowd(next.Admin.AboveTaps)
	}
	for _, p := range parts {
		switch p.gate {
		case &g.Worker, &g.Admin:
			p.gate.set(p.fault, crowd)
		default:
			p.gate.set(p.fault, nil)
		}
	}
	g.now = next
	return nil
}
