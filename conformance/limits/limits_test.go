package limits_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/internal/testing/exampletest"
	"github.com/parleyio/parley/socketio"
)

// limit is the default of MaxPayload.
const limit = 1_000_000

// many is a number of control packets that exceeds the limit of a thousand in a second, whenever the second begins.
const many = 3003

// excess exceeds one limit.
type excess struct {
	only     string // the transports on which it exists; empty means all
	alone    bool   // the client does not join a namespace first
	silent   bool   // the client answers no pings
	slow     bool   // only a deadline shows it
	send     func(c *client)
	reply    string // the reply, if the session must stay open
	end      string // the packet before the end of a websocket, if the protocol defines one
	counters func(s socketio.Stats) int64

	options socketio.Options          // of the server
	handle  func(io *socketio.Server) // registers the handlers that it needs; nil means none
}

func closed(reason engineio.Reason) func(socketio.Stats) int64 {
	return func(s socketio.Stats) int64 { return s.Engine.Closed[reason] }
}

func sends(packets ...string) func(*client) { return func(c *client) { c.send(packets...) } }

func connects(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("40/%d,", i)
	}
	return all
}

const placeholder = `{"_placeholder":true,"num":%d}`

func attachments(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(placeholder, i))
	}
	return fmt.Sprintf(`45%d-["e",%s]`, n, strings.Join(list, ","))
}

const onWebsockets = "websocket upgraded"

var (
	tooLarge = func(s socketio.Stats) int64 { return s.Engine.PayloadTooLarge }
	tooDeep  = func(s socketio.Stats) int64 { return s.TooDeep }
	late     = func(s socketio.Stats) int64 { return s.Engine.ReadTimeouts }
	chunk    = "b" + base64.StdEncoding.EncodeToString(make([]byte, limit*6/10))
)

// excesses are those of a session with a server of default options.
var excesses = map[string]excess{
	"JSON depth": {send: sends(`42["e",` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `]`),
		end: "close", counters: tooDeep},
	"JSON depth of an auth payload": {send: sends(`40/1,{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`),
		end: "close", counters: tooDeep},
	"an event's name": {send: sends(`42["` + strings.Repeat("n", 513) + `"]`),
		end: "close", counters: func(s socketio.Stats) int64 { return s.LongEventNames }},
	"a namespace's name": {send: sends("40/" + strings.Repeat("n", 512) + ","),
		end: "close", counters: func(s socketio.Stats) int64 { return s.LongNamespaceNames }},
	"an acknowledgement's id": {send: sends("42" + strings.Repeat("9", 21) + `["e"]`),
		end: "close", counters: closed(engineio.ParseError)},
	"attachments": {send: sends(attachments(11)),
		end: "close", counters: func(s socketio.Stats) int64 { return s.TooManyAttachments }},
	"bytes of attachments": {send: func(c *client) {
		c.send(attachments(7))
		for range 7 {
			c.send(chunk)
		}
	},
		end: "close", counters: func(s socketio.Stats) int64 { return s.AttachmentsTooLarge }},
	"time for attachments": {send: sends(attachments(1)), slow: true,
		end: "close", counters: func(s socketio.Stats) int64 { return s.LateAttachments }},
	"namespaces": {send: sends(connects(100)...), // and "/"
		reply: `44/99,{"message":"too many namespaces"}`, counters: func(s socketio.Stats) int64 { return s.TooManyNamespaces }},
	"control packets": {send: sends(slices.Repeat([]string{"3"}, many)...),
		end: "close 1008", counters: func(s socketio.Stats) int64 { return s.Engine.TooManyControls }},
	"time for the first namespace": {send: sends(), alone: true, slow: true,
		end: "close", counters: func(s socketio.Stats) int64 { return s.ConnectTimeouts }},
	"time for a pong": {send: sends(), silent: true, slow: true,
		end: "close", counters: closed(engineio.PingTimeout)},

	"a message, announced": {send: func(c *client) { c.header(limit+1, "") }, only: onWebsockets,
		end: "close 1009", counters: tooLarge},
	"a message, of half the address space": {send: func(c *client) { c.header(1<<62, "42") }, only: onWebsockets,
		end: "close 1009", counters: tooLarge},
	"a message in fragments": {send: func(c *client) {
		c.fragment(ws.OpText, false, `42["`+strings.Repeat("x", limit/2))
		c.fragment(ws.OpContinuation, false, strings.Repeat("x", limit/2))
	}, only: onWebsockets, end: "close 1009", counters: tooLarge},
	"fragments": {send: func(c *client) {
		c.fragment(ws.OpText, false, "4")
		for range 1024 {
			c.fragment(ws.OpContinuation, false, "")
		}
	}, only: onWebsockets, end: "close 1008", counters: func(s socketio.Stats) int64 { return s.Engine.TooManyFragments }},
	"pings in frames": {send: func(c *client) {
		c.write(slices.Repeat([]ws.Frame{ws.NewPingFrame(nil)}, many)...)
	}, only: onWebsockets, end: "close 1008", counters: func(s socketio.Stats) int64 { return s.Engine.TooManyControls }},
	"time for a message": {send: func(c *client) { c.header(100, "42[") }, only: onWebsockets, slow: true,
		counters: late},

	"a body": {send: posts(413, fmt.Sprintf("Content-Length: %d\r\n\r\n4%s", limit+1, strings.Repeat("x", limit))),
		only: "polling", reply: "430[5]", counters: tooLarge},
	"a body, announced": {send: posts(413, fmt.Sprintf("Content-Length: %d\r\n\r\n4", int64(1)<<62)),
		only: "polling", reply: "430[5]", counters: tooLarge},
	"a body, announced and begun": {send: posts(413, fmt.Sprintf("Content-Length: %d\r\n\r\n4%s", int64(1)<<62, strings.Repeat("x", limit/10))),
		only: "polling", reply: "430[5]", counters: tooLarge},
	"a body in chunks": {send: posts(413, fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n4%s\r\n", limit+1, strings.Repeat("x", limit))),
		only: "polling", reply: "430[5]", counters: tooLarge},
	"a body, compressed": {send: func(c *client) { // bodies are taken as they are: this one is no packet
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		z.Write(bytes.Repeat([]byte("4"), 10*limit))
		z.Close()
		posts(200, fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", b.Len(), b.String()))(c)
	}, only: "polling", counters: closed(engineio.ParseError)},
	"a binary body": {send: posts(400, "Content-Type: application/octet-stream\r\nContent-Length: 2\r\n\r\n40"),
		only: "polling", counters: closed(engineio.TransportError)},
	"time for a body": {send: posts(400, "Content-Length: 100\r\n\r\n42["), slow: true,
		only: "polling", counters: late},
	"time for a large body": {send: posts(400, "Content-Length: 100000\r\n\r\n42["+strings.Repeat(" ", limit/100)), slow: true,
		only: "polling", counters: late},
	"time for a body in chunks": {send: posts(400, "Transfer-Encoding: chunked\r\n\r\n64\r\n42["), slow: true,
		only: "polling", counters: late},
}

// exceptions are the excesses that have another result in one of the ways, with what they have in common.
var exceptions = map[string]map[string]excess{
	// fasthttp reads the first 8 KiB of a body that is announced before it calls a handler. The time for them is its own
	// ReadTimeout, which ends the request and not the session.
	"fiber": {
		"a body, announced": {send: posts(408, fmt.Sprintf("Content-Length: %d\r\n\r\n4", int64(1)<<62)), slow: true,
			only: "polling", reply: "430[5]", counters: not(tooLarge)},
		"time for a body": {send: posts(408, "Content-Length: 100\r\n\r\n42["), slow: true,
			only: "polling", reply: "430[5]", counters: not(late)},
	},
}

// not wants nothing to be counted.
func not(counters func(socketio.Stats) int64) func(socketio.Stats) int64 {
	return func(s socketio.Stats) int64 { return 1 + counters(s) }
}

// of returns an excess as it is in a way.
func (e excess) of(way, name string) excess {
	if other, ok := exceptions[way][name]; ok {
		return other
	}
	return e
}

// posts sends a POST, from its headers on, and then an event, which is answered if the session lives.
func posts(status int, rest string) func(*client) { return postsTo("", status, rest) }

// postsTo is posts with more of a query.
func postsTo(query string, status int, rest string) func(*client) {
	return func(c *client) {
		if got, body := c.n.raw(c.t, "POST "+path+"polling&sid="+c.sid+query+" HTTP/1.1\r\nHost: parley.test\r\n"+rest); got != status {
			c.t.Errorf("answered with %d %.100q, want %d", got, body, status)
		} else if status == 413 && body != "" {
			c.t.Errorf("413 with the body %.100q", body)
		}
		c.send(say)
	}
}

// exceed runs an excess while another client is connected, which must not be affected.
func exceed(t *testing.T, n *node, transport string, e excess) {
	canary := n.open(t, "websocket", false)
	canary.join()
	c := n.open(t, transport, e.silent)
	if !e.alone {
		c.join()
	}
	sent := make(chan struct{})
	go func() { // the server may stop reading before the end
		defer close(sent)
		e.send(c)
	}()
	var got []string
	for packet := c.next(); packet != ""; packet = c.next() {
		if got = append(got, packet); packet == e.reply {
			break
		}
	}
	<-sent
	end := e.end
	if transport == "polling" {
		end = ""
	}
	switch all := strings.Join(got, "|"); {
	case len(got) == 0 || e.reply == "" && got[len(got)-1] != "end":
		t.Errorf("got %.300q, and the session is still open", all)
	case e.reply != "" && got[len(got)-1] != e.reply:
		t.Errorf("got %.300q, want %q", all, e.reply)
	case e.reply == "" && end != "" && !strings.HasSuffix("|"+all, "|"+end+"|end"):
		t.Errorf("got %.300q, want %q and the end", all, end)
	}
	canary.alive()
	if n.stats == nil {
		return
	}
	synctest.Wait() // a client may see its end before the server counts it
	if got := e.counters(n.stats()); got != 1 {
		t.Errorf("counted %d times: %+v", got, n.stats())
	}
}

// TestLimits runs each excess on each transport of each way in, with a clock of its own.
func TestLimits(t *testing.T) {
	all := maps.Clone(excesses)
	maps.Copy(all, configured)
	for way, mount := range ways {
		for name, e := range all {
			e := e.of(way, name)
			for _, transport := range transports {
				if e.only == "" || strings.Contains(e.only, transport) {
					t.Run(way+"/"+transport+"/"+name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { exceed(t, serve(t, mount, e.options, e.handle), transport, e) })
					})
				}
			}
		}
	}
}

// TestOrigins: every request of a page of another origin is refused.
func TestOrigins(t *testing.T) {
	const evil = "https://evil.example"
	for way, mount := range ways {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, mount, socketio.Options{}, nil)
				victim := n.open(t, "polling", false)
				victim.join()
				headers := append([]string{"Origin", evil}, upgrade...)
				session := "&sid=" + victim.sid
				for _, r := range []struct {
					method, target string
					headers        []string
					status         int
				}{
					{"GET", path + "polling", headers[:2], 403},
					{"OPTIONS", path + "polling", headers[:2], 403},
					{"GET", path + "websocket", headers, 400},
					{"GET", path + "polling" + session, headers[:2], 403},
					{"POST", path + "polling" + session, headers[:2], 403},
					{"GET", path + "websocket" + session, headers, 400},
				} {
					if status, body := n.request(t, r.method, r.target, "", r.headers...); status != r.status {
						t.Errorf("%s %s is answered with %d %q, want %d", r.method, r.target, status, body, r.status)
					}
				}
				victim.alive()
				if got := n.stats().Engine.Refused[engineio.Forbidden]; got != 6 {
					t.Errorf("%d refusals are counted", got)
				}
			})
		})
	}
}

// TestPrograms runs what needs no deadline against the programs in examples, and their own one: the time for headers.
func TestPrograms(t *testing.T) {
	programs, stalled := map[string]*node{}, map[string]net.Conn{}
	for way := range ways {
		n := program(t, exampletest.Start(t, "../../examples/"+way))
		conn, err := n.dial(t.Context(), "tcp", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: parley.test\r\nX-")
		programs[way], stalled[way] = n, conn
	}
	for way, n := range programs {
		for name, e := range excesses {
			e := e.of(way, name)
			for _, transport := range transports {
				if !e.slow && name != "namespaces" && (e.only == "" || strings.Contains(e.only, transport)) {
					t.Run(way+"/"+transport+"/"+name, func(t *testing.T) { exceed(t, n, transport, e) })
				}
			}
		}
	}
	for way, conn := range stalled { // the time has run meanwhile
		t.Run(way+"/time for headers", func(t *testing.T) {
			conn.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("a connection without a request is kept")
			}
		})
	}
}
