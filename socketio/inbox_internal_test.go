package socketio

import (
	"testing"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/parser"
)

// White box, because what an inbox keeps from the collector cannot be seen from outside.
func TestInbox_keepsNothing(t *testing.T) {
	m := (*event.Message)(message.Parse(&parser.Packet{Type: parser.Event, Data: []byte(`["e"]`)}, nil, nil))
	for _, size := range []int{1, 2, 5} {
		var b inbox
		for range size {
			b.pushLocked(entry{event: m})
		}
		for left := size; left > 0; left-- {
			if got, more := b.popLocked(); got.event != m || more != (left > 1) {
				t.Errorf("with %d left: %v, more %t", left, got, more)
			}
		}
		if b.queue != nil || b.first[0] != (entry{}) || b.bytes != 0 {
			t.Errorf("an inbox that had %d events keeps %+v", size, b)
		}
	}
}
