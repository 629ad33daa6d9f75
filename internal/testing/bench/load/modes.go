package load

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// connect measures the opening of connections, each a websocket that joins a namespace.
func (r *runner) connect() error {
	if err := r.begin(); err != nil {
		return err
	}
	if err := r.join(r.config.Dialing); err != nil {
		return err
	}
	r.count = r.config.Clients
	return r.end("connections")
}

// idling measures the memory of connections on which nothing happens.
func (r *runner) idling() error {
	if err := r.join(r.config.Dialing); err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return err
	}
	if err := r.pass("settling", r.config.Settle, nil); err != nil {
		return err
	}
	r.count = r.config.Clients
	return r.end("connections")
}

// storm measures how long it takes until all clients are back that were cut off at the same moment.
func (r *runner) storm() error {
	if err := r.join(r.config.Dialing); err != nil {
		return err
	}
	if err := r.pass("settling", min(time.Second, r.config.Settle), nil); err != nil {
		return err
	}
	r.result.Refused, r.result.Note = 0, ""
	for _, c := range r.clients {
		c.link.abort()
	}
	r.joined = 0
	if err := r.begin(); err != nil {
		return err
	}
	err := r.join(len(r.clients))
	if missing := len(r.clients) - r.joined; errors.Is(err, errTimeout) { // a storm that the server does not handle in time is a result too
		r.result.Refused += missing
		r.result.Note = fmt.Sprintf("%d clients had not reconnected when the time was over", missing)
	} else if err != nil {
		return err
	}
	r.count = r.joined
	return r.end("connections")
}

// echo measures events that the server sends back; each client has a number of them outstanding.
func (r *runner) echo() error {
	return r.answers(clientFrame(`42["echo","`+filler(r.config.Size)+`"]`), echoed)
}

// ack measures acknowledgements. Their id is always the same, which the server does not mind.
func (r *runner) ack() error {
	return r.answers(clientFrame(`427["ack","`+filler(r.config.Size)+`"]`), []byte("437["))
}

// echoed is how the answer of echo begins.
var echoed = []byte(`42["echo",`)

func filler(size int) string { return strings.Repeat("x", size) }

// answers measures messages whose answers begin with what is given.
func (r *runner) answers(frame, answer []byte) error {
	r.result.Window, r.result.Size = r.config.Window, r.config.Size
	if err := r.join(r.config.Dialing); err != nil {
		return err
	}
	r.message = func(c *client, p []byte) {
		if !bytes.HasPrefix(p, answer) || !c.waiting() {
			return
		}
		at := c.answered()
		if r.measuring {
			r.count++
			r.latencies.add(r.now.Sub(at))
		}
		c.note(r.now)
		c.queue(frame)
	}
	for _, c := range r.clients {
		now := time.Now()
		burst := make([]byte, 0, len(frame)*r.config.Window)
		for range r.config.Window {
			c.note(now)
			burst = append(burst, frame...)
		}
		c.send(burst)
	}
	return r.measure("messages", r.config.Warmup, nil)
}

// tokenSize is the number of digits at the front of a group's payload that say which message it is.
const (
	tokenSize = 6
	mostSlots = 1_000_000
)

// groups are messages to many: each is outstanding until all its receivers have it.
type groups struct {
	run    *runner
	prefix []byte // of what arrives, in front of the token
	slots  []group
	send   func(slot int) // sends the slot's next message
	paced  bool           // the next one does not wait for this one
}

type group struct {
	at        time.Time
	receivers int
	missing   int
}

// received counts one delivery.
func (g *groups) received(_ *client, p []byte) {
	token, ok := bytes.CutPrefix(p, g.prefix)
	if !ok || len(token) < tokenSize {
		return
	}
	slot := 0
	for _, digit := range token[:tokenSize] {
		slot = slot*10 + int(digit-'0')
	}
	if slot < 0 || slot >= len(g.slots) {
		return
	}
	s := &g.slots[slot]
	if g.run.measuring {
		g.run.count++
		g.run.latencies.add(g.run.now.Sub(s.at))
	}
	if s.missing--; s.missing == 0 && !g.paced {
		g.send(slot)
	}
}

// payload is what a message of a slot carries.
func (r *runner) payload(slot int) string {
	return fmt.Sprintf("%0*d", tokenSize, slot) + filler(r.config.Size-tokenSize)
}

// broadcast measures events to all clients. The first sends them.
func (r *runner) broadcast() error {
	r.result.Window, r.result.Size = r.config.Window, r.config.Size
	if err := r.join(r.config.Dialing); err != nil {
		return err
	}
	g := &groups{run: r, prefix: []byte(`42["bc","`), slots: make([]group, r.config.Window)}
	frames := make([][]byte, len(g.slots))
	for i := range g.slots {
		g.slots[i].receivers = len(r.clients)
		frames[i] = clientFrame(`42["bc","` + r.payload(i) + `"]`)
	}
	g.send = func(slot int) {
		s := &g.slots[slot]
		s.at, s.missing = time.Now(), s.receivers
		r.clients[0].send(frames[slot])
	}
	r.message = g.received
	for i := range g.slots {
		g.send(i)
	}
	return r.measure("deliveries", r.config.Warmup, nil)
}

// rooms measures events to rooms that are chosen by chance; any client sends them.
func (r *runner) rooms() error {
	r.result.Window, r.result.Size, r.result.Rooms = r.config.Window, r.config.Size, r.config.Rooms
	if err := r.join(r.config.Dialing); err != nil {
		return err
	}
	err := r.enter(r.clients, func(i int) string { return fmt.Sprint("r", i%r.config.Rooms) })
	if err != nil {
		return err
	}
	g := &groups{run: r, prefix: []byte(`42["room","`), slots: make([]group, r.config.Window)}
	random := rand.New(rand.NewPCG(1, 2)) // the same rooms in every run
	g.send = func(slot int) {
		room := random.IntN(r.config.Rooms)
		s := &g.slots[slot]
		s.receivers = len(r.clients) / r.config.Rooms
		if room < len(r.clients)%r.config.Rooms {
			s.receivers++
		}
		s.at, s.missing = time.Now(), s.receivers
		sender := r.clients[random.IntN(len(r.clients))]
		sender.send(clientFrame(fmt.Sprintf(`42["room","r%d","%s"]`, room, r.payload(slot))))
	}
	r.message = g.received
	for i := range g.slots {
		g.send(i)
	}
	return r.measure("deliveries", r.config.Warmup, nil)
}

// enter has each of the clients join its room, and waits until all have.
func (r *runner) enter(clients []*client, room func(i int) string) error {
	entered := 0
	r.message = func(_ *client, p []byte) {
		if bytes.HasPrefix(p, []byte("431[")) {
			entered++
		}
	}
	for i, c := range clients {
		c.send(clientFrame(fmt.Sprintf(`421["join","%s"]`, room(i))))
	}
	return r.until("joining rooms", r.config.Timeout, func() bool { return entered == len(clients) })
}

// slowPart says which part of the clients is slow: one of so many.
const slowPart = 10

// The messages that fill what is between a server and a client that does not read: together more than the 4 MB that Linux
// keeps for a connection, and little enough for a server that bounds what it keeps itself.
const (
	fillSize  = 64_000
	fillCount = 90
)

// fill has the server send so much to a room of clients that do not read that it has to keep what comes next itself.
func (r *runner) fill(room string) error {
	filled := false
	r.message = func(_ *client, p []byte) { filled = filled || bytes.HasPrefix(p, []byte("438[")) }
	sender := r.clients[0]
	frame := clientFrame(fmt.Sprintf(`42["room","%s","%s"]`, room, filler(fillSize)))
	for range fillCount {
		sender.send(frame)
	}
	sender.send(clientFrame(`428["ack"]`)) // answered after all frames before it
	return r.until("filling", r.config.Timeout, func() bool { return filled })
}

// slow measures a steady stream of broadcasts, first to clients that all read, then while a tenth of them does not, and what
// is between the server and them is full.
func (r *runner) slow() error {
	r.result.Size = r.config.Size
	if err := r.join(r.config.Dialing); err != nil {
		return err
	}
	const room = "slow"
	slow := r.clients[len(r.clients)-len(r.clients)/slowPart:]
	if err := r.enter(slow, func(int) string { return room }); err != nil {
		return err
	}
	if err := r.stream(3 * r.config.Warmup); err != nil { // the server is still handling the joins
		return err
	}
	before := r.result.P99
	for _, c := range slow {
		c.paused = true
		c.link.pause()
	}
	if err := r.fill(room); err != nil {
		return err
	}
	if err := r.stream(r.config.Warmup); err != nil {
		return err
	}
	r.result.P99Before = before
	return nil
}

// stream measures broadcasts at a steady rate.
func (r *runner) stream(warmup time.Duration) error {
	g := &groups{run: r, prefix: []byte(`42["bc","`), slots: make([]group, 1000), paced: true}
	frames := make([][]byte, len(g.slots))
	for i := range g.slots {
		frames[i] = clientFrame(`42["bc","` + r.payload(i) + `"]`)
	}
	r.message = g.received
	interval := time.Second / time.Duration(r.config.Rate)
	next, slot := time.Now(), 0
	return r.measure("deliveries", warmup, func(now time.Time) {
		if now.After(next) {
			next = next.Add(interval)
			g.slots[slot].at = now
			r.clients[0].send(frames[slot])
			slot = (slot + 1) % len(g.slots)
		}
	})
}
