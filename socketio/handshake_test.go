package socketio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/internal/memnet"
	"github.com/parleyio/parley/socketio"
)

// TestHandshake_MarshalJSON sends what was sent to a server of socket.io 4.8.4 under Node 20, byte by byte, and compares
// what is in socket.handshake there: testdata/handshake.json.
func TestHandshake_MarshalJSON(t *testing.T) {
	data, err := os.ReadFile("testdata/handshake.json")
	must(t, err)
	var cases []struct {
		Name, Target, Auth string
		Headers            []string
		Handshake          map[string]any
	}
	must(t, json.Unmarshal(data, &cases))
	for _, c := range cases {
		bubble(t, c.Name, func(t *testing.T) {
			l := memnet.Listen()
			from := func(ctx context.Context, _, _ string) (net.Conn, error) {
				return l.DialFrom(ctx, netip.MustParseAddr("127.0.0.1"))
			}
			n := serveOn(t, l, from, &http.Server{}, nil)
			arrived := make(chan *socketio.Handshake, 1)
			n.OnConnection(func(_ context.Context, s *socketio.Socket) error {
				arrived <- s.Handshake()
				return nil
			})
			opened := n.sendRaw(t, "GET "+c.Target+" HTTP/1.1\r\n"+strings.Join(c.Headers, "\r\n")+"\r\n\r\n")
			var session struct{ SID string }
			must(t, json.Unmarshal([]byte(strings.TrimPrefix(opened, "0")), &session))
			n.sendRaw(t, fmt.Sprintf("POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: parley.test\r\n"+
				"Connection: close\r\nContent-Length: %d\r\n\r\n40%s", session.SID, 2+len(c.Auth), c.Auth))
			h := <-arrived
			encoded, err := json.Marshal(h)
			if value, _ := json.Marshal(*h); string(value) != string(encoded) {
				t.Errorf("a copy is encoded as %s", value)
			}
			must(t, err)
			var got map[string]any
			must(t, json.Unmarshal(encoded, &got))
			// When it was is another matter, but not how it is said.
			for _, at := range []map[string]any{got, c.Handshake} {
				issued := time.UnixMilli(int64(at["issued"].(float64))).UTC()
				if want := issued.Format("Mon Jan 02 2006 15:04:05") + " GMT+0000 (Coordinated Universal Time)"; at["time"] != want {
					t.Errorf("time %q, want %q", at["time"], want)
				}
			}
			got["time"], got["issued"] = c.Handshake["time"], c.Handshake["issued"]
			for name, want := range c.Handshake {
				if !reflect.DeepEqual(got[name], want) {
					t.Errorf("%s is %v, in the reference %v", name, got[name], want)
				}
				delete(got, name)
			}
			if len(got) > 0 {
				t.Errorf("the reference has no %v", got)
			}
		})
	}
}

// sendRaw sends a request as it is, and returns the body of the answer.
func (n *node) sendRaw(t *testing.T, request string) string {
	t.Helper()
	conn, err := n.dialer(t.Context(), "", "")
	must(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request)
	must(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return string(body)
}
