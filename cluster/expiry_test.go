package cluster_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parleyio/parley/cluster"
)

func TestRecovery_expiry(t *testing.T) {
	const minute = time.Minute
	t.Run("a session ends when its time is up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var ended []string
			n := newRecovery(t, limits{OnExpired: func(id string) { ended = append(ended, id) }})
			for _, id := range []string{"a", "b", "c"} {
				n.suspend(n.enter(id))
				time.Sleep(minute / 2)
			}
			n.sendMany(1)
			time.Sleep(minute/2 - 1) // 2 minutes after a, and one nanosecond less
			if _, err := n.back(n.follower("a"), ""); err != nil {
				t.Errorf("just in time: %v", err)
			}
			time.Sleep(minute/2 + 1)
			if _, err := n.back(n.follower("b"), ""); !errors.Is(err, cluster.ErrUnknownSession) {
				t.Errorf("too late: %v, want ErrUnknownSession", err)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if want := []string{"b", "c"}; !slices.Equal(ended, want) {
				t.Errorf("expired %q, want %q, each once", ended, want)
			}
		})
	})
	t.Run("the time begins anew", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newRecovery(t, limits{
				MaxDisconnection: minute, OnExpired: func(id string) { t.Errorf("%s expired", id) },
			})
			f := n.enter("a")
			for range 5 {
				n.suspend(f)
				time.Sleep(minute - 1)
				if _, err := n.back(f, ""); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Hour)
			synctest.Wait()
		})
	})
	t.Run("the oldest session makes room", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var ended []string
			n := newRecovery(t, limits{
				MaxSessions: 2, OnExpired: func(id string) { ended = append(ended, id) },
			})
			for _, id := range []string{"a", "b", "c", "d"} {
				n.suspend(n.enter(id))
				synctest.Wait()
			}
			if want := []string{"a", "b"}; !slices.Equal(ended, want) {
				t.Errorf("expired %q, want %q", ended, want)
			}
			for id, want := range map[string]error{"b": cluster.ErrUnknownSession, "c": nil} {
				if _, err := n.back(n.follower(id), ""); !errors.Is(err, want) {
					t.Errorf("%s comes back: %v, want %v", id, err, want)
				}
			}
		})
	})
	t.Run("a client that cannot have its packets is told of too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var ended []string
			n := newRecovery(t, limits{
				MaxPackets: 5, OnExpired: func(id string) { ended = append(ended, id) },
			})
			for _, offset := range []string{"", "garbage"} {
				f := n.enter("a")
				n.suspend(f)
				n.sendMany(6)
				if _, err := n.back(f, offset); !errors.Is(err, cluster.ErrUnknownOffset) {
					t.Errorf("got %v", err)
				}
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if want := []string{"a", "a"}; !slices.Equal(ended, want) {
				t.Errorf("expired %q, want %q", ended, want)
			}
		})
	})
	t.Run("OnExpired may call the adapter, and be slow", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var n *recovery
			var ended []string
			n = newRecovery(t, limits{OnExpired: func(id string) {
				n.send("everyone")
				f := n.enter("helper of " + id)
				n.suspend(f)
				if _, err := n.back(f, ""); err != nil {
					t.Error(err)
				}
				time.Sleep(3 * minute)
				ended = append(ended, id)
				if id == "c" {
					n.Close()
				}
			}})
			for _, id := range []string{"a", "b", "c"} {
				n.suspend(n.enter(id))
			}
			time.Sleep(3 * minute)
			synctest.Wait()
			n.suspend(n.enter("d")) // expires while a is told of; closed before its turn
			time.Sleep(time.Hour)
			synctest.Wait()
			if want := []string{"a", "b", "c"}; !slices.Equal(ended, want) {
				t.Errorf("expired %q, want %q", ended, want)
			}
		})
	})
	t.Run("a panic of OnExpired ends that call only", func(t *testing.T) {
		logged := captureLog(t)
		synctest.Test(t, func(t *testing.T) {
			var ended []string
			n := newRecovery(t, limits{OnExpired: func(id string) {
				if id == "a" {
					panic("oh no")
				}
				ended = append(ended, id)
			}})
			n.suspend(n.enter("a"))
			n.suspend(n.enter("b"))
			time.Sleep(time.Hour)
			synctest.Wait()
			n.suspend(n.enter("c"))
			time.Sleep(time.Hour)
			synctest.Wait()
			if want := []string{"b", "c"}; !slices.Equal(ended, want) {
				t.Errorf("expired %q, want %q", ended, want)
			}
		})
		if text := logged.String(); strings.Count(text, "panic in an adapter") != 1 || !strings.Contains(text, "in=OnExpired") {
			t.Errorf("logged %q, want one panic", text)
		}
	})
	t.Run("packets outlive a dead connection that nobody has noticed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newRecovery(t, limits{})
			f := n.enter("a")
			n.send("a")
			offset := f.offset()
			n.send("a") // into the dead connection
			time.Sleep(45 * time.Second)
			n.suspend(f)
			time.Sleep(2*minute - 1)
			n.sendMany(1) // drops what is too old
			if missed, err := n.back(f, offset); err != nil || len(missed) != 1 {
				t.Errorf("missed %q, %v, want one", missed, err)
			}
		})
	})
	t.Run("old packets are dropped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newRecovery(t, limits{})
			f := n.enter("a")
			n.send("a")
			time.Sleep(4 * minute)
			n.suspend(f)
			if _, err := n.back(f, ""); !errors.Is(err, cluster.ErrUnknownOffset) {
				t.Errorf("got %v, want ErrUnknownOffset", err)
			}
		})
	})
}
