//go:build !race && linux

package socketio_test

import (
	"runtime"
	"testing"
)

// A websocket that waits has one goroutine with the smallest stack, 2 KB, on the server. The goroutine of this test's client
// has another one. A frame too many on the waiting goroutine makes its stack 4 KB, for each connection.
func TestIdle_allocations(t *testing.T) {
	const count = 500
	n := serveTCP(t, nil)
	stacks := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.StackInuse
	}
	before := stacks()
	for range count {
		n.join(t)
	}
	each := (stacks() - before) / count
	if each > 5500 { // 4,240 were measured, and 6,360 with one frame of 200 bytes more
		t.Errorf("%d bytes of stack for each connection, its client's included", each)
	}
}
