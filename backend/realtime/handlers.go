package realtime

import (
	"context"
	"log/slog"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/parser"
	"github.com/parleyio/parley/socketio"
)

// Options are the settings of [New].
type Options struct {
	// IO is the server whose "/" namespace gets the handlers. It must be set.
	IO *socketio.Server

	// Service has the use cases. It must be set.
	Service *backend.Service

	// Logger gets what is worth knowing. Nil means slog.Default.
	Logger *slog.Logger
}

// Handlers translates between the backend's clients and its [backend.Service]: events of clients become use cases, and
// what the Service publishes becomes events to clients.
type Handlers struct {
	// Immutable after construction.
	io      *socketio.Server
	service *backend.Service
	log     *slog.Logger
	off     []func() // unregister the handlers and the subscriber
}

// New registers the handlers, subscribes to what the Service publishes, and returns the Handlers. It is called once for a
// server, before the server serves. It panics when IO or Service is missing.
func New(opts Options) *Handlers {
	if opts.IO == nil || opts.Service == nil {
		panic("realtime: Options.IO and Options.Service must be set")
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	h := &Handlers{io: opts.IO, service: opts.Service, log: opts.Logger}
	r := registrar{h}
	h.off = []func(){
		h.io.OnDisconnect(h.disconnected),
		event.OnWithAck(r, Message, h.relay),
		event.OnWithAck(r, JoinRoom, h.joinRoom),
		event.OnWithAck(r, LeaveRoom, h.leaveRoom),
		event.OnWithAck(r, RoomMessage, h.relayToRoom),
		event.OnWithAck(r, ChatMessage, h.sendMessage),
		event.OnWithAck(r, ChatHistory, h.history),
		event.OnWithAck(r, RoomMembers, h.members),
		event.OnWithAck(r, UserOnline, h.goOnline),
		r.On(string(PresenceList), h.users),
		h.service.Subscribe(h.publish),
	}
	return h
}

// Close stops handling events and emitting what is published. Call it after the server's Shutdown, whose disconnects are
// still to be handled.
func (h *Handlers) Close() {
	for _, off := range h.off {
		off()
	}
}

func (h *Handlers) relay(ctx context.Context, socket *socketio.Socket, message parser.Raw) (Relayed, error) {
	e, err := h.service.Relay(ctx, h.client(socket).Principal(), backend.Relay{Message: backend.Value(message)})
	return relayed(e), err
}

func (h *Handlers) joinRoom(ctx context.Context, socket *socketio.Socket, room string) (backend.Joined, error) {
	return h.service.JoinRoom(ctx, h.client(socket).Principal(), backend.JoinRoom{Room: room})
}

func (h *Handlers) leaveRoom(ctx context.Context, socket *socketio.Socket, room string) (backend.Left, error) {
	return h.service.LeaveRoom(ctx, h.client(socket).Principal(), backend.LeaveRoom{Room: room})
}

func (h *Handlers) relayToRoom(ctx context.Context, socket *socketio.Socket, to ToRoom) (RelayedToRoom, error) {
	e, err := h.service.RelayToRoom(ctx, h.client(socket).Principal(),
		backend.RelayToRoom{Room: to.Room, Message: backend.Value(to.Message)})
	return relayedToRoom(e), err
}

func (h *Handlers) sendMessage(ctx context.Context, socket *socketio.Socket, m Chat) (backend.ChatMessage, error) {
	sent, err := h.service.SendMessage(ctx, h.client(socket).Principal(), backend.SendMessage(m))
	return sent.Message, err
}

func (h *Handlers) history(ctx context.Context, socket *socketio.Socket, page History) (backend.Page, error) {
	return h.service.History(ctx, h.client(socket).Principal(),
		backend.History{RoomID: page.RoomID, Before: given(page.Before), Limit: page.Limit})
}

func (h *Handlers) members(ctx context.Context, socket *socketio.Socket, page Members) (backend.MemberPage, error) {
	return h.service.ListMembers(ctx, h.client(socket).Principal(),
		backend.ListMembers{Room: page.Room, After: given(page.After), Limit: page.Limit})
}

func (h *Handlers) goOnline(ctx context.Context, socket *socketio.Socket, user string) (Online, error) {
	online, err := h.service.GoOnline(ctx, h.client(socket).Principal(), backend.GoOnline{User: user})
	answer := Online{Count: online.Count, Version: online.Version, Epoch: online.Epoch}
	if online.Listed {
		answer.Users = online.Users
	}
	return answer, err
}

// users handles PresenceList.
func (h *Handlers) users(ctx context.Context, socket *socketio.Socket, m *event.Message) error {
	var page Users
	if m.Len() > 0 {
		if err := m.Scan(&page); err != nil {
			return err
		}
	}
	users, err := h.service.ListUsers(ctx, h.client(socket).Principal(), backend.ListUsers{After: given(page.After), Limit: page.Limit})
	if err != nil {
		return err
	}
	return m.Ack(UserPage{Users: users.Users, Version: users.Version, Epoch: users.Epoch, Next: users.Next})
}

// given is an optional text; empty where it is missing.
func given(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// disconnected runs once, behind every other handler of the socket.
func (h *Handlers) disconnected(ctx context.Context, socket *socketio.Socket, _ socketio.Reason) {
	h.service.Disconnected(ctx, h.client(socket))
}
