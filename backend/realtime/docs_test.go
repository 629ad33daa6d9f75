package realtime_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"testing"
)

// The page of the API describes each event of this package, and no other.
func TestEvents_are_documented(t *testing.T) {
	source, err := os.ReadFile("events.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../rest/docs/events.json")
	if err != nil {
		t.Fatal(err)
	}
	type named []struct{ Name string }
	var page struct{ Client, Server named }
	if err := json.Unmarshal(text, &page); err != nil {
		t.Fatal(err)
	}
	for _, direction := range []struct {
		kind  string
		found named
	}{{"WithAck", page.Client}, {"Name", page.Server}} {
		var want, got []string
		declared := regexp.MustCompile(`= event\.` + direction.kind + `\[.+\]\("([a-z-]+)"\)`)
		for _, match := range declared.FindAllStringSubmatch(string(source), -1) {
			want = append(want, match[1])
		}
		for _, e := range direction.found {
			got = append(got, e.Name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("the page has the events %q, this package %q", got, want)
		}
	}
}
