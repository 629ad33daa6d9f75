package compat

import (
	"fmt"
	"strings"
)

// Check returns the problems of docs/COMPATIBILITY.md, one line for each. It looks up the calls in the file of examples, which
// the compiler checks.
func Check(tree *Tree, text, examples string) (problems []string) {
	page, problems := Parse(text)
	report := func(line int, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
	}
	for _, r := range page.Rows {
		tests := spans(r.Shown)
		switch r.Status {
		case Supported, Partly:
			if len(tests) == 0 {
				report(r.Line, "%s: %q without a test that shows it", r.Feature, r.Status)
			}
		case Planned, Missing:
		default:
			report(r.Line, "%s: no status %q", r.Feature, r.Status)
		}
		if r.Text == "" {
			report(r.Line, "%s: neither a Go spelling nor a reason", r.Feature)
		}
		for _, name := range tests {
			if ok, err := tree.HasTest(name); err != nil {
				report(r.Line, "%s: %v", r.Feature, err)
			} else if !ok {
				report(r.Line, "%s: there is no test %s", r.Feature, name)
			}
		}
	}
	for _, a := range page.Areas {
		switch a.Status {
		case Supported, Partly, Planned, Missing:
		default:
			report(a.Line, "%s: no status %q", a.Feature, a.Status)
		}
		if a.Text == "" {
			report(a.Line, "%s: no text", a.Feature)
		}
	}
	for _, n := range page.Identifiers {
		if ok, err := tree.HasName(n.Text); err != nil {
			report(n.Line, "%s: %v", n.Text, err)
		} else if !ok {
			report(n.Line, "there is no %s", n.Text)
		}
	}
	if len(page.Calls) == 0 {
		return problems
	}
	code, err := tree.Text(examples)
	if err != nil {
		return append(problems, err.Error())
	}
	code = oneLine(code)
	for _, n := range page.Calls {
		if !strings.Contains(code, oneLine(n.Text)) {
			report(n.Line, "%s does not compile %q", examples, n.Text)
		}
	}
	return problems
}

// oneLine replaces every run of white space by one blank.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
