package cluster

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/parser"
)

func TestHistory_appendOffset(t *testing.T) {
	h := history{epoch: "e"}
	for array, want := range map[string]string{
		`["noargs"]`:                            `["noargs","e.10"]`,
		`["a",1]`:                               `["a",1,"e.10"]`,
		"[\"a\" , 1 ] \r\n\t":                   `["a" , 1 ,"e.10"]`,
		`["a",[[]]]`:                            `["a",[[]],"e.10"]`,
		`["a","]"]`:                             `["a","]","e.10"]`,
		`["a",{"b":["]","\""]}]`:                `["a",{"b":["]","\""]},"e.10"]`,
		`["bin",{"_placeholder":true,"num":0}]`: `["bin",{"_placeholder":true,"num":0},"e.10"]`,
	} {
		before := array
		got, ok := h.appendOffset([]byte(array), 36)
		if !ok || string(got) != want || array != before {
			t.Errorf("appendOffset(%s) = %s, %t, want %s", array, got, ok, want)
		}
	}
	for _, none := range []string{"", "null", `{"a":1}`} {
		if got, ok := h.appendOffset([]byte(none), 1); ok {
			t.Errorf("appendOffset(%q) = %q", none, got)
		}
	}
}

// FuzzHistory_appendOffset appends offsets to whatever JSON arrays there are, and reads them back.
func FuzzHistory_appendOffset(f *testing.F) {
	for _, array := range []string{`["noargs"]`, "[\"a\" , 1 ]\n", `["a","]",{"b":["\"]"]}]`, `["\u005d\\",null]`, `[1,[2]]`, `x`} {
		f.Add([]byte(array), uint64(1))
	}
	h := newHistory(RecoveryLimits{})
	f.Fuzz(func(t *testing.T, array []byte, at uint64) {
		at = max(at, 1)
		got, ok := h.appendOffset(array, Ordinal(at)) // whatever it is, no panic
		var before, after []json.RawMessage
		if json.Unmarshal(array, &before) != nil || len(before) == 0 {
			return
		}
		if err := json.Unmarshal(got, &after); !ok || err != nil || len(after) != len(before)+1 {
			t.Fatalf("%q became %q: %v", array, got, err)
		}
		for i := range before {
			if string(before[i]) != string(after[i]) {
				t.Fatalf("element %d of %q became %q", i, array, after[i])
			}
		}
		var offset string
		if err := json.Unmarshal(after[len(before)], &offset); err != nil {
			t.Fatalf("offset %q: %v", after[len(before)], err)
		}
		if back, ok := h.position(offset); !ok || back != Ordinal(at) {
			t.Fatalf("offset %q is position %d, %t, want %d", offset, back, ok, at)
		}
	})
}

// FuzzHistory_position reads offsets that clients make up: each position has one offset and no other text is one.
func FuzzHistory_position(f *testing.F) {
	h := history{epoch: "epoch"}
	for _, offset := range []string{
		"", ".", "epoch", "epoch.", "epoch.0", "epoch.1", "epoch.01", "epoch.+1", "epoch.-1", "epoch.Z", "epoch.z", "epoch.1.1",
		"epoch.3w5e11264sgsf", "epoch.3w5e11264sgsg", "other.1", "epoch." + strings.Repeat("z", 1000),
	} {
		f.Add(offset)
	}
	f.Fuzz(func(t *testing.T, offset string) {
		at, ok := h.position(offset)
		if ok && (at == 0 || string(h.appendPosition(nil, at)) != offset) {
			t.Errorf("%q was taken for position %d", offset, at)
		}
	})
}

// TestHistory_trim fills a history beyond each of its limits, and counts what is kept.
func TestHistory_trim(t *testing.T) {
	p := &parser.Packet{Type: parser.Event, Data: []byte(`["x"]`), Attachments: [][]byte{make([]byte, 1000)}}
	target := &Target{Rooms: []string{strings.Repeat("r", 500)}, Except: []string{strings.Repeat("e", 500)}}
	for name, c := range map[string]struct {
		limits RecoveryLimits
		most   int
	}{
		"packets": {RecoveryLimits{MaxPackets: 7}, 7},
		"bytes":   {RecoveryLimits{MaxBytes: 24_000}, 10},
		"nothing": {RecoveryLimits{MaxBytes: 100}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(c.limits.withDefaults())
			for i := range 1000 {
				l, _ := h.push(p, target)
				if h.trim(l.time); len(h.kept) != min(i+1, c.most) {
					t.Fatalf("%d packets are kept, want %d", len(h.kept), c.most)
				}
				size := 0
				for _, l := range h.kept {
					size += l.size
				}
				if h.bytes != size || h.last != Ordinal(i+1) {
					t.Fatalf("%d bytes up to %d, want %d up to %d", h.bytes, h.last, size, i+1)
				}
			}
			if cap(h.kept) > 100 {
				t.Errorf("%d places for %d packets", cap(h.kept), len(h.kept))
			}
			if _, ok := h.behind(h.last); !ok {
				t.Error("the last position is unknown")
			}
			for _, at := range []Ordinal{h.last + 1, h.last - Ordinal(c.most) - 1, 0} {
				if got, ok := h.behind(at); ok {
					t.Errorf("behind position %d of %d are %d packets", at, h.last, len(got))
				}
			}
		})
	}
}

// TestRecoverable_idle looks at what an adapter keeps when nobody sends any more and all clients have come back.
func TestRecoverable_idle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		adapter, err := Recoverable(RecoveryLimits{})("/", nil) // nobody to deliver to
		if err != nil {
			t.Fatal(err)
		}
		defer adapter.Close()
		a := adapter.(*recoverable)
		for i := range 100 {
			id := fmt.Sprint(i)
			a.Enter(named(id))
			a.Suspend(&Leftover{ID: id, PID: id})
			if err := adapter.Broadcast(&parser.Packet{Type: parser.Event, Data: []byte(`["x"]`)}, &Target{Everyone: true}); err != nil {
				t.Fatal(err)
			}
			s, err := a.Take(t.Context(), id, "")
			if err == nil {
				err = a.Resume(named(id), s, func([]*parser.Packet) { a.rooms.remove(id) })
			}
			if err != nil {
				t.Fatal(err)
			}
			a.rooms.remove(id)
			time.Sleep(time.Second)
		}
		a.mu.Lock()
		if n := a.sessions.len() + a.sessions.order.Len(); n != 0 {
			t.Errorf("%d sessions are kept that were taken", n)
		}
		if len(a.packets.kept) != 100 {
			t.Errorf("%d packets are kept, want 100", len(a.packets.kept))
		}
		a.mu.Unlock()
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		if a.packets.kept != nil || a.packets.bytes != 0 || a.sweeper != nil {
			t.Errorf("%d packets with %d bytes are kept for ever", len(a.packets.kept), a.packets.bytes)
		}
	})
}
