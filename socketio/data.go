package socketio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/parleyio/parley/internal/payload"
)

// Data is a key under which sockets hold a value of type T. It is usually a package variable, made by NewData, NewLocalData
// or NewConnectionData. All methods are safe for concurrent use.
//
//	var user = socketio.NewData[User]("user")
//
//	err := user.Set(s, u)
//	u, ok := user.Value(s)
type Data[T any] struct {
	name  string
	scope scope
}

// scope is whose values a key has.
type scope uint8

const (
	ofSession    scope = iota // of the socket, wherever it comes back
	ofSocket                  // of the socket on this node
	ofConnection              // of all sockets of a connection
)

// NewData returns a key for values that travel: other nodes show them in RemoteSocket.ScanData, and a socket that is
// recovered has them again, on whatever node. They travel as JSON, by the name of the key: two keys of one name are the
// same.
func NewData[T any](name string) *Data[T] { return &Data[T]{name: name, scope: ofSession} }

// NewLocalData returns a key for values that stay on this node: of any type, not shown to other nodes and not recovered.
// Each key is distinct, whatever its name.
func NewLocalData[T any](name string) *Data[T] { return &Data[T]{name: name, scope: ofSocket} }

// NewConnectionData returns a key for values that belong to a client's connection: its sockets in all namespaces share
// them, and so do those that come when it leaves a namespace and joins it again. They end with the connection, are not
// recovered, and are not shown to other nodes. Each key is distinct, whatever its name.
func NewConnectionData[T any](name string) *Data[T] { return &Data[T]{name: name, scope: ofConnection} }

// traveller is a value that travels.
type traveller struct {
	raw   json.RawMessage
	value any // a *T; nil until somebody has asked for it after a recovery
}

// placeLocked returns where the socket keeps the value, and under which key.
func (d *Data[T]) placeLocked(s *Socket) (values *map[any]any, key any) {
	switch d.scope {
	case ofSession:
		return &s.data, d.name
	case ofConnection:
		return &s.conn.data, d
	default:
		return &s.data, d
	}
}

// Set stores the value on the socket, replacing the one before. A value that travels must be the same after it was encoded
// as JSON and decoded again, as far as its JSON shows: if not, Set returns an error and changes nothing. What the encoding
// leaves out (fields that are not exported) does not travel. Set returns nil for the other keys.
func (d *Data[T]) Set(s *Socket, v T) error {
	var stored any = &v // a pointer, so that a nil interface is a value too
	if d.scope == ofSession {
		raw, err := roundTrip[T](v)
		if err != nil {
			return fmt.Errorf("socketio: data %q does not travel: %w", d.name, err)
		}
		stored = &traveller{raw, &v}
	}
	s.conn.mu.Lock()
	values, key := d.placeLocked(s)
	if *values == nil {
		*values = map[any]any{}
	}
	(*values)[key] = stored
	s.conn.mu.Unlock()
	d.changed(s)
	return nil
}

// roundTrip encodes a value, and finds out whether it can be decoded again.
func roundTrip[T any](v T) (json.RawMessage, error) {
	raw, err := payload.MarshalValue(v)
	if err != nil {
		return nil, err
	}
	var back T
	if err := payload.Unmarshal(raw, nil, &back); err != nil {
		return nil, err
	}
	again, err := payload.MarshalValue(back)
	if err == nil && !bytes.Equal(raw, again) {
		err = fmt.Errorf("%T is not the same after encoding and decoding", v)
	}
	return raw, err
}

// changed lets the session of a socket be stored again.
func (d *Data[T]) changed(s *Socket) {
	if d.scope == ofSession && s.nsp.recovers() {
		s.nsp.adapter.Touch((*member)(s))
	}
}

// Value returns the socket's value, which stays readable after a disconnect. It reports false when there is none, and when
// the value of a recovered socket was stored by another program whose JSON does not fit T.
func (d *Data[T]) Value(s *Socket) (v T, ok bool) {
	s.conn.mu.Lock()
	values, key := d.placeLocked(s)
	stored := (*values)[key]
	t, travels := stored.(*traveller)
	if travels {
		stored = t.value
	}
	s.conn.mu.Unlock()
	if p, ok := stored.(*T); ok {
		return *p, true
	}
	if !travels {
		return v, false
	}
	return decodeData[T](s, t)
}

// decodeData decodes a value that was not asked for since the socket was recovered.
func decodeData[T any](s *Socket, t *traveller) (v T, ok bool) {
	if payload.Unmarshal(t.raw, nil, &v) != nil { // this may run code of the application: without a lock
		return v, false
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if t.value == nil {
		t.value = &v
	}
	return v, true
}

// Delete removes the socket's value.
func (d *Data[T]) Delete(s *Socket) {
	s.conn.mu.Lock()
	values, key := d.placeLocked(s)
	delete(*values, key)
	s.conn.mu.Unlock()
	d.changed(s)
}

// String returns the key's name.
func (d *Data[T]) String() string { return d.name }

// marshalDataLocked returns the socket's data that travels: an object with a member for each key, sorted by name.
func (s *Socket) marshalDataLocked() json.RawMessage {
	var names []string
	for key := range s.data {
		if name, ok := key.(string); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	object := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			object = append(object, ',')
		}
		key, _ := json.Marshal(name) // text: it cannot fail
		object = append(append(object, key...), ':')
		object = append(object, s.data[name].(*traveller).raw...)
	}
	return append(object, '}')
}

// restoreDataLocked gives a recovered socket the data of its session.
func (s *Socket) restoreDataLocked(data json.RawMessage) {
	var values map[string]json.RawMessage
	if len(data) == 0 || payload.Unmarshal(data, nil, &values) != nil { // of another program
		return
	}
	s.data = make(map[any]any, len(values))
	for name, raw := range values {
		s.data[name] = &traveller{raw: raw}
	}
}

// marshalHandshake encodes what other nodes may know of the socket's handshake.
func (s *Socket) marshalHandshake() json.RawMessage {
	data, err := s.handshake.MarshalJSON()
	if err != nil { // text and validated JSON: it cannot fail
		return json.RawMessage("{}")
	}
	return data
}
