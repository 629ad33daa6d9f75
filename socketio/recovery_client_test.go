package socketio_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/socketio"
)

// ticket is what a client keeps in order to have its socket again.
type ticket struct {
	SID    string `json:"-"`
	PID    string `json:"pid"`
	Offset string `json:"offset,omitempty"`
}

func (k ticket) auth() string {
	auth, _ := json.Marshal(k)
	return string(auth)
}

// behind returns the ticket of a client that has received these messages.
func (k ticket) behind(messages ...string) ticket {
	for _, m := range messages {
		if offset := offsetAtEnd.FindStringSubmatch(m); offset != nil {
			k.Offset = offset[1]
		}
	}
	return k
}

// offsetAtEnd finds the offset of an event.
var offsetAtEnd = regexp.MustCompile(`[\[,]"([0-9a-z]+\.[0-9a-z]+)"\]$`)

// masked puts a star in the place of offsets.
func masked(messages []string) []string {
	all := make([]string, len(messages))
	for i, m := range messages {
		if all[i] = m; offsetAtEnd.MatchString(m) {
			all[i] = m[:strings.LastIndexByte(m[:len(m)-2], '"')] + `"*"]`
		}
	}
	return all
}

// ticketOf reads the reply to a connect.
func ticketOf(t testing.TB, reply string) ticket {
	t.Helper()
	var k struct{ SID, PID string }
	_, text, _ := strings.Cut(reply, "{")
	if err := json.Unmarshal([]byte("{"+text), &k); err != nil || len(k.SID) != 20 || len(k.PID) != 20 || k.SID == k.PID {
		t.Fatalf("got %q, want sid and pid", reply)
	}
	return ticket{SID: k.SID, PID: k.PID}
}

// enter joins a namespace and returns the ticket and what came before the reply.
func (c *client) enter(namespace, auth string) (ticket, []string) {
	c.t.Helper()
	c.send(packet("40", namespace) + auth)
	var before []string
	for {
		m := c.next()
		if strings.HasPrefix(m, packet("40", namespace)+"{") {
			k := ticketOf(c.t, m).behind(before...)
			c.sid = k.SID
			return k, before
		}
		before = append(before, m)
	}
}

// cut ends the connection, and waits until the server knows.
func (c *client) cut() {
	c.conn.Close()
	synctest.Wait()
}

// back returns with a ticket on a new connection.
func (n *node) back(t testing.TB, k ticket) (*client, ticket, []string) {
	t.Helper()
	c := n.dial(t)
	again, before := c.enter("/", k.auth())
	return c, again, before
}

// recovering starts a server with recovery and lets a client in.
func recovering(t *testing.T, r *socketio.Recovery) (*node, *client, ticket) {
	t.Helper()
	n := serve(t, &socketio.Options{Recovery: r, SendQueueBytes: 100_000})
	c := n.dial(t)
	k, _ := c.enter("/", "")
	return n, c, k
}

// must fails the test for an error of a call.
func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// continues checks whether a client has its socket again.
func continues(t testing.TB, before, after ticket, want bool) {
	t.Helper()
	if before.SID == after.SID != want || before.PID == after.PID != want {
		t.Errorf("continued: %v %v, want %v", before.SID == after.SID, before.PID == after.PID, want)
	}
}
