package report

import (
	"io"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// Markdown writes the report for a pull request, with its details folded.
func Markdown(w io.Writer, r *capacity.Report) error {
	var b strings.Builder
	b.WriteString(plain.Replace(strings.Join(append([]string{title(r)}, facts(r)...), " · ")) + "\n\n")
	for i, sentence := range r.Verdict {
		if i == 0 {
			badge := ""
			if r.Badge() != "" {
				badge = " (" + r.Badge() + ")"
			}
			b.WriteString("### " + string(r.Status) + badge + ": " + plain.Replace(sentence) + "\n\n")
			continue
		}
		b.WriteString(plain.Replace(sentence) + "\n")
	}
	b.WriteString("\n")
	for _, head := range heads(r) {
		b.WriteString("**" + plain.Replace(head.Name) + "**\n\n")
		head.markdown(&b)
	}
	if all := tables(r); len(all) > 0 {
		b.WriteString("<details><summary>In detail</summary>\n\n")
		for _, t := range all {
			b.WriteString("**" + plain.Replace(t.Name) + "**\n\n")
			t.markdown(&b)
		}
		b.WriteString("</details>\n\n")
	}
	for _, note := range notes(r, slices.Concat(heads(r), tables(r))) {
		b.WriteString(plain.Replace(note) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// plain escapes what Markdown or HTML would interpret.
var plain = strings.NewReplacer("|", `\|`, "<", "&lt;", "&", "&amp;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "\n", " ")

func (t table) markdown(b *strings.Builder) {
	rule := make([]string, len(t.Head))
	for i := range t.Head {
		rule[i] = "---"
		if t.Right(i) {
			rule[i] = "---:"
		}
	}
	b.WriteString("| " + strings.Join(t.Head, " | ") + " |\n|" + strings.Join(rule, "|") + "|\n")
	for _, row := range t.Rows {
		for _, c := range row {
			text := plain.Replace(c.Text)
			if c.Status != "" && c.Status != capacity.Pass && c.Status != capacity.NoData {
				text = "**" + text + "**"
			}
			b.WriteString("| " + text + " ")
		}
		b.WriteString("|\n")
	}
	b.WriteString("\n")
}
