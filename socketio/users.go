package socketio

import (
	"sync"

	"github.com/parleyio/parley/event"
)

// errTooManyConnections is what a client receives whose user has enough connections.
var errTooManyConnections = &event.Error{Message: "too many connections"}

// users counts the connections of each user.
type users struct {
	mu          sync.Mutex // guards the fields below; connection.mu comes before it
	connections map[string]int
	users       map[*connection][]string // nearly always one
}

// enter counts a connection for a user, once, and reports whether the user may have it.
func (u *users) enter(c *connection, user string, limit int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, known := range u.users[c] {
		if known == user {
			return true
		}
	}
	if u.connections[user] >= limit {
		return false
	}
	if u.users == nil {
		u.connections, u.users = map[string]int{}, map[*connection][]string{}
	}
	u.connections[user]++
	u.users[c] = append(u.users[c], user)
	return true
}

// leave forgets a connection that has ended.
func (u *users) leave(c *connection) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, user := range u.users[c] {
		if u.connections[user]--; u.connections[user] == 0 {
			delete(u.connections, user)
		}
	}
	delete(u.users, c)
}
