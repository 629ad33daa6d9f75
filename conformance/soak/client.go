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
	errOver    = errors.New("the connection is over")
	errRefused = errors.New("refused")
)

// client is a Socket.IO client in the namespace "/".
type client struct {
	link *link
	told func(name string, args []any) // is given the events, one after another; may be nil

	joined chan error    // what became of the connect; buffered
	over   chan struct{} // closed when the connection is

	// mu guards the fields below.
	mu   sync.Mutex
	pid  string // what brings the socket back
	acks map[uint64]chan struct{}
	next uint64
}

// connect opens a connection and joins "/" with this payload.
func connect(ctx context.Context, addr, kind string, auth map[string]string, told func(string, []any)) (*client, error) {
	l, err := open(ctx, addr, kind)
	if err != nil {
		return nil, fmt.Errorf("connecting over %s: %w", kind, err)
	}
	c := &client{
		link: l, told: told, joined: make(chan error, 1), over: make(chan struct{}), acks: make(map[uint64]chan struct{}),
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
			err = errors.New("the connect is not answered")
		}
	}
	if err != nil {
		c.close(false)
		return nil, fmt.Errorf("joining over %s: %w", kind, err)
	}
	return c, nil
}

// read takes what comes, until the connection ends.
func (c *client) read() {
	defer close(c.over)
	dec := parser.JSON{}.NewDecoder(parser.Limits{})
	for m := range c.link.in {
		p, err := dec.Add(m.Data, m.Binary)
		if err != nil || p != nil && !c.packet(p) {
			c.link.cancel() // what else comes, nobody wants
			return
		}
	}
}

// packet takes a packet. It reports whether to go on.
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
		if name, ok := args[0].(string); ok && c.told != nil {
			c.told(name, args[1:])
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

// emit sends an event. The channel that it returns is closed when the event is acknowledged.
func (c *client) emit(name string, args ...any) (<-chan struct{}, error) {
	data, attachments, err := payload.MarshalEvent(name, args)
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
		return errors.New("an event is not acknowledged")
	}
}

// id returns what brings the socket back.
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

// lastText is the last argument if it is a text: the offset, in an event that can be recovered.
func lastText(args []any) string {
	if len(args) == 0 {
		return ""
	}
	text, _ := args[len(args)-1].(string)
	return text
}
