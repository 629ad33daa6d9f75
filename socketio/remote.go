package socketio

import (
	"context"
	"encoding/json"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/payload"
)

// RemoteSocket is a socket of any node of the cluster, as it was when FetchSockets asked. Its methods work wherever the
// socket is; after a disconnect they reach nobody.
type RemoteSocket struct {
	nsp  *Namespace
	info cluster.SocketInfo
}

// ID returns the socket's id.
func (r *RemoteSocket) ID() string { return r.info.ID }

// Rooms returns the rooms that the socket had joined, sorted and without its own id.
func (r *RemoteSocket) Rooms() []string { return r.info.Rooms }

// Handshake returns what the client said of itself when it connected, as a JSON object with the fields of Socket.IO:
// headers, time, address, xdomain, secure, issued, url, query and auth.
func (r *RemoteSocket) Handshake() json.RawMessage { return r.info.Handshake }

// ScanData decodes the socket's data into v: a JSON object with a member for each Data key, by its name.
func (r *RemoteSocket) ScanData(v any) error { return payload.Unmarshal(r.info.Data, nil, v) }

// Emit sends an event to the socket; see Broadcast.Emit.
func (r *RemoteSocket) Emit(name string, args ...any) error { return r.alone().Emit(name, args...) }

// EmitWithAck sends an event and waits for the socket's answer; see Broadcast.EmitWithAcks.
func (r *RemoteSocket) EmitWithAck(ctx context.Context, name string, args ...any) (*event.Message, error) {
	answers, err := r.alone().EmitWithAcks(ctx, name, args...)
	if len(answers) == 0 {
		if err == nil {
			err = ErrClosed
		}
		return nil, err
	}
	return answers[0], nil
}

// Join puts the socket into rooms.
func (r *RemoteSocket) Join(rooms ...string) error { return r.alone().SocketsJoin(rooms...) }

// Leave takes the socket out of rooms.
func (r *RemoteSocket) Leave(rooms ...string) error { return r.alone().SocketsLeave(rooms...) }

// Disconnect takes the socket out of the namespace, and with closeConnection closes its connection.
func (r *RemoteSocket) Disconnect(closeConnection bool) error {
	return r.alone().DisconnectSockets(closeConnection)
}

func (r *RemoteSocket) alone() Broadcast { return r.nsp.To(r.info.ID) }
