package main

import (
	"log"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain runs the server if soak started the test's binary for that.
func TestMain(m *testing.M) {
	if set := os.Getenv(serverVariable); set != "" {
		if err := serve(set); err != nil {
			log.Fatal(err)
		}
		return
	}
	os.Exit(m.Run())
}

// TestSoak_faults makes the server misbehave in every way: the soak must report each.
func TestSoak_faults(t *testing.T) {
	r, err := run(t.Context(), config{
		Time: 12 * time.Second, Away: time.Second, Settle: 3 * time.Second, Clients: 4, Seed: 1, Faults: faultNames(), Report: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Join(r.Problems, "\n")
	for _, want := range []string{
		"of the idle server: goroutines", "after the shutdown: goroutines", "of the idle server: timers", "after the shutdown: timers",
		"of the idle server: descriptors", "after the shutdown: descriptors", "of the idle server: heap",
		"was acknowledged, and did not arrive before", "arrived again, or after",
	} {
		if !strings.Contains(found, want) {
			t.Errorf("not noticed: %q", want)
		}
	}
	if svg := string(chart(r.Samples)); strings.Count(svg, "<polyline") != len(panels()) {
		t.Errorf("the chart is %d bytes of %d samples", len(svg), len(r.Samples))
	}
	t.Log(found)
}

// TestTracker follows the messages of one pair.
func TestTracker(t *testing.T) {
	const from, to = "a", "b"
	for name, c := range map[string]struct {
		events string // s: sent; a1: acknowledged; r1: arrived
		want   string
	}{
		"as it should be":               {"s r1 a1 s s a2 r2 r3 a3", ""},
		"never arrived":                 {"s a1", "message 1 from a to b was acknowledged and never arrived"},
		"not acknowledged, not arrived": {"s s r2 a2", ""},
		"lost, acknowledged before":     {"s s a1 r2 a2", "message 1 from a to b was acknowledged, and did not arrive before number 2"},
		"lost, acknowledged later":      {"s s r2 a2 a1", "message 1 from a to b was acknowledged, and did not arrive before number 2"},
		"twice":                         {"s r1 a1 r1", "message 1 from a to b arrived again, or after number 1"},
		"twice, much later":             {"s s r1 a1 r2 a2 r1", "message 1 from a to b arrived again, or after number 2"},
		"late and not acknowledged":     {"s s r2 a2 r1", ""},
		"late, not acknowledged, twice": {"s s r2 a2 r1 r1", "message 1 from a to b arrived again, or after number 2"},
		"never sent":                    {"s r2", "message 2 from a to b arrived and was never sent"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newTracker()
			for event := range strings.FieldsSeq(c.events) {
				number := int(event[len(event)-1] - '0')
				switch event[0] {
				case 's':
					m.next(from, to)
				case 'a':
					m.acknowledged(from, to, number)
				default:
					m.arrived(from, to, number)
				}
			}
			if got := strings.Join(m.close(), "; "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
