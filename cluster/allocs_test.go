//go:build !race

package cluster_test

import (
	"fmt"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// TestAdapter_Broadcast_allocations is built without the race detector, under which pools drop what they are given.
func TestAdapter_Broadcast_allocations(t *testing.T) {
	a := setup(t, func(*parser.Packet, []cluster.Member, *cluster.Target) error { return nil })
	for i := range 100 {
		id := fmt.Sprint(i)
		a.Add(member(id))
		if err := a.Join(id, "room", fmt.Sprintf("of %d", i%10)); err != nil {
			t.Fatal(err)
		}
	}
	p := &parser.Packet{Type: parser.Event, Data: []byte(`["x"]`)}
	for name, target := range map[string]*cluster.Target{
		"everyone":                 {Everyone: true},
		"everyone but the sender":  {Everyone: true, Except: []string{"7"}},
		"a room":                   {Rooms: []string{"room"}},
		"a room but the sender":    {Rooms: []string{"room"}, Except: []string{"7"}},
		"a room but another":       {Rooms: []string{"room"}, Except: []string{"of 3"}},
		"one member":               {Rooms: []string{"7"}},
		"several rooms":            {Rooms: []string{"of 3", "of 4", "7"}},
		"several rooms but others": {Rooms: []string{"room", "of 4"}, Except: []string{"of 3", "7"}},
		"no rooms":                 {},
		"nobody":                   {Rooms: []string{"empty"}},
	} {
		if n := testing.AllocsPerRun(200, func() { _ = a.Broadcast(p, target) }); n != 0 {
			t.Errorf("to %s: %v allocations", name, n)
		}
	}
}

// TestRecovery_Broadcast_allocations: two for each packet, whatever the number of members: the packet that is kept,
// and its array with the offset. The places in the history are made for many at once.
func TestRecovery_Broadcast_allocations(t *testing.T) {
	a := followed(t, 100)
	p := &parser.Packet{Type: parser.Event, Data: []byte(`["x"]`)}
	for name, target := range map[string]*cluster.Target{
		"everyone": {Everyone: true},
		"a room":   {Rooms: []string{"room"}, Except: []string{"7"}},
		"nobody":   {Rooms: []string{"empty"}},
	} {
		if n := testing.AllocsPerRun(2000, func() { _ = a.Broadcast(p, target) }); n > 2 {
			t.Errorf("to %s: %v allocations, want 2", name, n)
		}
	}
}
