package cluster

import (
	"encoding/json"
	"time"
)

// Session is what a log keeps of a socket that may come back, on whatever node. A log stores its bytes, by
// [Session.MarshalBinary], or its fields in a form of its own.
//
// A session is not changed after it was handed over.
type Session struct {
	// Namespace is the socket's namespace, PID the secret that its client shows to have the session again. Together they
	// are its key.
	Namespace, PID string

	// ID is the socket's id.
	ID string

	// Rooms are those that the socket was in, sorted, without its own id.
	Rooms []string

	// Data is a JSON object with the socket's data by name. Nil means none.
	Data json.RawMessage

	// Node is the id of the node that has, or had, the socket. It has the latest state of the session.
	Node string

	// Joined is where the session began. It stays the same when the session is resumed.
	Joined Position
	// Received is the last entry that was put into the socket's queue when the session was stored.
	Received Position
	// Until is the end of the log at that moment: the socket had missed nothing up to it, if its client has Received.
	Until Position

	// Generation is the number of times that the session was claimed. Version numbers the changes of a generation from 1.
	Generation, Version uint64
	// TTL is how long the session is kept. It is not part of its bytes.
	TTL time.Duration
}

// storedSession is the form of the bytes. Names are short and never change their meaning.
type storedSession struct {
	Namespace  string          `json:"nsp"`
	PID        string          `json:"pid"`
	ID         string          `json:"sid"`
	Rooms      []string        `json:"rooms"`
	Data       json.RawMessage `json:"data,omitempty"`
	Node       string          `json:"node"`
	Joined     [2]uint64       `json:"joined"`
	Received   [2]uint64       `json:"received"`
	Until      [2]uint64       `json:"until"`
	Generation uint64          `json:"generation,omitempty"`
	Version    uint64          `json:"version"`
}

// MarshalBinary returns the session's bytes, which [Session.UnmarshalBinary] reads, in any later version of Parley too.
func (s *Session) MarshalBinary() ([]byte, error) {
	return json.Marshal(storedSession{
		Namespace: s.Namespace, PID: s.PID, ID: s.ID, Rooms: s.Rooms, Data: s.Data, Node: s.Node,
		Generation: s.Generation, Version: s.Version,
		Joined:   [2]uint64{s.Joined.Epoch, s.Joined.Number},
		Received: [2]uint64{s.Received.Epoch, s.Received.Number},
		Until:    [2]uint64{s.Until.Epoch, s.Until.Number},
	})
}

// UnmarshalBinary reads a session's bytes.
func (s *Session) UnmarshalBinary(b []byte) error {
	var v storedSession
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	position := func(v [2]uint64) Position { return Position{Epoch: v[0], Number: v[1]} }
	*s = Session{
		Namespace: v.Namespace, PID: v.PID, ID: v.ID, Rooms: v.Rooms, Data: v.Data, Node: v.Node,
		Generation: v.Generation, Version: v.Version,
		Joined: position(v.Joined), Received: position(v.Received), Until: position(v.Until),
	}
	return nil
}
