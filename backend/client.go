package backend

import "sync"

// Connection is what the [Service] needs of the transport of one connected client. Package realtime implements it with a
// Socket.IO socket. Names of rooms and users are those that clients use.
type Connection interface {
	// ID is unique among all connections and never used again.
	ID() string

	// Connected reports whether the client can still be reached.
	Connected() bool

	// Join makes the connection receive what is for the members of the room; Leave ends that.
	Join(room string) error
	Leave(room string)

	// InRoom reports whether the connection is in the room or, once it has ended, was in it at the end.
	InRoom(room string) bool

	// Members lists the connections in the room, sorted by id.
	Members(room string) []Member

	// User is the user whose connection it is. Empty means that it is nobody's. It is asked once, by [NewClient]: the
	// connection may be one that was restored.
	User() string

	// SetUser makes it a connection of user, which is not empty, and of no other user: it receives what is sent to that user.
	SetUser(user string) error
}

// Client is a connected client as the [Service] knows it. Make it with [NewClient]; the caller keeps it for as long as the
// connection lives, and calls [Service.Disconnected] at the end.
//
// The use cases of one client run one after another: a Client is not safe for concurrent use.
type Client struct {
	conn      Connection
	user      *string         // the connection's user, or nil; replaced, never changed
	rooms     map[string]bool // joined by the client's wish, also after the connection has been taken out of them
	answering bool            // between Begin and End
	held      sync.Locker     // see hold
}

// NewClient returns the Client of a connection.
func NewClient(conn Connection) *Client {
	return &Client{conn: conn, user: optional(conn.User()), rooms: map[string]bool{}}
}

// Principal is the client as the caller of a use case.
func (c *Client) Principal() Principal {
	p := Principal{Client: c}
	if c.user != nil {
		p.User = *c.user
	}
	return p
}

// Begin says that a use case follows whose answer the caller puts into the client's send queue before it calls
// [Client.End]. Until then, other changes of a room that the client joins, or of presence when it comes online, wait: so
// what others change reaches the client behind the answer, and it can apply the one to the other. Without Begin they wait
// until the method has returned.
func (c *Client) Begin() { c.answering = true }

// End says that the answer is in the send queue, or that there is none. It must follow every Begin.
func (c *Client) End() {
	c.answering = false
	c.release()
}

// hold locks l until the client has its answer.
func (c *Client) hold(l sync.Locker) {
	c.release()
	l.Lock()
	c.held = l
}

// returned is deferred by the methods that call hold.
func (c *Client) returned() {
	if !c.answering {
		c.release()
	}
}

func (c *Client) release() {
	if c.held != nil {
		c.held.Unlock()
		c.held = nil
	}
}

// in reports membership, also while what a client sent before it disconnected is still being handled: the connection then
// knows the rooms of its end, and the client which of them it has left since.
func (c *Client) in(room string) bool {
	return c.conn.InRoom(room) && (c.conn.Connected() || c.rooms[room])
}
