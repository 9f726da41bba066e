package sparkmotion

import (
	"fmt"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// comparison shows a capacity.Comparison on a terminal of 100 columns: what it comes to, then every figure that
// is not the same in both runs.
type comparison struct {
	strings.Builder
	colored bool
}

func (t *comparison) all(c *capacity.Comparison) {
	for _, sentence := range c.Verdict {
		t.sentence(sentence)
	}
	if len(c.Plateaus) == 0 {
		return
	}
	t.row("", "before", "after", "change", "noise", "")
	t.change("", c.Holds)
	if c.Drain != nil {
		t.change("", *c.Drain)
	}
	for _, p := range c.Plateaus {
		t.plateau(p)
	}
}

// sentence is broken into lines.
func (t *comparison) sentence(text string) {
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > 100:
			t.WriteString("\n  ")
			column = 2
		default:
			t.WriteString(" ")
			column++
		}
		t.WriteString(word)
		column += len(word)
	}
	t.WriteString("\n")
}

func (t *comparison) plateau(p capacity.Compared) {
	t.WriteString("\n")
	name := capacity.Rate(p.Offered) + " taps/s"
	if p.Why != "" {
		fmt.Fprintf(t, "%-26snot compared: %s\n", name, p.Why)
		return
	}
	t.row(name, string(p.Before), string(p.After), "", "", t.outcome(p.Outcome, ""))
	for _, figure := range p.Figures {
		if figure.Before == nil || figure.After == nil || *figure.Before != *figure.After {
			t.change("  ", figure)
		}
	}
}

func (t *comparison) change(indent string, c capacity.Change) {
	var change, noise string
	if c.Noise != nil {
		change, noise = signed(c.Unit, *c.After-*c.Before), "±"+c.Unit.Difference(*c.Noise)
	}
	t.row(indent+c.Figure, c.Unit.Value(c.Before), c.Unit.Value(c.After), change, noise, t.outcome(c.Outcome, c.Why))
}

func signed(unit capacity.Unit, change float64) string {
	switch {
	case change > 0:
		return "+" + unit.Difference(change)
	case change < 0:
		return "-" + unit.Difference(change)
	}
	return unit.Difference(0)
}

func (t *comparison) row(name, before, after, change, noise, outcome string) {
	line := fmt.Sprintf("%-26s %9s %9s %10s %10s  %s", name, before, after, change, noise, outcome)
	t.WriteString(strings.TrimRight(line, " ") + "\n")
}

// outcome says in words what the color repeats.
func (t *comparison) outcome(o capacity.Outcome, why string) string {
	said := string(o)
	if why != "" {
		said += ": " + why
	}
	color := map[capacity.Outcome]string{capacity.Better: "\x1b[32m", capacity.Worse: "\x1b[31m"}[o]
	if color == "" {
		return said
	}
	said = strings.ToUpper(said)
	if t.colored {
		return color + said + "\x1b[0m"
	}
	return said
}
