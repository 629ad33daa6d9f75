package backend_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/parleyio/parley/backend"
	"github.com/parleyio/parley/backend/store"
)

// hub is a transport without a network: rooms of connections.
type hub struct {
	mu    sync.Mutex
	rooms map[string]map[*conn]bool // mu guards it
}

// conn is a connection of a hub.
type conn struct {
	hub   *hub
	id    string
	user  string
	ended bool
}

func (c *conn) ID() string      { return c.id }
func (c *conn) Connected() bool { return !c.ended }
func (c *conn) User() string    { return c.user }

func (c *conn) SetUser(user string) error {
	if c.ended {
		return errGone
	}
	c.user = user
	return nil
}

func (c *conn) Join(room string) error {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if c.ended {
		return errGone
	}
	if c.hub.rooms[room] == nil {
		c.hub.rooms[room] = map[*conn]bool{}
	}
	c.hub.rooms[room][c] = true
	return nil
}

func (c *conn) Leave(room string) {
	defer runtime.Gosched() // gives others the time to come between
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if !c.ended {
		delete(c.hub.rooms[room], c)
	}
}

func (c *conn) InRoom(room string) bool {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	return c.hub.rooms[room][c]
}

func (c *conn) Members(room string) []backend.Member {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	members := []backend.Member{}
	for other := range c.hub.rooms[room] {
		m := backend.Member{ID: other.id}
		if other.user != "" {
			m.User = &other.user
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b backend.Member) int { return cmp.Compare(a.ID, b.ID) })
	return members
}

var errGone = errors.New("the connection has ended")

// fixture is a Service without HTTP and without Socket.IO.
type fixture struct {
	*backend.Service
	t      *testing.T
	hub    *hub
	events *events
}

// events is a Subscriber that remembers.
type events struct {
	err error // its answer to each

	mu   sync.Mutex
	list []backend.Event // mu guards it
}

func (e *events) receive(_ context.Context, event backend.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
	return e.err
}

// take returns what has come and forgets it.
func (e *events) take() []backend.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}

// setup returns a Service on a store; nil means a real one in memory.
func setup(t *testing.T, s backend.Store) *fixture {
	t.Helper()
	if s == nil {
		real, err := store.Open(t.Context(), ":memory:", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { real.Close() })
		s = real
	}
	service, err := backend.NewService(backend.Options{Store: s, PresenceGrace: -1, PresenceInterval: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	f := &fixture{Service: service, t: t, hub: &hub{rooms: map[string]map[*conn]bool{}}, events: new(events)}
	service.Subscribe(f.events.receive)
	return f
}

// client returns a connected client with an id.
func (f *fixture) client(id string) *backend.Client {
	return backend.NewClient(&conn{hub: f.hub, id: id})
}

// member returns a client that is in a room.
func (f *fixture) member(id, room string) *backend.Client {
	f.t.Helper()
	c := f.client(id)
	if _, err := f.JoinRoom(f.t.Context(), c.Principal(), backend.JoinRoom{Room: room}); err != nil {
		f.t.Fatal(err)
	}
	f.events.take()
	return c
}

// as makes a client one of a user.
func (f *fixture) as(c *backend.Client, user string) *backend.Client {
	f.t.Helper()
	if _, err := f.GoOnline(f.t.Context(), c.Principal(), backend.GoOnline{User: user}); err != nil {
		f.t.Fatal(err)
	}
	f.events.take()
	return c
}

// one returns the only event that has come, which must be an E.
func one[E backend.Event](t *testing.T, f *fixture) (e E) {
	t.Helper()
	list := f.events.take()
	if len(list) == 1 {
		if e, ok := list[0].(E); ok {
			return e
		}
	}
	t.Fatalf("events %+v, want one %T", list, e)
	return e
}

func (f *fixture) wantNoEvent(t *testing.T) {
	t.Helper()
	if list := f.events.take(); len(list) > 0 {
		t.Errorf("events %+v, want none", list)
	}
}

func codeOf(err error) backend.Code {
	if err == nil {
		return ""
	}
	return backend.AsError(err).Code
}

// stores are what the use cases run against: a fake, and the real one.
func stores(t *testing.T, test func(t *testing.T, s backend.Store)) {
	t.Run("fake", func(t *testing.T) { test(t, newMemory()) })
	t.Run("real", func(t *testing.T) { test(t, nil) })
}

// memory is a Store that trusts its caller: it checks nothing.
type memory struct {
	mu       sync.Mutex
	ids      *backend.IDs
	messages []backend.ChatMessage
	authors  map[string]backend.ChatMessage // by room, author and client's id
	items    map[string]backend.Item
	fails    error // of every call
}

func newMemory() *memory {
	ids, _ := backend.NewIDs("")
	return &memory{ids: ids, authors: map[string]backend.ChatMessage{}, items: map[string]backend.Item{}}
}

func (m *memory) SaveMessage(_ context.Context, n backend.NewMessage) (backend.ChatMessage, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails != nil {
		return backend.ChatMessage{}, false, m.fails
	}
	now := backend.Now()
	saved := backend.ChatMessage{ID: m.ids.Next(now), RoomID: n.RoomID, User: n.User, Text: n.Text, ClientMessageID: n.ClientMessageID, CreatedAt: now}
	if n.ClientMessageID != nil {
		key := n.RoomID + "\x00" + n.AuthorKey() + "\x00" + *n.ClientMessageID
		if first, ok := m.authors[key]; ok {
			return first, false, nil
		}
		m.authors[key] = saved
	}
	m.messages = append(m.messages, saved)
	return saved, true, nil
}

func (m *memory) Messages(_ context.Context, room, before string, limit int) (backend.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	page := backend.Page{Messages: []backend.ChatMessage{}}
	for _, message := range slices.Backward(m.messages) {
		if message.RoomID != room || before != "" && message.ID >= before {
			continue
		}
		if len(page.Messages) == limit {
			page.Next = &page.Messages[limit-1].ID
			break
		}
		page.Messages = append(page.Messages, message)
	}
	return page, m.fails
}

func (m *memory) PutItem(_ context.Context, put backend.NewItem) (backend.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails != nil {
		return backend.Item{}, m.fails
	}
	item := backend.Item{Key: put.Key, Value: put.Value, UpdatedAt: backend.Now()}
	if !put.Expires.IsZero() {
		item.ExpiresAt = &put.Expires
	}
	m.items[put.Key] = item
	return item, nil
}

func (m *memory) Item(_ context.Context, key string) (backend.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	item, ok := m.items[key]
	if !ok {
		return item, cmp.Or(m.fails, error(backend.NotFound("no data under this key")))
	}
	return item, m.fails
}

func (m *memory) Items(_ context.Context, after string, limit int) (backend.ItemPage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	page := backend.ItemPage{Items: []backend.Item{}}
	for _, key := range slices.Sorted(maps.Keys(m.items)) {
		if key <= after {
			continue
		}
		if n := len(page.Items); n == limit {
			page.Next = &page.Items[n-1].Key
			break
		}
		page.Items = append(page.Items, m.items[key])
	}
	return page, m.fails
}

func (m *memory) Purge(context.Context) (backend.Purged, error) { return backend.Purged{}, m.fails }

func (m *memory) Ping(context.Context) error { return m.fails }
func (m *memory) Close() error               { return nil }

func TestNewService_needs_a_store(t *testing.T) {
	if _, err := backend.NewService(backend.Options{}); err == nil {
		t.Error("no error without a store")
	}
}

func TestService_Ping(t *testing.T) {
	stores(t, func(t *testing.T, s backend.Store) {
		if err := setup(t, s).Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if err := setup(t, &memory{fails: errGone}).Ping(t.Context()); !errors.Is(err, errGone) {
		t.Errorf("%v, want the store's error", err)
	}
}
