package leak

import (
	"net"
	"net/http"
	"os"
	"sync/atomic"
)

// Descriptors counts the open files and sockets of this process. It returns false where the system does not list them.
func Descriptors() (n int, ok bool) {
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if open, err := os.ReadDir(dir); err == nil {
			return len(open) - 1, true // reading the list opens one
		}
	}
	return 0, false
}

// Conns counts the connections that an HTTP server holds: those that wait for a request or serve one. A websocket is not
// among them: Parley took it over. The zero value is ready for use as the server's hook:
//
//	server.ConnState = conns.Changed
type Conns struct{ open atomic.Int64 }

// Changed implements the hook [http.Server.ConnState].
func (c *Conns) Changed(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.open.Add(1)
	case http.StateHijacked, http.StateClosed:
		c.open.Add(-1)
	}
}

// Open returns the number of connections.
func (c *Conns) Open() int { return int(c.open.Load()) }
