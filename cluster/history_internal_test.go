package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/parser"
)

func TestWithOffset(t *testing.T) {
	log := PrivateLog(MemoryLogLimits{})
	for array, want := range map[string]string{
		`["noargs"]`:                            `["noargs","e.10"]`,
		`["a",1]`:                               `["a",1,"e.10"]`,
		"[\"a\" , 1 ] \r\n\t":                   `["a" , 1 ,"e.10"]`,
		`["a",[[]]]`:                            `["a",[[]],"e.10"]`,
		`["a","]"]`:                             `["a","]","e.10"]`,
		`["a",{"b":["]","\""]}]`:                `["a",{"b":["]","\""]},"e.10"]`,
		`["bin",{"_placeholder":true,"num":0}]`: `["bin",{"_placeholder":true,"num":0},"e.10"]`,
		"":                                      "",
		"null":                                  "null",
		`{"a":1}`:                               `{"a":1}`,
	} {
		before := array
		if got := withOffset(log, []byte(array), Position{14, 36}); string(got) != want || array != before {
			t.Errorf("withOffset(%s) = %s, want %s", array, got, want)
		}
	}
}

// FuzzWithOffset appends offsets to whatever JSON arrays there are, and reads them back.
func FuzzWithOffset(f *testing.F) {
	for _, array := range []string{`["noargs"]`, "[\"a\" , 1 ]\n", `["a","]",{"b":["\"]"]}]`, `["\u005d\\",null]`, `[1,[2]]`, `x`} {
		f.Add([]byte(array), uint64(1), uint64(1))
	}
	log := PrivateLog(MemoryLogLimits{})
	f.Fuzz(func(t *testing.T, array []byte, epoch, number uint64) {
		at := Position{max(epoch, 1), max(number, 1)}
		got := withOffset(log, array, at) // whatever it is, no panic
		var before, after []json.RawMessage
		if json.Unmarshal(array, &before) != nil || len(before) == 0 {
			return
		}
		if err := json.Unmarshal(got, &after); err != nil || len(after) != len(before)+1 {
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
		if back, ok := log.ParseOffset(offset); !ok || back != at {
			t.Fatalf("offset %q is position %v, %t, want %v", offset, back, ok, at)
		}
	})
}

// FuzzMemoryLog_ParseOffset reads offsets that clients make up: each position has one offset and no other text is one.
func FuzzMemoryLog_ParseOffset(f *testing.F) {
	log := PrivateLog(MemoryLogLimits{})
	for _, offset := range []string{
		"", ".", "epoch", "epoch.", "epoch.0", "epoch.1", "epoch.01", "epoch.+1", "epoch.-1", "epoch.Z", "epoch.z", "epoch.1.1",
		"epoch.3w5e11264sgsf", "epoch.3w5e11264sgsg", "0.1", "Epoch.1", "epoch." + strings.Repeat("z", 1000),
	} {
		f.Add(offset)
	}
	f.Fuzz(func(t *testing.T, offset string) {
		at, ok := log.ParseOffset(offset)
		if ok && (at.Number == 0 || at.Epoch == 0 || string(log.AppendOffset(nil, at)) != offset) {
			t.Errorf("%q was taken for position %v", offset, at)
		}
	})
}

// TestHistory_trim fills a history beyond each of its limits, and counts what is kept.
func TestHistory_trim(t *testing.T) {
	p := &parser.Packet{Type: parser.Event, Data: []byte(`["x"]`), Attachments: [][]byte{make([]byte, 1000)}}
	target := &Target{Rooms: []string{strings.Repeat("r", 500)}, Except: []string{strings.Repeat("e", 500)}}
	for name, c := range map[string]struct {
		limits MemoryLogLimits
		most   int
	}{
		"packets": {MemoryLogLimits{MaxPackets: 7}, 7},
		"bytes":   {MemoryLogLimits{MaxBytes: 24_000}, 10},
		"nothing": {MemoryLogLimits{MaxBytes: 100}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := history{epoch: 9, limits: c.limits.withDefaults()}
			for i := range 1000 {
				now := time.Now()
				e := Entry{Packet: p, Target: target}
				h.push(&e, now)
				if h.trim(now); len(h.kept) != min(i+1, c.most) {
					t.Fatalf("%d packets are kept, want %d", len(h.kept), c.most)
				}
				size := 0
				for _, k := range h.kept {
					size += k.size
				}
				if want := (Position{9, uint64(i + 1)}); h.bytes != size || h.last() != want || e.Position != want {
					t.Fatalf("%d bytes up to %v, want %d up to %v", h.bytes, h.last(), size, want)
				}
			}
			if cap(h.kept) > 100 {
				t.Errorf("%d places for %d packets", cap(h.kept), len(h.kept))
			}
			if got, err := h.behind(h.last(), 10); err != nil || len(got) != 0 {
				t.Errorf("behind the last position: %d packets, %v", len(got), err)
			}
			for _, number := range []uint64{h.number + 1, h.number - uint64(c.most) - 1, 0} {
				for _, epoch := range []uint64{h.epoch, h.epoch + 1} {
					if got, err := h.behind(Position{epoch, number}, 10); err == nil {
						t.Errorf("behind position %d of %d are %d packets", number, h.number, len(got))
					}
				}
			}
		})
	}
}

// TestRecovery_idle looks at what is kept when nobody sends any more and all clients have come back or have stayed away.
func TestRecovery_idle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := PrivateLog(MemoryLogLimits{})
		e, err := New(Config{Log: log})
		if err == nil {
			err = e.Start(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close(context.Background()) })
		a, err := e.Namespace("/", silence{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			m := &placed{named: named(fmt.Sprint(i)), progress: Progress{PID: fmt.Sprint(i)}}
			a.Add(m)
			a.Suspend(m, nil)
			if err := a.Broadcast(&parser.Packet{Type: parser.Event, Data: []byte(`["x"]`)}, &Target{Everyone: true}); err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 {
				synctest.Wait() // the session is stored
			}
			r, err := a.Restore(t.Context(), m.progress.PID, "", 0)
			if err == nil {
				err = r.CatchUp(t.Context())
			}
			if err == nil {
				m.progress = Progress{PID: m.progress.PID}
				err = r.Enter(m, nil, func([]*parser.Packet) error { return nil })
			}
			if err != nil {
				t.Fatal(err)
			}
			if i%3 == 0 {
				a.Suspend(m, nil)
			} else {
				a.Remove(m.ID())
			}
			time.Sleep(time.Second)
		}
		l := log.(*memoryLogNode).log
		kept := l.stream("/")
		kept.mu.Lock()
		if len(kept.packets.kept) != 100 {
			t.Errorf("%d packets are kept, want 100", len(kept.packets.kept))
		}
		kept.mu.Unlock()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		kept.mu.Lock()
		defer kept.mu.Unlock()
		if kept.packets.kept != nil || kept.packets.bytes != 0 || kept.sweeper != nil {
			t.Errorf("%d packets with %d bytes are kept for ever", len(kept.packets.kept), kept.packets.bytes)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if n := len(l.sessions.byKey) + len(l.sessions.expires); n != 0 || l.sweeper != nil {
			t.Errorf("the log keeps %d sessions for ever", n)
		}
		x := &a.stream.sessions
		x.mu.Lock()
		defer x.mu.Unlock()
		if n := len(x.byPID) + x.away.Len() + len(x.dirty) + len(x.ended) + len(x.dropping) + len(x.gone); n != 0 {
			t.Errorf("%d sessions are kept that were taken, removed or have expired", n)
		}
	})
}

// silence is a namespace to which nothing matters.
type silence struct{ LocalQueries }

func (silence) Deliver(*parser.Packet, []Member, *Target) error { return nil }
func (silence) Data(Member) json.RawMessage                     { return nil }
func (silence) Supersede(Member)                                {}
func (silence) Reset([]Member)                                  {}
func (silence) Expired(string)                                  {}

// placed is a member that can come back.
type placed struct {
	named
	progress Progress
}

func (p *placed) Progress() *Progress { return &p.progress }
