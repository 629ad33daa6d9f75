package cluster

import (
	"runtime"
	"testing"
)

// TestRoomEvents_slowObserver blocks an observer until events are lost.
func TestRoomEvents_slowObserver(t *testing.T) {
	x := newIndex()
	x.add(named("a"))
	blocked, begun, half, done := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan int)
	var seen, missed int
	stop := x.events.observe(func(e RoomEvent) {
		switch seen++; seen {
		case 1:
			close(begun)
			<-blocked
		case maxRoomEvents / 2:
			close(half)
		}
		if missed += e.Missed; e.Room == "last" && e.Kind == RoomJoined {
			done <- missed
		}
	})
	const changes = maxRoomEvents/4 + 100 // of 4 events each
	for i := range changes {
		_ = x.join("a", []string{"room"})
		if i == 0 {
			<-begun
		}
		x.leave("a", []string{"room"})
	}
	late := 0
	x.events.observe(func(RoomEvent) { late++ })
	close(blocked)
	<-half // there is room in the queue
	_ = x.join("a", []string{"last"})
	lost := <-done
	if want := 4*changes + 2 - seen; lost != want || lost == 0 {
		t.Errorf("%d events were reported lost, want %d", lost, want)
	}
	stop()
	for working := true; working; runtime.Gosched() {
		x.events.mu.Lock()
		working = x.events.working
		x.events.mu.Unlock()
	}
	if late != 2 {
		t.Errorf("a later observer was told of %d events, want only the 2 after it came", late)
	}
	if x.events.waiting != nil {
		t.Error("the queue keeps its memory")
	}
}
