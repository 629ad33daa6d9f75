package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// members returns the clients of the ledger, by name, with the transport that they use. Clients whose name begins with "cut"
// close their connection every second or two and recover their socket; the others stay connected.
func members() map[string]string {
	return map[string]string{
		"websocket": websocket, "websocket 2": websocket, "polling": polling, "upgrade": upgrade,
		"cut websocket": websocket, "cut polling": polling, "cut upgrade": upgrade,
	}
}

// ledger sends messages between its members until ctx ends, and then waits until all have arrived.
func ledger(ctx context.Context, addr string, c config, t *tracker) {
	listening, stop := context.WithCancel(context.WithoutCancel(ctx)) // longer than sending
	defer stop()
	var joining, sending, all sync.WaitGroup
	joining.Add(len(members()))
	sending.Add(len(members()))
	n := uint64(0)
	for name, kind := range members() {
		n++
		m := &member{name: name, kind: kind, addr: addr, tracker: t, rand: rand.New(rand.NewPCG(c.Seed, n))}
		all.Go(func() { m.run(ctx, listening, &joining, sending.Done) })
	}
	sending.Wait()
	for end := time.Now().Add(c.Settle); t.open() > 0 && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	all.Wait()
}

// member is a client of the ledger.
type member struct {
	name, kind, addr string
	tracker          *tracker
	rand             *rand.Rand

	// mu guards the field below.
	mu     sync.Mutex
	offset string // of the latest event that arrived
}

// run stays connected until listening ends, and sends until ctx ends. It begins when all members are in their rooms, because
// the server drops messages for a room without members.
func (m *member) run(ctx, listening context.Context, joining *sync.WaitGroup, sent func()) {
	done, joined := sync.OnceFunc(sent), sync.OnceFunc(joining.Done)
	defer done()
	defer joined()
	pid := ""
	for listening.Err() == nil {
		c, err := m.connect(listening, pid)
		if err != nil {
			m.tracker.problem("%s: %v", m.name, err)
			return
		}
		if pid != "" && c.id() != pid {
			m.tracker.problem("%s was not recovered", m.name)
		}
		if pid == "" {
			if err := c.call("echo"); err != nil { // handled after OnConnection, which joins the room
				m.tracker.problem("%s: %v", m.name, err)
			}
		}
		pid = c.id()
		joined()
		joining.Wait()
		cut := m.talk(ctx, c)
		if ctx.Err() == nil || cut {
			c.close(false)
			if !cut {
				m.tracker.problem("%s lost its connection unexpectedly", m.name)
			}
			continue
		}
		done()
		select {
		case <-c.over:
			m.tracker.problem("%s lost its connection at the end", m.name)
		case <-listening.Done():
		}
		c.close(false)
		return
	}
}

// connect connects. With a pid it recovers that socket.
func (m *member) connect(ctx context.Context, pid string) (*client, error) {
	auth := map[string]string{"name": m.name}
	if pid != "" {
		auth["pid"] = pid
		m.mu.Lock()
		if m.offset != "" {
			auth["offset"] = m.offset
		}
		m.mu.Unlock()
	}
	return connect(ctx, m.addr, m.kind, auth, m.receive)
}

// receive records a message.
func (m *member) receive(name string, args []any) {
	if name != "message" || len(args) < 4 {
		m.tracker.problem("%s received %.20q with %d arguments", m.name, name, len(args))
		return
	}
	from, _ := args[0].(string)
	number, _ := args[1].(float64)
	m.tracker.arrived(from, m.name, int(number))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.offset = lastText(args)
}

// talk sends bursts of messages to the others until ctx or the connection ends. A "cut" member closes the connection itself,
// at a random moment.
func (m *member) talk(ctx context.Context, c *client) (cut bool) {
	if strings.HasPrefix(m.name, "cut") && ctx.Err() == nil {
		life := 500*time.Millisecond + time.Duration(m.rand.IntN(1500))*time.Millisecond
		reset := m.rand.IntN(2) == 0
		end := time.AfterFunc(life, func() { c.link.close(reset) })
		defer func() { cut = !end.Stop() }()
	}
	pause := time.NewTicker(150 * time.Millisecond)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-c.over:
			return false
		case <-pause.C:
		}
		if err := m.burst(c); errors.Is(err, errOver) {
			return false
		} else if err != nil {
			m.tracker.problem("%s: %v", m.name, err)
		}
	}
}

// burst sends some messages at once, and waits until they are acknowledged.
func (m *member) burst(c *client) error {
	type message struct {
		to     string
		number int
		ack    <-chan struct{}
	}
	var sent []message
	text := strings.Repeat("x", m.rand.IntN(100))
	for to := range members() { // in no order
		if to == m.name || m.rand.IntN(2) == 0 {
			continue
		}
		for range 1 + m.rand.IntN(3) {
			number := m.tracker.next(m.name, to)
			ack, err := c.emit("send", m.name, to, number, text)
			if err != nil {
				break // the message may have arrived all the same
			}
			sent = append(sent, message{to, number, ack})
		}
	}
	for _, s := range sent {
		if err := c.answered(s.ack); err != nil {
			return err
		}
		m.tracker.acknowledged(m.name, s.to, s.number)
	}
	return nil
}
