//go:build !race

package event_test

import (
	"context"
	"testing"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// TestAllocations asserts what the hot paths cost. The race detector changes the numbers, so this is built without it.
func TestAllocations(t *testing.T) {
	var x event.Mux[string]
	x.On("e", func(context.Context, string, *event.Message) error { return nil })
	p, err := parser.JSON{}.NewDecoder(parser.Limits{}).Add([]byte(`2["e",{"a":1},"x"]`), false)
	if err != nil {
		t.Fatal(err)
	}
	m := (*event.Message)(message.Parse(p, nil, nil))
	var s string
	dst := []any{nil, &s}
	for _, c := range []struct {
		name string
		most float64
		f    func()
	}{
		{"find the handlers", 0, func() { x.Handlers("e") }},
		{"count the arguments", 0, func() { m.Len() }},
		{"one argument as it is", 0, func() { m.Raw(1) }},
		{"scan a string", 1, func() { _ = m.Scan(dst...) }},
		{"all arguments as they are: each, and the list of them", 3, func() { m.Raws() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(1000, c.f); got > c.most {
				t.Errorf("%v allocations, want at most %v", got, c.most)
			}
		})
	}
}
