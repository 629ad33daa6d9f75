package socketio

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/parleyio/parley/internal/payload"
)

// Data is a key under which sockets hold a value of type T. It is usually a package variable, made by NewData; each key
// is distinct, whatever its name. All methods are safe for concurrent use.
//
//	var user = socketio.NewData[User]("user")
//
//	user.Set(s, u)
//	u, ok := user.Value(s)
type Data[T any] struct {
	name   string
	shared bool // by the sockets of a connection
}

// NewData returns a new key. The name is for people and other nodes: it appears in String and RemoteSocket.ScanData.
func NewData[T any](name string) *Data[T] { return &Data[T]{name: name} }

// NewConnectionData returns a new key for values that belong to a client's connection: its sockets in all namespaces
// share them, and so do those that come when it leaves a namespace and joins it again. They end with the connection, are
// not recovered, and are not shown to other nodes.
func NewConnectionData[T any](name string) *Data[T] { return &Data[T]{name: name, shared: true} }

// valuesLocked returns where the socket keeps the value.
func (d *Data[T]) valuesLocked(s *Socket) *map[any]any {
	if d.shared {
		return &s.conn.data
	}
	return &s.data
}

// Set stores the value on the socket, replacing the one before.
func (d *Data[T]) Set(s *Socket, v T) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	values := d.valuesLocked(s)
	if *values == nil {
		*values = map[any]any{}
	}
	(*values)[d] = &v // a pointer, so that a nil interface is a value too
}

// Value returns the socket's value, which stays readable after a disconnect. ok is false when there is none.
func (d *Data[T]) Value(s *Socket) (v T, ok bool) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	p, ok := (*d.valuesLocked(s))[d].(*T)
	if ok {
		v = *p
	}
	return v, ok
}

// Delete removes the socket's value.
func (d *Data[T]) Delete(s *Socket) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	delete(*d.valuesLocked(s), d)
}

// String returns the key's name.
func (d *Data[T]) String() string { return d.name }

// marshalData encodes what other nodes may know of the socket's data: an object with a member for each key. A value
// that cannot be encoded is left out.
func (s *Socket) marshalData() json.RawMessage {
	s.conn.mu.Lock()
	values := maps.Clone(s.data)
	s.conn.mu.Unlock()
	object := make(map[string]json.RawMessage, len(values))
	for key, value := range values {
		// Encoding may run code of the application.
		_ = s.protect("data", func() error {
			encoded, err := payload.MarshalValue(value)
			if err == nil {
				object[key.(fmt.Stringer).String()] = encoded
			}
			return err
		})
	}
	data, err := payload.MarshalValue(object)
	if err != nil { // a value whose own encoder writes no JSON
		return json.RawMessage("{}")
	}
	return data
}

// marshalHandshake encodes what other nodes may know of the socket's handshake.
func (s *Socket) marshalHandshake() json.RawMessage {
	data, err := s.handshake.MarshalJSON()
	if err != nil { // text and validated JSON: it cannot fail
		return json.RawMessage("{}")
	}
	return data
}
