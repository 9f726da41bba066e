package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Comparison writes the verdict of a comparison, then every figure that differs between the runs, at most 100 columns wide.
func Comparison(w io.Writer, c *capacity.Comparison, colour bool) error {
	t := terminal{colour: colour}
	for _, sentence := range c.Verdict {
		t.sentence(sentence)
	}
	if len(c.Plateaus) > 0 {
		t.columns("", "before", "after", "change", "noise", "")
		t.change("", c.SustainedRate)
		for _, part := range c.Parts {
			t.change("  ", part)
		}
		if c.Drain != nil {
			t.change("", *c.Drain)
		}
	}
	for _, p := range c.Plateaus {
		t.plateau(p)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// sentence writes a sentence in lines, all indented but the first.
func (t *terminal) sentence(text string) {
	first := wrap(text, width)[0]
	t.line(first)
	if rest := text[len(first):]; rest != "" {
		for _, line := range wrap(rest, width-2) {
			t.line("  ", line)
		}
	}
}

func (t *terminal) plateau(p capacity.Compared) {
	t.line()
	name := units.Rate(p.Offered) + " taps/s"
	if p.Why != "" {
		t.line(fmt.Sprintf("%-26snot compared: %s", name, p.Why))
		return
	}
	t.columns(name, string(p.Before), string(p.After), "", "", t.outcome(p.Outcome, ""))
	for _, figure := range p.Figures {
		if figure.Before == nil || figure.After == nil || *figure.Before != *figure.After {
			t.change("  ", figure)
		}
	}
}

func (t *terminal) change(indent string, c capacity.Change) {
	var change, noise string
	if c.Noise != nil {
		change, noise = signed(c.Unit, *c.After-*c.Before), "±"+c.Unit.Difference(*c.Noise)
	}
	t.columns(indent+c.Figure, c.Unit.Optional(c.Before), c.Unit.Optional(c.After), change, noise, t.outcome(c.Outcome, c.Why))
}

func signed(unit units.Unit, change float64) string {
	switch {
	case change > 0:
		return "+" + unit.Difference(change)
	case change < 0:
		return "-" + unit.Difference(change)
	}
	return unit.Difference(0)
}

func (t *terminal) columns(name, before, after, change, noise, outcome string) {
	t.line(fmt.Sprintf("%-26s %9s %9s %10s %10s  %s", name, before, after, change, noise, outcome))
}

// outcome says in words what the colour shows.
func (t *terminal) outcome(o capacity.Outcome, why string) string {
	said := string(o)
	if why != "" {
		said += ": " + why
	}
	switch o {
	case capacity.Better:
		return t.paint(strings.ToUpper(said), inks[capacity.Pass])
	case capacity.Worse:
		return t.paint(strings.ToUpper(said), inks[capacity.Fail])
	}
	return said
}
