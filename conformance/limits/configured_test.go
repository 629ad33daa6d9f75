package limits_test

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// configured has an excess for each limit that is off by default, is so high that a test lowers it, or needs a handler of the
// application to be exceeded.
var configured = map[string]excess{
	"connections": {options: socketio.Options{MaxConnections: 2}, send: another,
		reply: "430[5]", counters: func(s socketio.Stats) int64 { return s.Engine.TooManyConnections }},
	"connections of an address": {options: socketio.Options{MaxConnectionsPerIP: 2}, send: another,
		reply: "430[5]", counters: func(s socketio.Stats) int64 { return s.Engine.TooManyConnectionsPerIP }},
	"connections in a second": {options: socketio.Options{Admission: engineio.Admission{Rate: 0.001, Burst: 2}}, send: another,
		reply: "430[5]", counters: func(s socketio.Stats) int64 { return s.Engine.NotAdmitted }},
	"connections of a user": { // the other client has the first connection
		options: socketio.Options{MaxConnectionsPerUser: 1, Identify: func(*socketio.Socket) string { return "somebody" }},
		alone:   true, send: sends("40"), reply: `44{"message":"too many connections"}`,
		counters: func(s socketio.Stats) int64 { return s.TooManyConnectionsPerUser }},
	"children of a namespace": {options: socketio.Options{MaxChildNamespaces: 1},
		handle: func(io *socketio.Server) { io.OfPattern(regexp.MustCompile("^/child-")) },
		send: func(c *client) {
			c.send("40/child-1,")
			time.Sleep(time.Second) // the server joins each on a new goroutine
			c.send("40/child-2,")
		}, reply: `44/child-2,{"message":"too many namespaces"}`,
		counters: func(s socketio.Stats) int64 { return s.TooManyNamespaces }},

	"rooms": {handle: joins, send: sends(`420["join",["r` + strings.Join(numbers(10_001), `","r`) + `"]]`),
		reply: "430[false]", counters: func(s socketio.Stats) int64 { return s.TooManyRooms }},
	"a room's name": {handle: joins, send: sends(`420["join",["` + strings.Repeat("r", 513) + `"]]`),
		reply: "430[false]", counters: func(s socketio.Stats) int64 { return s.LongRoomNames }},
	"acknowledgements": {options: socketio.Options{MaxAcks: 1}, handle: asks, send: sends(`420["ask",2]`),
		reply: "430[true]", counters: func(s socketio.Stats) int64 { return s.TooManyAcks }},
	"events that wait": {options: socketio.Options{InboxPackets: 1}, handle: waits,
		send:  eachOf(`42["wait","1"]`, `42["wait","2"]`, `42["wait","3"]`, say),
		reply: "430[5]", counters: stalled},
	"bytes of events that wait": {options: socketio.Options{InboxBytes: limit}, handle: waits,
		send:  eachOf(`42["wait",""]`, large, large, say),
		reply: "430[5]", counters: stalled},

	"packets that are not read": {options: socketio.Options{SendQueuePackets: 50}, handle: floods, send: reads(false),
		counters: closed(engineio.SlowConsumer)},
	"bytes that are not read": {options: socketio.Options{SendQueueBytes: limit}, handle: floods, send: reads(false),
		counters: closed(engineio.SlowConsumer)},
	"time for a write": {handle: floods, send: reads(true),
		counters: func(s socketio.Stats) int64 { return s.Engine.WriteTimeouts }},
	"time for an upgrade": {send: func(c *client) {
		probe := &client{t: c.t, n: c.n}
		io.Copy(io.Discard, probe.dial("&sid="+c.sid)) // until the server closes it
		c.send(say)
	}, only: "polling", reply: "430[5]", counters: func(s socketio.Stats) int64 { return s.Engine.UpgradeTimeouts }},

	"a message, compressed": {options: socketio.Options{PerMessageDeflate: &engineio.Deflate{}}, send: func(c *client) {
		frame := ws.NewTextFrame(deflated(10 * limit))
		frame.Header.Rsv = ws.Rsv(true, false, false)
		c.write(frame)
	}, only: onWebsockets, end: "close 1009", counters: tooLarge},
	"a form": {options: socketio.Options{AllowJSONP: true},
		send: postsTo("&j=0", 413, fmt.Sprintf("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\nd=4%s",
			limit+1, strings.Repeat("x", limit-2))),
		only: "polling", reply: "430[5]", counters: tooLarge},
}

var large = `42["wait","` + strings.Repeat("x", limit*6/10) + `"]`

func numbers(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	return all
}

// stalled is 1 if reading has stopped, however often.
func stalled(s socketio.Stats) int64 { return min(s.InboxStalls, 1) }

// eachOf sends packets one by one, on polling too.
func eachOf(packets ...string) func(*client) {
	return func(c *client) {
		for _, p := range packets {
			c.send(p)
		}
	}
}

// another requests one more session on the client's transport. The answer must be 503 with Retry-After.
func another(c *client) {
	target, headers := path+"polling", []string(nil)
	if c.conn != nil {
		target, headers = path+"websocket", upgrade
	}
	response, text := c.n.do(c.t, "GET", target, "", headers...)
	if response == nil || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "5" {
		c.t.Errorf("one more session is answered with %+v %q", response, text)
	}
	c.send(say)
}

// joins registers an event with which a client joins rooms.
func joins(io *socketio.Server) {
	event.OnWithAck(io, event.WithAck[[]string, bool]("join"), func(_ context.Context, s *socketio.Socket, rooms []string) (bool, error) {
		return s.Join(rooms...) == nil, nil
	})
}

// asks registers an event for which the server asks the client n questions at once. The answer says whether one of them
// failed with ErrTooManyAcks.
func asks(io *socketio.Server) {
	event.OnWithAck(io, event.WithAck[int, bool]("ask"), func(ctx context.Context, s *socketio.Socket, n int) (bool, error) {
		ctx, cancel := context.WithCancel(ctx) // the others end when the first has ended
		defer cancel()
		failed := make(chan error, n)
		for range n {
			go func() {
				_, err := s.EmitWithAck(ctx, "question")
				failed <- err
			}()
		}
		return errors.Is(<-failed, socketio.ErrTooManyAcks), nil
	})
}

// waits registers an event whose handler takes a second.
func waits(io *socketio.Server) {
	event.On(io, event.Name[string]("wait"), func(context.Context, *socketio.Socket, string) error {
		time.Sleep(time.Second)
		return nil
	})
}

// floods registers an event for which the server sends 2 MB, more than a connection buffers.
func floods(io *socketio.Server) {
	event.On(io, event.Name[string]("flood"), func(_ context.Context, s *socketio.Socket, _ string) error {
		for range 100 {
			if err := s.Emit("news", strings.Repeat("x", 20_000)); err != nil {
				return err
			}
		}
		return nil
	})
}

// reads makes the server flood the client, which then reads nothing for longer than WriteTimeout. With begins, a polling
// client sends a poll before and does not read its answer.
func reads(begins bool) func(*client) {
	return func(c *client) {
		c.gate <- struct{}{}
		defer func() { <-c.gate }()
		c.send(say) // its acknowledgement answers the waiting poll
		time.Sleep(time.Second)
		c.send(`42["flood",""]`)
		time.Sleep(time.Second)
		if begins && c.conn == nil {
			poll, err := c.n.dial(c.t.Context(), "tcp", "parley.test:80")
			if err != nil {
				c.t.Error(err)
				return
			}
			defer poll.Close()
			fmt.Fprintf(poll, "GET %spolling&sid=%s HTTP/1.1\r\nHost: parley.test\r\n\r\n", path, c.sid)
		}
		time.Sleep(20 * time.Second)
	}
}

// deflated returns a compressed message of n bytes.
func deflated(n int) []byte {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestSpeed)
	z.Write(bytes.Repeat([]byte("4"), n))
	z.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
}
