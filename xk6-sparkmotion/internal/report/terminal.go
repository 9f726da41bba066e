package report

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// width is what a terminal has at least.
const width = 100

// Terminal writes the verdict and the tables, at most 100 columns wide. Whether it has colours, k6 knows.
func Terminal(w io.Writer, r *capacity.Report, colour bool) error {
	t := terminal{colour: colour}
	status := string(r.Status)
	indent := strings.Repeat(" ", len(status)+2)
	for i, sentence := range r.Verdict {
		lines := wrap(sentence, width-len(indent))
		for j, line := range lines {
			if i == 0 && j == 0 {
				t.line(t.paint(bold+ink[r.Status], status), "  ", t.paint(bold, line))
				continue
			}
			t.line(indent, line)
		}
	}
	t.table(limits(r))
	if len(r.Plateaus) > 0 {
		t.table(taps(r))
		t.table(system(r))
	}
	t.line()
	for _, note := range notes(r) {
		for _, line := range wrap(note, width) {
			t.line(t.paint(dim, line))
		}
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// terminal is text in the making.
type terminal struct {
	strings.Builder
	colour bool
}

// SGR codes.
const (
	bold = "1;"
	dim  = "2;"
)

var ink = map[capacity.Status]string{
	capacity.Pass: "32;", capacity.Warn: "33;", capacity.Fail: "31;", capacity.NoData: dim, capacity.Generator: dim,
}

func (t *terminal) paint(codes, text string) string {
	if !t.colour || codes == "" {
		return text
	}
	return "\x1b[" + strings.TrimSuffix(codes, ";") + "m" + text + "\x1b[0m"
}

func (t *terminal) line(parts ...string) {
	_, _ = t.WriteString(strings.TrimRight(strings.Join(parts, ""), " ") + "\n")
}

func (t *terminal) table(of table) {
	t.line()
	above, below := make([]cell, len(of.Head)), make([]cell, len(of.Head))
	for i, head := range of.Head {
		head = strings.TrimPrefix(head, "Redirect ") // narrow, and clear from the table's name
		first, rest, two := strings.Cut(head, " ")
		if below[i].Text = first; two {
			above[i].Text, below[i].Text = first, rest
		}
	}
	head := [][]cell{above, below}
	if !slices.ContainsFunc(above, func(c cell) bool { return c.Text != "" }) {
		head = head[1:]
	}
	all := table{Align: of.Align, Rows: append(head, of.Rows...)}
	t.line(t.paint(bold, of.Name))
	for i, row := range all.Rows {
		t.row(all, row, i < len(head))
	}
}

func (t *terminal) row(of table, row []cell, head bool) {
	parts := make([]string, len(row))
	for i, c := range row {
		pad := strings.Repeat(" ", of.widest(i)-utf8.RuneCountInString(c.Text))
		codes := ink[c.Status]
		if head {
			codes = dim
		}
		parts[i] = t.paint(codes, c.Text) + pad
		if of.Right(i) {
			parts[i] = pad + t.paint(codes, c.Text)
		}
	}
	t.line(strings.Join(parts, "  "))
}

// widest is how wide a column's widest cell is.
func (t table) widest(column int) int {
	widest := 0
	for _, row := range t.Rows {
		widest = max(widest, utf8.RuneCountInString(row[column].Text))
	}
	return widest
}

// wrap breaks a text into lines of at most so many characters, between words.
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
