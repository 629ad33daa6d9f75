package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/parleyio/parley/internal/guard"
)

// Dispatcher brings events to their subscribers. It is safe for concurrent use.
//
// The [Service] publishes what was changed after it was stored, and the changes of one room, as of presence, in the order
// in which they were made. A Dispatcher keeps the order in which one caller publishes.
type Dispatcher interface {
	// Publish brings e to every subscriber. It does not wait for clients. An error means that a subscriber has failed;
	// the others have got the event all the same.
	Publish(ctx context.Context, e Event) error

	// Subscribe adds a subscriber for all events that are published from now on, and returns the function that removes
	// it.
	Subscribe(s Subscriber) (off func())
}

// Subscriber receives events. It must be safe for concurrent use, must not wait for the network, and must not call the
// [Service], which may hold the lock that keeps the events of a room in order.
//
// Its error says that the event has not been delivered. Where the event is all that a use case does, as with a
// notification, the use case fails with that error; what was stored stays stored.
type Subscriber func(ctx context.Context, e Event) error

// Direct is the [Dispatcher] of a single process: Publish calls the subscribers one after another, in the order in which
// they were added, and returns when all have been called.
type Direct struct {
	// Immutable after construction.
	log *slog.Logger

	mu          sync.Mutex                      // held to replace subscribers
	subscribers atomic.Pointer[[]*subscription] // the slice is never changed
}

type subscription struct{ receive Subscriber }

var errSubscriberPanic = errors.New("backend: panic in a subscriber")

// NewDirect returns a Direct without subscribers. Log receives panics of subscribers at level Error; nil means
// slog.Default.
func NewDirect(log *slog.Logger) *Direct {
	d := &Direct{log: log}
	d.subscribers.Store(new([]*subscription))
	return d
}

// Publish implements [Dispatcher].
func (d *Direct) Publish(ctx context.Context, e Event) error {
	var failed error
	for _, s := range *d.subscribers.Load() {
		if err := d.deliver(ctx, s, e); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// deliver keeps a panic of one subscriber from the others.
func (d *Direct) deliver(ctx context.Context, s *subscription, e Event) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			guard.Log(d.log, "panic in a subscriber", fault, slog.String("event", fmt.Sprintf("%T", e)))
			err = errSubscriberPanic
		}
	}()
	return s.receive(ctx, e)
}

// Subscribe implements [Dispatcher].
func (d *Direct) Subscribe(s Subscriber) (off func()) {
	added := &subscription{s}
	d.replace(func(list []*subscription) []*subscription { return append(slices.Clip(list), added) })
	return func() {
		d.replace(func(list []*subscription) []*subscription {
			return slices.DeleteFunc(slices.Clone(list), func(s *subscription) bool { return s == added })
		})
	}
}

func (d *Direct) replace(change func([]*subscription) []*subscription) {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := change(*d.subscribers.Load())
	d.subscribers.Store(&changed)
}
