package realtime

import (
	"log/slog"
	"time"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// Options are the settings of a [Service].
type Options struct {
	// IO is the server whose "/" namespace gets the handlers. It must be set.
	IO *socketio.Server

	// Chat keeps the messages. It must be set.
	Chat backend.ChatStore

	// PresenceGrace is how long a user stays online without a connection. Zero means 2 s; negative means not at all.
	PresenceGrace time.Duration

	// Logger gets what is worth knowing. Nil means slog.Default.
	Logger *slog.Logger
}

const defaultPresenceGrace = 2 * time.Second

// Service answers the events of the backend's clients.
type Service struct {
	// Immutable after construction.
	io   *socketio.Server
	chat backend.ChatStore
	log  *slog.Logger

	rooms    roomLocks
	presence *presence
	off      []func() // unregister the handlers
}

var _ backend.Publisher = (*Service)(nil)

// New registers the handlers and returns their Service. It is called once for a server, before the server serves. It
// panics when IO or Chat is missing.
func New(opts Options) *Service {
	if opts.IO == nil || opts.Chat == nil {
		panic("realtime: Options.IO and Options.Chat must be set")
	}
	if opts.PresenceGrace == 0 {
		opts.PresenceGrace = defaultPresenceGrace
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	s := &Service{io: opts.IO, chat: opts.Chat, log: opts.Logger}
	s.presence = newPresence(opts.PresenceGrace, s.log, func(users []string) { emit(s, s.io, UsersOnline, users) })

	s.io.OnDisconnect(s.disconnected)
	r := registrar{s.io}
	s.off = []func(){
		event.OnWithAck(r, Message, s.relay),
		event.OnWithAck(r, JoinRoom, s.joinRoom),
		event.OnWithAck(r, LeaveRoom, s.leaveRoom),
		event.OnWithAck(r, RoomMessage, s.relayToRoom),
		event.OnWithAck(r, ChatMessage, s.saveChat),
		event.OnWithAck(r, ChatHistory, s.readChat),
		event.OnWithAck(r, UserOnline, s.userOnline),
	}
	return s
}

// Close stops the timers of users who are about to go offline, and stops handling events. Call it after the server's
// Shutdown, whose disconnects are still to be handled.
func (s *Service) Close() error {
	for _, off := range s.off {
		off()
	}
	s.presence.close()
	return nil
}

// Notify implements [backend.Publisher].
func (s *Service) Notify(n backend.Notification, to backend.Audience) error {
	switch {
	case to.Room != "":
		return event.Emit(s.io.To(roomName(to.Room)), Notification, n)
	case to.User != "":
		return event.Emit(s.io.To(userRoom(to.User)), Notification, n)
	}
	return event.Emit(s.io, Notification, n)
}

// DataUpdated implements [backend.Publisher].
func (s *Service) DataUpdated(item backend.Item) error { return event.Emit(s.io, DataUpdated, item) }

// emit is for events that tell about something that has happened already: it cannot be taken back when they fail.
func emit[T any](s *Service, to event.Emitter, name event.Name[T], v T) {
	if err := event.Emit(to, name, v); err != nil {
		s.log.Debug("event was not emitted", "event", string(name), "err", err)
	}
}
