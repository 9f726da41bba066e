package report

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/fatih/color"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// width is the least width of a terminal.
const width = 100

// Terminal writes the verdict and the tables, at most 100 columns wide. k6 knows whether the terminal has colours.
func Terminal(w io.Writer, r *capacity.Report, colour bool) error {
	t := terminal{colour: colour}
	said := facts(r)
	if r.Run.Title != "" {
		said = append([]string{r.Run.Title}, said...)
	}
	t.quiet(strings.Join(said, " · "))
	status, badge := string(r.Status), ""
	if r.Badge() != "" {
		badge = " (" + r.Badge() + ")"
	}
	indent := strings.Repeat(" ", len(status)+2)
	for i, sentence := range r.Verdict {
		lines := wrap(sentence, width-len(indent))
		for j, line := range lines {
			if i == 0 && j == 0 {
				if badge != "" {
					t.line(t.paint(status, append(inkOf(r.Status), color.Bold)...), t.paint(badge, color.Faint))
					t.line(indent, t.paint(line, color.Bold))
					continue
				}
				t.line(t.paint(status, append(inkOf(r.Status), color.Bold)...), "  ", t.paint(line, color.Bold))
				continue
			}
			t.line(indent, line)
		}
	}
	shown := terminalTables(r)
	for _, table := range shown {
		t.table(table)
	}
	t.line()
	for _, note := range notes(r, shown) {
		t.quiet(note)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// terminalTables returns the tables that a terminal shows, which has less room than a page.
func terminalTables(r *capacity.Report) []table {
	var all []table
	for _, head := range heads(r) {
		all = append(all, head.folded(width)...)
	}
	if len(r.Plateaus) > 0 {
		all = append(append(all, tapsTables(r)...), systemTable(r))
	}
	if r.Whole.Redirects.Elsewhere() > 0 {
		all = append(all, hostsTable(r).folded(width)...)
	}
	if worst := worstTable(r); len(worst.Rows) > 0 {
		all = append(all, worst)
	}
	return all
}

// terminal collects text for a terminal.
type terminal struct {
	strings.Builder
	colour bool
}

// inks are the colours of statuses.
var inks = map[capacity.Status]color.Attribute{
	capacity.Pass: color.FgGreen, capacity.Warn: color.FgYellow, capacity.Fail: color.FgRed, capacity.NoData: color.Faint, capacity.Generator: color.Faint,
	capacity.Incomplete: color.FgYellow,
}

// paint returns a text with attributes, whatever the process's own terminal is.
func (t *terminal) paint(text string, attributes ...color.Attribute) string {
	if !t.colour || text == "" || len(attributes) == 0 {
		return text
	}
	ink := color.New(attributes...)
	ink.EnableColor()
	return ink.Sprint(text)
}

// inkOf returns a status's colour, if it has one.
func inkOf(s capacity.Status) []color.Attribute {
	if ink, ok := inks[s]; ok {
		return []color.Attribute{ink}
	}
	return nil
}

func (t *terminal) line(parts ...string) {
	_, _ = t.WriteString(strings.TrimRight(strings.Join(parts, ""), " ") + "\n")
}

func (t *terminal) quiet(text string) {
	for _, line := range wrap(text, width) {
		t.line(t.paint(line, color.Faint))
	}
}

func (t *terminal) table(of table) {
	heads := of.heads()
	all := table{Align: of.Align, Rows: append(heads, of.Rows...)}
	t.line()
	t.line(t.paint(of.Name, color.Bold))
	for i, row := range all.Rows {
		t.row(all, row, i < len(heads))
	}
}

// heads breaks a table's headings into lines that make no column wider than its cells, or than narrow.
func (t table) heads() [][]cell {
	const narrow = 8
	broken, most := make([][]string, len(t.Head)), 0
	for i, head := range t.Head {
		head = strings.TrimPrefix(head, "Redirect ") // the table's name makes that clear
		broken[i] = wrap(head, max(narrow, t.widest(i)))
		most = max(most, len(broken[i]))
	}
	rows := make([][]cell, most)
	for line := range rows {
		rows[line] = make([]cell, len(t.Head))
		for i, lines := range broken {
			if from := most - len(lines); line >= from {
				rows[line][i].Text = lines[line-from]
			}
		}
	}
	return rows
}

func (t *terminal) row(of table, row []cell, head bool) {
	parts := make([]string, len(row))
	for i, c := range row {
		pad := strings.Repeat(" ", of.widest(i)-utf8.RuneCountInString(c.Text))
		ink := inkOf(c.Status)
		if head {
			ink = []color.Attribute{color.Faint}
		}
		parts[i] = t.paint(c.Text, ink...) + pad
		if of.Right(i) {
			parts[i] = pad + t.paint(c.Text, ink...)
		}
	}
	t.line(strings.Join(parts, "  "))
}

// widest returns the width of a column's widest cell.
func (t table) widest(column int) int {
	widest := 0
	for _, row := range t.Rows {
		widest = max(widest, utf8.RuneCountInString(row[column].Text))
	}
	return widest
}

// wrap breaks a text into lines of at most this many characters, between words.
func wrap(text string, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > most:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
