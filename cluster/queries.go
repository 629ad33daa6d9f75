package cluster

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/parleyio/parley/parser"
)

// Queries are what a namespace asks of all nodes of its cluster, its own included unless a method says otherwise. Where
// a target is taken, Target.Local keeps the query on this node.
//
// All methods are safe for concurrent use. Those that take a context wait for other nodes, or for clients, until it
// ends; they then return what has come, together with an *[IncompleteError]. After Close, SocketsJoin and those that
// send something return ErrClosed; the others go on answering for this node.
//
// Members of this node have been moved or disconnected when a method returns, those of other nodes a little later.
type Queries interface {
	// FetchSockets describes the members that a target selects.
	FetchSockets(ctx context.Context, t *Target) ([]SocketInfo, error)

	// SocketsJoin puts the members that a target selects into rooms.
	SocketsJoin(t *Target, rooms ...string) error

	// SocketsLeave takes the members that a target selects out of rooms.
	SocketsLeave(t *Target, rooms ...string) error

	// DisconnectSockets takes the members that a target selects out of the namespace, and with closeConnection closes
	// their connections.
	DisconnectSockets(t *Target, closeConnection bool) error

	// BroadcastWithAck delivers a packet that asks for an acknowledgement and collects the answers, in the order in which
	// they come. Each node gives the packet an id of its own. Besides an *IncompleteError, which it also returns when
	// members are gone without an answer, it returns the error of the delivery on this node.
	BroadcastWithAck(ctx context.Context, p *parser.Packet, t *Target) ([]Answer, error)

	// ServerSideEmit hands an event, as a JSON array with the name in front, to the other nodes.
	ServerSideEmit(data []byte) error

	// ServerSideEmitWithAck does the same and collects the answers of the other nodes, each a JSON value.
	ServerSideEmitWithAck(ctx context.Context, data []byte) ([]json.RawMessage, error)

	// ServerCount returns the number of nodes, this one included.
	ServerCount(ctx context.Context) (int, error)
}

// LocalQueries are what the adapter asks of the namespace on this node to answer queries. Members are never empty and
// valid during the call only; no lock of the adapter is held.
type LocalQueries interface {
	// Describe tells what other nodes may know of the members.
	Describe(members []Member) []SocketInfo

	// Join and Leave move the members. A member that is gone, or that may join no more rooms, is left as it is.
	Join(members []Member, rooms ...string)
	Leave(members []Member, rooms ...string)

	// Disconnect takes the members out of the namespace.
	Disconnect(members []Member, closeConnection bool)

	// DeliverWithAck is Deliver for a packet that asks for an acknowledgement, to which it gives an id. Answered is called once for each member,
	// from any goroutine and also before DeliverWithAck returns: with its answer, or with an answer that is Lost when it
	// disconnects or cannot be asked. It does not block. The adapter calls forget once when it waits no longer, so that
	// nothing is kept for those who have not answered; a call of answered that comes too late is ignored.
	DeliverWithAck(p *parser.Packet, members []Member, t *Target, answered func(Answer)) (forget func(), err error)

	// ServerEvent handles an event of another node and returns at once. Answer is nil when none is asked for; otherwise it
	// is called at most once: never, if nobody handles the event.
	ServerEvent(data []byte, answer func(json.RawMessage))
}

// SocketInfo is what a node knows of a socket, its own or another node's.
type SocketInfo struct {
	// ID is the socket's id.
	ID string `json:"id"`
	// Rooms are the rooms that the socket has joined, sorted, without its own id.
	Rooms []string `json:"rooms"`
	// Handshake is a JSON object with what the client said of itself.
	Handshake json.RawMessage `json:"handshake"`
	// Data is a JSON object with the socket's data by name.
	Data json.RawMessage `json:"data"`
}

// Answer is a member's acknowledgement.
type Answer struct {
	// ID is that of the member.
	ID string
	// Data is the JSON array of the answer's arguments; Attachments are its binary values.
	Data        []byte
	Attachments [][]byte
	// Lost tells that the member will never answer.
	Lost bool
}

func (a *memory) FetchSockets(_ context.Context, t *Target) ([]SocketInfo, error) {
	if members := a.Members(t); len(members) > 0 {
		return a.local.Describe(members), nil
	}
	return nil, nil
}

func (a *memory) SocketsJoin(t *Target, rooms ...string) error {
	if a.closed.Load() {
		return ErrClosed
	}
	if members := a.Members(t); len(members) > 0 {
		a.local.Join(members, rooms...)
	}
	return nil
}

func (a *memory) SocketsLeave(t *Target, rooms ...string) error {
	if members := a.Members(t); len(members) > 0 {
		a.local.Leave(members, rooms...)
	}
	return nil
}

func (a *memory) DisconnectSockets(t *Target, closeConnection bool) error {
	if members := a.Members(t); len(members) > 0 {
		a.local.Disconnect(members, closeConnection)
	}
	return nil
}

func (a *memory) BroadcastWithAck(ctx context.Context, p *parser.Packet, t *Target) ([]Answer, error) {
	if a.closed.Load() {
		return nil, ErrClosed
	}
	if t == nil {
		t = new(Target)
	}
	members := a.Members(t)
	if len(members) == 0 {
		return nil, nil
	}
	answers := make(chan Answer, len(members)) // never blocks who answers
	forget, err := a.local.DeliverWithAck(p, members, t, func(answer Answer) {
		select {
		case answers <- answer:
		default: // one more than there are members
		}
	})
	if err != nil {
		return nil, err
	}
	defer forget()
	return collect(ctx, answers, members)
}

// collect waits for an answer of each member. An answer that is there when the context ends still counts.
func collect(ctx context.Context, answers <-chan Answer, members []Member) ([]Answer, error) {
	var came []Answer
	var lost []string
	for len(came)+len(lost) < len(members) {
		var answer Answer
		select {
		case answer = <-answers:
		default:
			select {
			case answer = <-answers:
			case <-ctx.Done():
				return came, &IncompleteError{Sockets: silent(members, came), Err: ctx.Err()}
			}
		}
		if answer.Lost {
			lost = append(lost, answer.ID)
		} else {
			came = append(came, answer)
		}
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		return came, &IncompleteError{Sockets: lost}
	}
	return came, nil
}

// silent returns the sorted ids of the members that have not answered.
func silent(members []Member, came []Answer) []string {
	answered := make(map[string]struct{}, len(came))
	for _, answer := range came {
		answered[answer.ID] = struct{}{}
	}
	var ids []string
	for _, m := range members {
		if _, ok := answered[m.ID()]; !ok {
			ids = append(ids, m.ID())
		}
	}
	slices.Sort(ids)
	return ids
}

// ServerSideEmit has nobody to reach: the node is alone.
func (a *memory) ServerSideEmit([]byte) error {
	if a.closed.Load() {
		return ErrClosed
	}
	return nil
}

// ServerSideEmitWithAck has nobody to ask.
func (a *memory) ServerSideEmitWithAck(context.Context, []byte) ([]json.RawMessage, error) {
	return nil, a.ServerSideEmit(nil)
}

func (a *memory) ServerCount(context.Context) (int, error) { return 1, nil }
