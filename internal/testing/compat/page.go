package compat

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Page has the parts of docs/COMPATIBILITY.md that Check needs.
type Page struct {
	// Rows are the rows of the tables of features.
	Rows []Row
	// Areas are the rows of the overview; they have no tests.
	Areas []Row
	// Identifiers are the Go identifiers in all other text.
	Identifiers []Name
	// Calls are the snippets of Go in the tables of calls.
	Calls []Name
}

// Row is a row of a table of features.
type Row struct {
	Line    int
	Feature string
	Status  Status
	Text    string // the Go spelling, or the reason
	Shown   string // the tests
}

// Status says whether Parley has a feature.
type Status string

// The statuses. Rows of the last two have a reason, the others a test.
const (
	Supported Status = "supported"
	Partly    Status = "partly"
	Planned   Status = "planned"
	Missing   Status = "no"
)

// Name is a code span of the document.
type Name struct {
	Line int
	Text string
}

// The heads of the tables.
var (
	headOfOverview = []string{"area", "state", "in one line"}
	headOfFeatures = []string{"feature", "status", "in Go", "shown by"}
	lastOfCalls    = "Parley"
)

// Parse reads the document.
func Parse(text string) (Page, []string) {
	var page Page
	var problems []string
	var head []string // of the table to which the line belongs
	for i, line := range strings.Split(text, "\n") {
		n := i + 1
		if !strings.HasPrefix(line, "|") {
			head = nil
			page.Identifiers = append(page.Identifiers, identifiers(n, line)...)
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|")
		for i, cell := range cells {
			cells[i] = strings.TrimSpace(cell)
		}
		switch {
		case head == nil:
			head = cells
		case strings.HasPrefix(cells[0], "---"):
		case len(cells) != len(head):
			problems = append(problems, fmt.Sprintf("line %d: %d cells in a table of %d", n, len(cells), len(head)))
		case slices.Equal(head, headOfFeatures):
			page.Rows = append(page.Rows, Row{n, cells[0], Status(cells[1]), cells[2], cells[3]})
			page.Identifiers = append(page.Identifiers, identifiers(n, cells[2])...)
		case slices.Equal(head, headOfOverview):
			page.Areas = append(page.Areas, Row{Line: n, Feature: cells[0], Status: Status(cells[1]), Text: cells[2]})
			page.Identifiers = append(page.Identifiers, identifiers(n, cells[2])...)
		case head[len(head)-1] == lastOfCalls:
			for _, span := range spans(cells[len(cells)-1]) {
				page.Calls = append(page.Calls, Name{n, span})
			}
		default:
			problems = append(problems, fmt.Sprintf("line %d: a table with an unknown head: %q", n, head))
		}
	}
	return page, problems
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// spans returns the code spans of a text.
func spans(text string) (all []string) {
	for _, match := range codeSpan.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}

// identifier is Type, Type.Member, package.Name or package.Type.Member. Without a package it belongs to socketio.
var identifier = regexp.MustCompile(`^([a-z][a-z/]*\.)?[A-Z]\w*(\.[A-Z]\w*)?$`)

func identifiers(line int, text string) (all []Name) {
	for _, span := range spans(text) {
		if identifier.MatchString(span) {
			all = append(all, Name{line, span})
		}
	}
	return all
}
