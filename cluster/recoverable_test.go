package cluster_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

func TestRecovery_Take(t *testing.T) {
	t.Run("a quiet client comes back long after its last packet", func(t *testing.T) {
		n := newRecovery(t, limits{MaxPackets: 10})
		f := n.enter("quiet")
		n.send("quiet")
		offset := f.offset()
		for range 3 {
			n.sendMany(50) // to others
			n.suspend(f)
			if missed, err := n.back(f, offset); err != nil || missed != nil {
				t.Fatalf("missed %q, %v, want nothing", missed, err)
			}
		}
		n.suspend(f)
		n.send("quiet")
		if missed, err := n.back(f, offset); err != nil || len(missed) != 1 {
			t.Errorf("missed %q, %v, want the last packet", missed, err)
		}
	})
	t.Run("so does one that has never received any", func(t *testing.T) {
		n := newRecovery(t, limits{MaxPackets: 10})
		f := n.enter("quiet")
		n.sendMany(50)
		n.suspend(f)
		if missed, err := n.back(f, ""); err != nil || missed != nil {
			t.Errorf("missed %q, %v, want nothing", missed, err)
		}
	})
	t.Run("too many packets were missed", func(t *testing.T) {
		n := newRecovery(t, limits{MaxPackets: 10})
		for missed, want := range map[int]error{9: nil, 10: nil, 11: cluster.ErrUnknownOffset} {
			f := n.enter("a")
			n.send("a")
			n.suspend(f)
			n.sendMany(missed)
			if _, err := n.back(f, f.offset()); !errors.Is(err, want) {
				t.Errorf("after %d packets: %v, want %v", missed, err, want)
			}
		}
	})
	t.Run("too many packets were lost on the way", func(t *testing.T) {
		n := newRecovery(t, limits{MaxPackets: 10})
		f := n.enter("a")
		n.send("a")
		offset := f.offset()
		n.send("a")
		n.sendMany(10)
		n.suspend(f)
		if _, err := n.back(f, offset); !errors.Is(err, cluster.ErrUnknownOffset) {
			t.Errorf("got %v, want ErrUnknownOffset", err)
		}
	})
	t.Run("missed packets were too large", func(t *testing.T) {
		for size, want := range map[int]error{1000: nil, 5000: cluster.ErrUnknownOffset, 50_000: cluster.ErrUnknownOffset} {
			for _, attached := range []bool{false, true} {
				n := newRecovery(t, limits{MaxBytes: 16_000})
				f := n.enter("a")
				n.suspend(f)
				for range 4 {
					p := &parser.Packet{Type: parser.Event, Data: []byte(`["` + strings.Repeat("x", size) + `"]`)}
					if attached {
						p = &parser.Packet{Type: parser.Event, Data: []byte(`["x"]`), Attachments: [][]byte{make([]byte, size)}}
					}
					if err := n.Broadcast(p, &cluster.Target{Everyone: true}); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := n.back(f, ""); !errors.Is(err, want) {
					t.Errorf("4 packets of %d bytes: %v, want %v", size, err, want)
				}
			}
		}
	})
	t.Run("offsets of another log", func(t *testing.T) {
		n, other := newRecovery(t, limits{}), newRecovery(t, limits{})
		f, g := n.enter("a"), other.enter("a")
		n.send("a")
		other.send("a")
		n.suspend(f)
		missed, err := n.back(f, g.offset())
		if g.offset() > f.offset() { // of a later log: it was never given
			if !errors.Is(err, cluster.ErrUnknownOffset) {
				t.Errorf("got %v, want ErrUnknownOffset", err)
			}
		} else if err != nil || len(missed) != 1 { // of an earlier one: the client has seen nothing since, and lacks all
			t.Errorf("missed %q, %v, want all of the session", missed, err)
		}
	})
}

func TestRecovery_Resume(t *testing.T) {
	t.Run("packets are dropped after the session was taken", func(t *testing.T) {
		n := newRecovery(t, limits{MaxPackets: 100})
		f := n.enter("a")
		n.suspend(f)
		r, err := n.Restore(t.Context(), f.pid, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		n.sendMany(101)
		_, err = n.resume(f, r)
		if !errors.Is(err, cluster.ErrUnknownOffset) {
			t.Errorf("got %v, want ErrUnknownOffset", err)
		}
		if got := n.Members(&cluster.Target{Everyone: true}); len(got) != 0 {
			t.Errorf("members %v", got)
		}
	})
	t.Run("many packets", func(t *testing.T) {
		n := newRecovery(t, limits{})
		f := n.enter("a")
		n.suspend(f)
		for range 100 {
			n.sendMany(50)
			n.send("a")
		}
		if missed, err := n.back(f, ""); err != nil || len(missed) != 100 || !slices.IsSorted(missed[:9]) {
			t.Errorf("missed %d packets, %v, want 100", len(missed), err)
		}
	})
}

func TestRecovery_Broadcast(t *testing.T) {
	t.Run("a packet that cannot be delivered has no offset", func(t *testing.T) {
		n := newRecovery(t, limits{})
		away, f, want := n.enter("away"), n.enter("a"), errors.New("cannot encode")
		n.suspend(away)
		n.deliver = func() error { return want }
		if err := n.Broadcast(news("everyone"), &cluster.Target{Everyone: true}); !errors.Is(err, want) {
			t.Errorf("got %v", err)
		}
		n.deliver = nil
		n.suspend(f)
		if missed, err := n.back(f, ""); err != nil || missed != nil {
			t.Errorf("missed %q, %v, want nothing", missed, err)
		}
		if missed, err := n.back(away, ""); err != nil || missed != nil {
			t.Errorf("missed %q, %v, want nothing", missed, err)
		}
	})
	t.Run("a panic of the delivery harms nobody else", func(t *testing.T) {
		n := newRecovery(t, limits{})
		f := n.enter("a")
		n.deliver = func() error { panic("fault") }
		func() {
			defer func() { _ = recover() }()
			_ = n.Broadcast(news("a"), &cluster.Target{Everyone: true})
		}()
		n.deliver = nil
		n.send("a")
		first := f.offset()
		n.suspend(f)
		n.send("a")
		missed, err := n.back(f, first)
		if err != nil || len(missed) != 1 || missed[0] == first {
			t.Errorf("missed %q, %v, want one", missed, err)
		}
	})
	t.Run("the sender's packet is not changed", func(t *testing.T) {
		n := newRecovery(t, limits{})
		n.enter("a")
		data := append(make([]byte, 0, 100), `["x"]`...)
		p := &parser.Packet{Type: parser.Event, Data: data}
		if err := n.Broadcast(p, &cluster.Target{Everyone: true}); err != nil || string(p.Data) != `["x"]` || data[:7][5] != 0 {
			t.Errorf("packet %q, %v", data[:7], err)
		}
	})
	t.Run("acknowledgements and packets without arguments get no offset", func(t *testing.T) {
		n := newRecovery(t, limits{})
		f := n.enter("a")
		for _, p := range []parser.Packet{{Type: parser.Ack, Data: []byte(`[1]`)}, {Type: parser.Event}} {
			if err := n.Broadcast(&p, &cluster.Target{Everyone: true}); err != nil {
				t.Error(err)
			}
		}
		if want := []string{"[1]", ""}; !slices.Equal(f.received, want) {
			t.Errorf("received %q, want %q", f.received, want)
		}
	})
}

// TestRecovery_Close closes in the middle of everything.
func TestRecovery_Close(t *testing.T) {
	for range 20 {
		n := newRecovery(t, limits{})
		begun := make(chan struct{}, 6)
		var group sync.WaitGroup
		for i := range 3 {
			f := n.enter(fmt.Sprint(i))
			group.Go(func() {
				begun <- struct{}{}
				for {
					if err := n.Broadcast(news("everyone"), &cluster.Target{Everyone: true}); err != nil {
						if !errors.Is(err, cluster.ErrClosed) {
							t.Errorf("Broadcast: %v", err)
						}
						return
					}
				}
			})
			group.Go(func() {
				begun <- struct{}{}
				for {
					n.suspend(f)
					_, err := n.back(f, "")
					switch {
					case err == nil:
						continue
					case errors.Is(err, cluster.ErrClosed), errors.Is(err, cluster.ErrUnknownSession):
					case errors.Is(err, cluster.ErrUnknownOffset): // the others have filled the log meanwhile
					default:
						t.Errorf("coming back: %v", err)
					}
					return
				}
			})
		}
		for range cap(begun) {
			<-begun
		}
		n.Close()
		group.Wait()
	}
}
