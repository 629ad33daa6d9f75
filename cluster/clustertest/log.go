package clustertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleyio/parley/cluster"
)

// TestLog runs the conformance suite of cluster.Log. The function makes so many nodes of a fresh cluster; of a log that is
// not Shared only the first is used.
func TestLog(t *testing.T, logs func(t *testing.T, nodes int) []cluster.Log) {
	for name, test := range map[string]func(t *testing.T, l *logNodes){
		"entries are delivered as they were appended": testEntries,
		"all nodes have one order":                    testEntryOrder,
		"reading":                                     testRead,
		"an entry is appended once":                   testAppendTwice,
		"offsets":                                     testOffsetText,
		"following":                                   testFollow,
		"sessions":                                    testLogSessions,
		"sessions are claimed once":                   testLogClaims,
		"sessions do not come back to life":           testLogResurrection,
		"sessions end":                                testLogTTL,
		"starts once":                                 testLogStart,
	} {
		t.Run(name, func(t *testing.T) {
			l := &logNodes{t: t}
			for i, log := range logs(t, 3) {
				if i == 0 || log.Traits().Shared {
					l.add(i, log)
				}
			}
			test(t, l)
		})
	}
}

// logNodes is up to three nodes without engines.
type logNodes struct {
	t    *testing.T
	logs []cluster.Log

	mu   sync.Mutex // guards the field below
	came [3][]cluster.Entry
}

func (l *logNodes) add(i int, log cluster.Log) {
	l.t.Helper()
	l.logs = append(l.logs, log)
	err := log.Start(context.Background(), cluster.LogNode{
		ID: fmt.Sprint("node ", i), Logger: slog.New(slog.DiscardHandler),
		Deliver: func(namespace string, entries []cluster.Entry) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			if namespace != "/suite" {
				l.t.Errorf("delivered for %q", namespace)
			}
			l.came[i] = append(l.came[i], entries...)
			return nil
		},
		Lost: func(namespace string, _ cluster.Position) { l.t.Errorf("entries of %q are lost", namespace) },
	})
	if err != nil {
		l.t.Fatalf("starting node %d: %v", i, err)
	}
	l.t.Cleanup(func() { _ = log.Close(context.Background()) })
	if _, err := log.Follow(ctx(l.t), "/suite"); err != nil {
		l.t.Fatalf("Follow on node %d: %v", i, err)
	}
}

// append appends an entry on a node, and returns it with its position.
func (l *logNodes) append(node int, label string, t *cluster.Target) cluster.Entry {
	l.t.Helper()
	entries := []cluster.Entry{{Node: fmt.Sprint("node ", node), Packet: packet(label), Target: t}}
	if err := l.logs[node].Append(ctx(l.t), "/suite", entries); err != nil {
		l.t.Fatalf("Append: %v", err)
	}
	if entries[0].Position.IsZero() {
		l.t.Fatal("Append has set no position")
	}
	return entries[0]
}

// await waits until a node was delivered so many entries.
func (l *logNodes) await(node, count int) []cluster.Entry {
	l.t.Helper()
	var came []cluster.Entry
	if !eventually(func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		came = slices.Clone(l.came[node])
		return len(came) >= count
	}) {
		l.t.Fatalf("node %d was delivered %d entries, want %d", node, len(came), count)
	}
	return came
}

func sameEntry(a, b *cluster.Entry) bool {
	list := func(names []string) []string { return append([]string{}, names...) }
	return a.Position == b.Position && a.Node == b.Node && string(a.Packet.Data) == string(b.Packet.Data) &&
		reflect.DeepEqual(a.Packet.Attachments, b.Packet.Attachments) && a.Target.Everyone == b.Target.Everyone &&
		slices.Equal(list(a.Target.Rooms), list(b.Target.Rooms)) && slices.Equal(list(a.Target.Except), list(b.Target.Except))
}

func testEntries(t *testing.T, l *logNodes) {
	targets := []*cluster.Target{toAll(), {Rooms: []string{"a"}}, {Rooms: []string{"a", "b"}, Except: []string{"c"}}}
	var want []cluster.Entry
	for i := range 9 {
		want = append(want, l.append(i%len(l.logs), fmt.Sprint("packet ", i), targets[i%3]))
	}
	for node, log := range l.logs {
		got := l.await(node, len(want))
		read, err := log.Read(ctx(t), "/suite", want[2].Position, 100)
		if err != nil || len(read) != 6 || len(got) != len(want) {
			t.Fatalf("node %d: delivered %d, read %d, %v", node, len(got), len(read), err)
		}
		for i := range want {
			if !sameEntry(&got[i], &want[i]) {
				t.Errorf("node %d was delivered %+v, want %+v", node, got[i], want[i])
			}
			if i > 2 && !sameEntry(&read[i-3], &want[i]) {
				t.Errorf("node %d has read %+v, want %+v", node, read[i-3], want[i])
			}
			if before := got[i].Previous; i > 0 && !before.IsZero() && before != want[i-1].Position {
				t.Errorf("entry %d says that %v is before it, want %v", i, before, want[i-1].Position)
			}
		}
	}
}

func testEntryOrder(t *testing.T, l *logNodes) {
	const packets = 300
	var group sync.WaitGroup
	for node := range l.logs {
		group.Go(func() {
			for i := range packets {
				l.append(node, fmt.Sprintf("%d of %d", i, node), toAll())
			}
		})
	}
	group.Wait()
	first := l.await(0, packets*len(l.logs))
	for node := range l.logs {
		got := l.await(node, len(first))
		next := make([]int, len(l.logs))
		for i := range got {
			var number, sender int
			_, err := fmt.Sscanf(labelOf(got[i].Packet), "%d of %d", &number, &sender)
			if err != nil || number != next[sender] || got[i].Position != first[i].Position ||
				i > 0 && got[i].Position.Compare(got[i-1].Position) <= 0 {
				t.Fatalf("node %d: entry %d is %q at %v", node, i, labelOf(got[i].Packet), got[i].Position)
			}
			next[sender]++
		}
		if last, err := l.logs[node].Last(ctx(t), "/suite"); err != nil || last != first[len(first)-1].Position {
			t.Errorf("Last = %v, %v", last, err)
		}
	}
}

func testRead(t *testing.T, l *logNodes) {
	var all []cluster.Entry
	for i := range 25 {
		all = append(all, l.append(0, fmt.Sprint(i), toAll()))
	}
	for node, log := range l.logs {
		at, pages := all[0].Position, 0
		var read []cluster.Entry
		for {
			page, err := log.Read(ctx(t), "/suite", at, 10)
			if err != nil {
				t.Fatalf("node %d: Read: %v", node, err)
			}
			read = append(read, page...)
			if pages++; len(page) < 10 {
				break
			}
			at = page[len(page)-1].Position
		}
		if len(read) != 24 || pages != 3 {
			t.Errorf("node %d: %d entries in %d pages", node, len(read), pages)
		}
		end := all[24].Position
		if got, err := log.Read(ctx(t), "/suite", end, 10); err != nil || len(got) != 0 {
			t.Errorf("behind the end: %v, %v", got, err)
		}
		for _, never := range []cluster.Position{
			{Epoch: end.Epoch, Number: end.Number + 1}, {Epoch: end.Epoch + 1, Number: end.Number}, {Epoch: end.Epoch + 1},
		} {
			if got, err := log.Read(ctx(t), "/suite", never, 10); !errors.Is(err, cluster.ErrUnknownOffset) {
				t.Errorf("Read behind %v = %v, %v, want ErrUnknownOffset", never, got, err)
			}
		}
	}
}

// testAppendTwice appends entries again, as after an error whose outcome is not known.
func testAppendTwice(t *testing.T, l *logNodes) {
	entries := func(from, to uint64) (list []cluster.Entry) {
		for i := from; i <= to; i++ {
			list = append(list, cluster.Entry{Node: "node 0", Sequence: i, Packet: packet(fmt.Sprint(i)), Target: toAll()})
		}
		return list
	}
	for _, batch := range [][]cluster.Entry{entries(1, 3), entries(1, 3), entries(2, 5), entries(6, 6)} {
		if err := l.logs[0].Append(ctx(t), "/suite", batch); err != nil {
			t.Fatalf("Append: %v", err)
		}
		for _, e := range batch {
			if e.Position.IsZero() {
				t.Error("an entry has no position")
			}
		}
	}
	seen := map[string]int{}
	var last uint64
	for _, e := range l.await(0, 6) { // a log that does not recognise them at least passes on their numbers
		seen[labelOf(e.Packet)]++
		if e.Sequence == last+1 {
			last++
		}
	}
	if len(seen) != 6 || last != 6 {
		t.Errorf("delivered %v with numbers up to %d", seen, last)
	}
}

func testOffsetText(t *testing.T, l *logNodes) {
	e := l.append(0, "x", toAll())
	for node, log := range l.logs {
		text := string(log.AppendOffset([]byte("before "), e.Position))
		offset, ok := strings.CutPrefix(text, "before ")
		if !ok || offset == "" || strings.ContainsAny(offset, `"\`) || len(offset) > 46 {
			t.Errorf("offset %q", text)
		}
		if at, ok := log.ParseOffset(offset); !ok || at != e.Position {
			t.Errorf("node %d: offset %q is %v, %t, want %v", node, offset, at, ok, e.Position)
		}
		for _, wrong := range []string{"", "x", offset + " ", " " + offset, strings.Repeat("9", 100_000), "\x00", offset + `"`} {
			if at, ok := log.ParseOffset(wrong); ok {
				t.Errorf("%.30q was taken for %v", wrong, at)
			}
		}
	}
}

func testFollow(t *testing.T, l *logNodes) {
	l.append(0, "before", toAll())
	for node := range l.logs {
		l.await(node, 1)
	}
	left := len(l.logs) - 1
	if left == 0 {
		t.Skip("with nobody who follows it the log may forget")
	}
	if err := l.logs[left].Unfollow(ctx(t), "/suite"); err != nil {
		t.Fatalf("Unfollow: %v", err)
	}
	missed := l.append(0, "missed", toAll())
	l.await(0, 2)
	if got := l.await(left, 1); len(got) != 1 {
		t.Errorf("delivered %d entries after Unfollow", len(got))
	}
	end, err := l.logs[left].Follow(ctx(t), "/suite")
	if err != nil || end.Compare(missed.Position) < 0 {
		t.Fatalf("Follow = %v, %v", end, err)
	}
	l.append(0, "after", toAll())
	if got := l.await(left, 2); len(got) != 2 || labelOf(got[1].Packet) != "after" {
		t.Errorf("delivered %d entries", len(got))
	}
}

func testLogStart(t *testing.T, l *logNodes) {
	if err := l.logs[0].Start(ctx(t), cluster.LogNode{ID: "again"}); err == nil {
		t.Error("it was started twice")
	}
	if h := l.logs[0].Health(); h.Err != nil || h.Since.IsZero() {
		t.Errorf("health: %+v", h)
	}
	if err := l.logs[0].Close(ctx(t)); err != nil {
		t.Errorf("Close: %v", err)
	}
	if l.logs[0].Health().Err == nil {
		t.Error("a log is well that was closed")
	}
}
