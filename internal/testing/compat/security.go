package compat

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The first and the last heading of the tables of threats in docs/SECURITY.md. Their rows have an id, a title, a status, and
// the tests.
const (
	firstOfThreats = "id"
	lastOfThreats  = "shown by"
)

// Threat is a row of a table of threats.
type Threat struct {
	Line   int
	ID     string // S1 is an advisory, A1 an attack
	Status string // tested, partly or planned
	Shown  string // the tests, or the reason why there is none
}

// ParseThreats reads docs/SECURITY.md.
func ParseThreats(text string) (all []Threat) {
	var head []string // of the table that the line is in
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "|") {
			head = nil
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i, cell := range cells {
			cells[i] = strings.TrimSpace(cell)
		}
		switch n := len(cells); {
		case head == nil:
			head = cells
		case strings.HasPrefix(cells[0], "---"), head[0] != firstOfThreats, head[len(head)-1] != lastOfThreats:
		case n != len(head):
			all = append(all, Threat{Line: i + 1, ID: cells[0]})
		default:
			all = append(all, Threat{i + 1, cells[0], cells[n-2], cells[n-1]})
		}
	}
	return all
}

// CheckThreats returns the problems of the tables of threats, one line for each: missing rows and rows in the wrong place,
// tests that do not exist, and tests of the package home that no row names.
func CheckThreats(tree *Tree, text string, ids []string, home string) (problems []string) {
	threats := ParseThreats(text)
	found := make([]string, len(threats))
	named := map[string]bool{}
	for i, threat := range threats {
		found[i] = threat.ID
		report := func(format string, args ...any) {
			problems = append(problems, fmt.Sprintf("line %d: %s: ", threat.Line, threat.ID)+fmt.Sprintf(format, args...))
		}
		tests := slices.DeleteFunc(spans(threat.Shown), func(span string) bool { return !goTest.MatchString(span) })
		switch threat.Status {
		case "tested", "partly":
			if len(tests) == 0 {
				report("%q without a test that shows it", threat.Status)
			}
		case "planned":
			if len(tests) > 0 || threat.Shown == "" {
				report("planned, with a test or without a reason")
			}
		default:
			report("no status %q", threat.Status)
		}
		for _, name := range tests {
			named[name] = true
			if ok, err := tree.HasTest(name); err != nil {
				report("%v", err)
			} else if !ok {
				report("there is no test %s", name)
			}
		}
	}
	if !slices.Equal(found, ids) {
		problems = append(problems, fmt.Sprintf("the rows are %v", found))
	}
	s, err := tree.source(home)
	if err != nil {
		return append(problems, err.Error())
	}
	for _, test := range slices.Sorted(maps.Keys(s.tests)) {
		if name := home + "." + test; strings.HasPrefix(test, "Test") && test != "TestMain" && !named[name] {
			problems = append(problems, "no row names "+name)
		}
	}
	return problems
}
