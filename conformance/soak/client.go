package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

var (
	errOver    = errors.New("the connection is closed")
	errRefused = errors.New("refused")
)

// client is a Socket.IO client in the namespace "/".
type client struct {
	link *link
	on   func(name string, args []any) // handles the events, one after another; may be nil

	joined chan error    // the result of the connect; buffered
	over   chan struct{} // closed when the connection is closed

	// mu guards the fields below.
	mu   sync.Mutex
	pid  string // identifies the socket for recovery
	acks map[uint64]chan struct{}
	next uint64
}

// connect opens a connection and joins "/" with this payload.
func connect(ctx context.Context, addr, kind string, auth map[string]string, on func(string, []any)) (*client, error) {
	l, err := open(ctx, addr, kind)
	if err != nil {
		return nil, fmt.Errorf("connecting over %s: %w", kind, err)
	}
	c := &client{
		link: l, on: on, joined: make(chan error, 1), over: make(chan struct{}), acks: make(map[uint64]chan struct{}),
	}
	go c.read() // ends with the link
	var data []byte
	if auth != nil {
		data, err = payload.MarshalValue(auth)
	}
	if err == nil {
		err = c.send(&parser.Packet{Type: parser.Connect, Data: data})
	}
	if err == nil {
		select {
		case err = <-c.joined:
		case <-c.over:
			err = errOver
		case <-time.After(patience):
			err = errors.New("no answer to the connect")
		}
	}
	if err != nil {
		c.close(false)
		return nil, fmt.Errorf("joining over %s: %w", kind, err)
	}
	return c, nil
}

// read handles messages until the connection ends.
func (c *client) read() {
	defer close(c.over)
	dec := parser.JSON{}.NewDecoder(parser.Limits{})
	for m := range c.link.in {
		p, err := dec.Add(m.Data, m.Binary)
		if err != nil || p != nil && !c.packet(p) {
			c.link.cancel() // further messages are not needed
			return
		}
	}
}

// packet handles a packet. It reports whether to read on.
func (c *client) packet(p *parser.Packet) bool {
	if p.Namespace != "/" {
		return true
	}
	switch p.Type {
	case parser.Connect:
		var reply struct{ PID string }
		err := json.Unmarshal(p.Data, &reply)
		c.mu.Lock()
		c.pid = reply.PID
		c.mu.Unlock()
		c.joined <- err
	case parser.ConnectError:
		c.joined <- errRefused
	case parser.Disconnect:
		return false
	case parser.Ack:
		c.mu.Lock()
		answered := c.acks[p.ID]
		delete(c.acks, p.ID)
		c.mu.Unlock()
		if answered != nil {
			close(answered)
		}
	case parser.Event:
		var args []any
		if json.Unmarshal(p.Data, &args) != nil {
			return false
		}
		if name, ok := args[0].(string); ok && c.on != nil {
			c.on(name, args[1:])
		}
	}
	return true
}

func (c *client) send(p *parser.Packet) error {
	frames, err := parser.JSON{}.Encode(p)
	if err != nil {
		return err
	}
	return c.link.send(frames)
}

// emit sends an event. It returns a channel that is closed when the event is acknowledged.
func (c *client) emit(name string, args ...any) (<-chan struct{}, error) {
	data, attachments, err := payload.MarshalEvent(name, args, nil)
	if err != nil {
		return nil, err
	}
	answered := make(chan struct{})
	c.mu.Lock()
	id := c.next
	c.next++
	c.acks[id] = answered
	c.mu.Unlock()
	return answered, c.send(&parser.Packet{Type: parser.Event, Data: data, Attachments: attachments, ID: id, HasID: true})
}

// call sends an event and waits for its acknowledgement.
func (c *client) call(name string, args ...any) error {
	answered, err := c.emit(name, args...)
	if err != nil {
		return err
	}
	return c.answered(answered)
}

func (c *client) answered(ack <-chan struct{}) error {
	select {
	case <-ack:
		return nil
	case <-c.over:
		return errOver
	case <-time.After(patience):
		return errors.New("no acknowledgement")
	}
}

// id returns the pid, which recovers the socket.
func (c *client) id() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pid
}

// close ends the connection.
func (c *client) close(reset bool) {
	c.link.close(reset)
	<-c.over
}

// lastText returns the last argument if it is a string. In an event that can be recovered it is the offset.
func lastText(args []any) string {
	if len(args) == 0 {
		return ""
	}
	text, _ := args[len(args)-1].(string)
	return text
}
