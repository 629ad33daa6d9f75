package backend

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"time"
)

// Options configures [NewService].
type Options struct {
	// Store keeps messages and items. It is required. The Service does not close it.
	Store Store

	// Events brings what has happened to the subscribers. Nil means a [Direct].
	Events Dispatcher

	// PresenceGrace is how long a user stays online without a connection. Zero means 2 s; negative means not at all.
	PresenceGrace time.Duration

	// ItemTTL is how long items are kept whose request does not say it. Zero means for ever.
	ItemTTL time.Duration

	// PresenceInterval is the least time between two [PresenceChanged]: the first change is published at once, those of
	// the interval that follows together at its end. Zero means 250 ms; negative means that each change is published.
	PresenceInterval time.Duration

	// PresenceListLimit is the number of users or of a room's members up to which clients receive the whole list. Above
	// it they receive changes, until fewer than four fifths of the number are online. Zero means 100; negative means that
	// no list is sent.
	PresenceListLimit int

	// Logger receives what an operator should know. Nil means slog.Default.
	Logger *slog.Logger
}

// The defaults of presence.
const (
	defaultPresenceGrace     = 2 * time.Second
	defaultPresenceInterval  = 250 * time.Millisecond
	defaultPresenceListLimit = 100
)

// Service is the backend's application layer: each of its methods is one use case. Whatever serves clients, such as
// package realtime and package rest, calls it and translates requests, answers and errors; whatever tells others of
// changes subscribes with [Service.Subscribe].
//
// Every use case has the same order: it validates the names in the request, asks permission, stores, and then publishes an
// [Event]. The rest of the request is validated before anything is stored. A use case leaves out the steps that it does not
// need.
//
// Its error is an [*Error] where the caller is at fault, and otherwise a failure whose cause the caller must not see; see
// [AsError].
//
// A Service is safe for concurrent use, except that the use cases of one [Client] run one after another.
type Service struct {
	// Immutable after construction.
	store  Store
	events Dispatcher
	log    *slog.Logger

	itemTTL time.Duration

	rooms    roomLocks
	presence *presence
}

// NewService returns a Service. Its error says which option is missing.
func NewService(opts Options) (*Service, error) {
	if opts.Store == nil {
		return nil, errors.New("backend: Options.Store is required")
	}
	if opts.PresenceGrace == 0 {
		opts.PresenceGrace = defaultPresenceGrace
	}
	if opts.PresenceInterval == 0 {
		opts.PresenceInterval = defaultPresenceInterval
	}
	if opts.PresenceListLimit == 0 {
		opts.PresenceListLimit = defaultPresenceListLimit
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Events == nil {
		opts.Events = NewDirect(opts.Logger)
	}
	s := &Service{store: opts.Store, events: opts.Events, log: opts.Logger, itemTTL: opts.ItemTTL}
	s.rooms.seed = maphash.MakeSeed()
	s.presence = newPresence(presenceOptions{
		grace: opts.PresenceGrace, interval: opts.PresenceInterval, listLimit: max(0, opts.PresenceListLimit), log: s.log,
		changed: func(e PresenceChanged) { s.publish(context.Background(), e) },
	})
	return s, nil
}

// Subscribe adds a subscriber for all events from now on, and returns the function that removes it.
func (s *Service) Subscribe(sub Subscriber) (off func()) { return s.events.Subscribe(sub) }

// Ping returns an error when the store cannot be reached. It waits until ctx ends.
func (s *Service) Ping(ctx context.Context) error { return s.store.Ping(ctx) }

// Purge deletes what has been kept long enough. It is to be called from time to time.
func (s *Service) Purge(ctx context.Context) (Purged, error) { return s.store.Purge(ctx) }

// Close stops the timers of users who are about to go offline. Call it when all clients have disconnected.
func (s *Service) Close() { s.presence.close() }

// publish publishes the event of a change. If the event cannot be delivered, the change stays and the failure is logged.
func (s *Service) publish(ctx context.Context, e Event) {
	if err := s.events.Publish(ctx, e); err != nil {
		s.log.WarnContext(ctx, "event was not delivered", "event", fmt.Sprintf("%T", e), "err", err)
	}
}
