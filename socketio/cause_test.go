package socketio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// logged returns options whose log is kept at the default level, and a function that returns its lines. The ids of
// sessions begin with SECRET.
func logged(opts *socketio.Options) (*socketio.Options, func() []string) {
	if opts == nil {
		opts = &socketio.Options{}
	}
	var out bytes.Buffer
	opts.Logger = slog.New(slog.NewTextHandler(&out, nil))
	sessions := 0
	opts.GenerateID = func(*http.Request) (string, error) {
		sessions++
		return fmt.Sprint("SECRET-", sessions), nil
	}
	return opts, func() []string {
		synctest.Wait()
		return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	}
}

// TestCauses: each refusal, and each disconnect that is not an ordinary leave, is one line of the log at the default level,
// with the option that changes it, and without ids. The error of a socket that was connected holds the same.
func TestCauses(t *testing.T) {
	type setup = func(n *node)
	on := func(name string, h event.Handler[*socketio.Socket]) setup { return func(n *node) { n.On(name, h) } }
	nothing := func(*node) {}
	refuse := &event.Error{Code: "who", Message: "who are you?"}
	sends := func(packets ...string) func(*testing.T, *node, *client, *socketio.Socket) {
		return func(_ *testing.T, _ *node, c *client, _ *socketio.Socket) { c.send(packets...) }
	}
	waits := func(before string, d time.Duration) func(*testing.T, *node, *client, *socketio.Socket) {
		return func(_ *testing.T, _ *node, c *client, _ *socketio.Socket) {
			c.send(before)
			time.Sleep(d)
		}
	}
	for name, tt := range map[string]struct {
		opts    socketio.Options
		prepare setup
		do      func(t *testing.T, n *node, c *client, s *socketio.Socket)
		want    []string // parts of the line
		err     string   // part of Socket.Err
	}{
		"unknown namespace": {socketio.Options{}, nothing, sends("40/nope,"),
			[]string{"connection refused: unknown namespace", "nsp=/nope", "Server.Of"}, ""},
		"MaxNamespaces": {socketio.Options{MaxNamespaces: 1}, func(n *node) { n.Of("/b") }, sends("40/b,"),
			[]string{"the client has joined too many namespaces", "nsp=/b", "limit=1", "option=MaxNamespaces"}, ""},
		"MaxChildNamespaces": {socketio.Options{MaxChildNamespaces: 1}, func(n *node) {
			n.OfFunc(func(context.Context, string, json.RawMessage) (bool, error) { return true, nil })
		}, sends("40/a,", "40/b,"), []string{"too many child namespaces", "MaxChildNamespaces is 1", "option=MaxChildNamespaces"}, ""},
		"MaxConnectionsPerUser": {
			socketio.Options{MaxConnectionsPerUser: 1, Identify: func(*socketio.Socket) string { return "ann" }}, nothing,
			func(t *testing.T, n *node, _ *client, _ *socketio.Socket) { n.dial(t).send("40") },
			[]string{"the user has too many connections", "option=MaxConnectionsPerUser"}, ""},
		"a middleware": {socketio.Options{}, func(n *node) {
			n.Of("/b").Use(func(context.Context, *socketio.Socket) error { return refuse })
		}, sends("40/b,"), []string{"connection refused by a middleware", "nsp=/b", `err="who: who are you?"`}, ""},
		"OnConnection": {socketio.Options{}, func(n *node) {
			n.Of("/b").OnConnection(func(context.Context, *socketio.Socket) error { return refuse })
		}, sends("40/b,"), []string{"connection refused by a function of OnConnection", "nsp=/b", `err="who: who are you?"`}, ""},
		"ConnectTimeout": {socketio.Options{ConnectTimeout: time.Second, PingInterval: time.Hour}, nothing,
			func(t *testing.T, n *node, _ *client, _ *socketio.Socket) {
				n.dial(t)
				time.Sleep(time.Second)
			}, []string{"it has joined no namespace in time", "waited=1s", "option=ConnectTimeout"}, ""},
		"heartbeat": {socketio.Options{PingInterval: time.Second, PingTimeout: 2 * time.Second}, nothing,
			func(_ *testing.T, _ *node, c *client, _ *socketio.Socket) {
				c.writing <- struct{}{} // so that it answers nothing
				time.Sleep(3 * time.Second)
				synctest.Wait()
				<-c.writing
			}, []string{"it does not answer the heartbeat", `reason="ping timeout"`, "PingTimeout is 2s", "option=PingTimeout"}, "PingTimeout"},
		"slow": {socketio.Options{SendQueuePackets: 3}, nothing,
			func(_ *testing.T, _ *node, _ *client, s *socketio.Socket) {
				for s.Emit("e", strings.Repeat("x", 100_000)) == nil {
				}
			}, []string{"it does not read fast enough", "SendQueuePackets 3", "SlowConsumer"}, "SendQueuePackets 3"},
		"inbox": {socketio.Options{InboxPackets: 2, MaxPayload: 1000, InboxBytes: 2000},
			on("e", func(ctx context.Context, s *socketio.Socket, _ *event.Message) error {
				_, err := s.EmitWithAck(ctx, "q")
				return err
			}),
			func(_ *testing.T, _ *node, c *client, _ *socketio.Socket) {
				c.flood("/", 0, 100, "")
				takenOver()
			}, []string{"its inbox is full", "InboxBytes is 2000", "option=InboxBytes"}, "InboxBytes"},
		"MaxAttachments": {socketio.Options{MaxAttachments: 1}, nothing, sends(`452-["e"]`),
			[]string{"it has exceeded a limit", `reason="parse error"`, "MaxAttachments is 1", "option=MaxAttachments"}, "MaxAttachments"},
		"MaxDepth": {socketio.Options{MaxDepth: 2}, nothing, sends(`42["e",[[[1]]]]`),
			[]string{"it has exceeded a limit", "MaxDepth is 2", "option=MaxDepth"}, "MaxDepth"},
		"MaxEventName": {socketio.Options{MaxEventName: 2}, nothing, sends(`42["eee"]`),
			[]string{"it has exceeded a limit", "MaxEventName is 2", "option=MaxEventName"}, "MaxEventName"},
		"MaxNamespaceName": {socketio.Options{MaxNamespaceName: 2}, nothing, sends(`40/abc,`),
			[]string{"it has exceeded a limit", "MaxNamespaceName is 2", "option=MaxNamespaceName"}, "MaxNamespaceName"},
		"MaxAttachmentBytes": {socketio.Options{MaxAttachmentBytes: 20}, nothing,
			sends(`452-["e"]`, "<"+strings.Repeat("00", 15)+">", "<"+strings.Repeat("00", 15)+">"),
			[]string{"it has exceeded a limit", "MaxAttachmentBytes is 20", "option=MaxAttachmentBytes"}, "MaxAttachmentBytes"},
		"MaxPayload, websocket": {socketio.Options{MaxPayload: 20}, nothing, sends(`42["e","` + strings.Repeat("x", 20) + `"]`),
			[]string{"it has exceeded a limit", `reason="transport error"`, "MaxPayload is 20", "option=MaxPayload"}, "MaxPayload"},
		"MaxControlPackets": {socketio.Options{MaxControlPackets: 2}, nothing,
			func(t *testing.T, _ *node, c *client, _ *socketio.Socket) {
				for range 10 {
					_ = c.write(ws.OpPong, nil)
				}
			}, []string{"it has exceeded a limit", "option=MaxControlPackets"}, "MaxControlPackets"},
		"MaxFragments": {socketio.Options{MaxFragments: 2}, nothing,
			func(t *testing.T, _ *node, c *client, _ *socketio.Socket) {
				for _, op := range []ws.OpCode{ws.OpText, ws.OpContinuation, ws.OpContinuation} {
					frame, err := ws.CompileFrame(ws.MaskFrame(ws.NewFrame(op, false, []byte("4"))))
					must(t, err)
					_, _ = c.conn.Write(frame)
				}
			}, []string{"it has exceeded a limit", "option=MaxFragments"}, "MaxFragments"},
		"ReadTimeout": {socketio.Options{ReadTimeout: time.Second}, nothing, waits(`451-["e",{"_placeholder":true,"num":0}]`, time.Second),
			[]string{"attachments did not arrive in time", "ReadTimeout is 1s", "option=ReadTimeout"}, "ReadTimeout"},
		"parse error": {socketio.Options{}, nothing, sends(`42{}`),
			[]string{"a packet does not decode", `reason="parse error"`, "payload", "option=Parser"}, "payload"},
		"forced close": {socketio.Options{}, nothing, sends(`42/x,["e"]`),
			[]string{"a packet is out of place", `reason="forced close"`, "not joined"}, "not joined"},
		"transport error": {socketio.Options{}, nothing, sends("2"),
			[]string{"the connection failed", `reason="transport error"`, "heartbeat"}, "heartbeat"},
		"closed by the server": {socketio.Options{}, nothing,
			func(_ *testing.T, _ *node, _ *client, s *socketio.Socket) {
				socketio.AbortSession(s, errors.New("broker is gone"))
			},
			[]string{"the server closed the connection", "broker is gone"}, "broker is gone"},
		"an event without a handler": {socketio.Options{}, nothing, sends(`42["nobody"]`),
			[]string{"event without a handler", "nsp=/", "event=nobody"}, ""},
		"a rate limit": {socketio.Options{OnError: func(context.Context, *socketio.Socket, string, error) {}}, func(n *node) {
			n.UseEvent(func(context.Context, *socketio.Socket, *event.Message) error {
				return &event.Error{Code: event.RateLimited}
			})
		}, sends(`420["e"]`, `42["e"]`), []string{"the client exceeds a rate limit", "event=e", "disconnected=false", "DisconnectAfter"}, ""},
		"a rate limit that disconnects": {socketio.Options{}, func(n *node) {
			n.UseEvent(func(_ context.Context, s *socketio.Socket, _ *event.Message) error {
				s.Disconnect(true)
				return &event.Error{Code: event.RateLimited}
			})
		}, sends(`420["e"]`), []string{"the client exceeds a rate limit", "event=e", "disconnected=true"}, "server namespace disconnect"},
		"a payload that does not fit": {socketio.Options{}, func(n *node) {
			event.On(n, event.Name[int]("count"), func(context.Context, *socketio.Socket, int) error { return nil })
		}, sends(`42["count","many"]`), []string{"its payload does not fit the handler", "event=count", "invalid: ", "OnError"}, ""},
	} {
		bubble(t, name, func(t *testing.T) {
			opts, lines := logged(&tt.opts)
			n := serve(t, opts)
			tt.prepare(n)
			c := n.join(t)
			s := n.socket(t, c, "/")
			tt.do(t, n, c, s)
			got := lines()
			if len(got) != 1 || !strings.Contains(got[0], "level=WARN") {
				t.Fatalf("logged %q, want one warning", got)
			}
			for _, want := range append(tt.want, "option=") {
				if !strings.Contains(got[0], want) {
					t.Errorf("logged %s, without %q", got[0], want)
				}
			}
			if strings.Contains(got[0], "SECRET") || strings.Contains(got[0], s.ID()) {
				t.Errorf("logged an id: %s", got[0])
			}
			if err := s.Err(); (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Err() = %v, want %q in it", err, tt.err)
			}
		})
	}
}

// An ordinary leave has no line, and neither has what the application or a shutdown does.
func TestCauses_ordinary(t *testing.T) {
	for name, leave := range map[string]func(n *node, c *client, s *socketio.Socket){
		"client":     func(_ *node, c *client, _ *socketio.Socket) { c.send("41") },
		"connection": func(_ *node, c *client, _ *socketio.Socket) { c.conn.Close() },
		"server":     func(_ *node, _ *client, s *socketio.Socket) { s.Disconnect(false) },
		"close":      func(_ *node, _ *client, s *socketio.Socket) { s.Disconnect(true) },
		"shutdown":   func(n *node, _ *client, _ *socketio.Socket) { _ = n.Shutdown(context.Background()) },
	} {
		bubble(t, name, func(t *testing.T) {
			opts, lines := logged(nil)
			n := serve(t, opts)
			c := n.join(t)
			leave(n, c, n.socket(t, c, "/"))
			if got := lines(); !slices.Equal(got, []string{""}) {
				t.Errorf("logged %q", got)
			}
		})
	}
}

func TestCauses_rate(t *testing.T) {
	bubble(t, "the first at once, then a count", func(t *testing.T) {
		opts, lines := logged(nil)
		n := serve(t, opts)
		for range 4 {
			n.join(t).send("42{}")
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		n.join(t).send("42{}")
		if got := lines(); len(got) != 2 || !strings.HasSuffix(got[1], " suppressed=3") {
			t.Errorf("logged %q", got)
		}
	})
	bubble(t, "names, each once, at most 100 of them", func(t *testing.T) {
		opts, lines := logged(nil)
		n := serve(t, opts)
		c := n.join(t)
		for i := range 150 {
			c.send(fmt.Sprintf(`42["e%d"]`, i), fmt.Sprintf(`42["e%d"]`, i), fmt.Sprintf("40/n%d,", i), fmt.Sprintf("40/n%d,", i))
		}
		c.came()
		if got := lines(); len(got) != 200 {
			t.Errorf("%d lines", len(got))
		}
	})
	bubble(t, "Shutdown logs the counts", func(t *testing.T) {
		opts, lines := logged(nil)
		n := serve(t, opts)
		for range 3 {
			n.join(t).send("42{}")
			synctest.Wait()
		}
		_ = n.Shutdown(context.Background())
		if got := lines(); len(got) != 2 || !strings.HasSuffix(got[1], " suppressed=2") {
			t.Errorf("logged %q", got)
		}
	})
}

// TestTroubleshooting compares the page with the source: each line that the page explains is logged, and each message of
// cause.go is on the page.
func TestTroubleshooting(t *testing.T) {
	page, err := os.ReadFile("../docs/troubleshooting.md")
	must(t, err)
	var source []byte
	for _, pattern := range []string{"*.go", "../engineio/*.go"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				text, err := os.ReadFile(name)
				must(t, err)
				source = append(source, text...)
			}
		}
	}
	for _, m := range regexp.MustCompile("`(?:cause=|message=\")([^`\"]+)\"?`").FindAllSubmatch(page, -1) {
		if !bytes.Contains(source, []byte(`"`+string(m[1])+`"`)) {
			t.Errorf("no line has %q", m[1])
		}
	}
	source = regexp.MustCompile(`" \+\s+"`).ReplaceAll(source, nil) // long messages
	quoted := regexp.MustCompile("`msg=\"([^`…]+)\"`").FindAllSubmatch(page, -1)
	if len(quoted) < 10 {
		t.Errorf("the page has %d lines", len(quoted))
	}
	for _, q := range quoted {
		if !bytes.Contains(source, []byte(`"`+string(q[1])+`"`)) {
			t.Errorf("nothing logs %q", q[1])
		}
	}
	causes, err := os.ReadFile("cause.go")
	must(t, err)
	constants, _, _ := bytes.Cut(causes, []byte("// causeError"))
	for _, m := range regexp.MustCompile(`= "(.+)"`).FindAllSubmatch(constants, -1) {
		if !bytes.Contains(page, []byte("`msg=\""+string(m[1])+"\"`")) {
			t.Errorf("the page does not explain %q", m[1])
		}
	}
}
