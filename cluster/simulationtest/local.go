package simulationtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/parser"
)

// space is a namespace on one run of a node: the engine's Local. It takes the place of the server: what is delivered lies
// in the queues of sockets until their clients read it.
type space struct {
	run     *run
	name    string
	adapter *cluster.Adapter

	// mu guards the fields below, and those of the sockets.
	mu      sync.Mutex
	sockets map[string]*socket
	last    cluster.Position // of the last recoverable packet that was delivered
	asked   []*asked
	events  []*serverEvent
}

// socket is a member.
type socket struct {
	space    *space
	life     *life
	progress cluster.Progress

	// Guarded by space.mu.
	queue  []receipt
	closed string // why the connection was closed by the server; empty while it stands
	out    bool   // it was taken out of the namespace
}

// asked is a question that a socket has not answered yet.
type asked struct {
	socket *socket
	label  int
	answer func(cluster.Answer)
}

// serverEvent is an event of another node that wants an answer.
type serverEvent struct {
	text   string
	answer func(json.RawMessage)
}

// ID implements cluster.Member.
func (s *socket) ID() string { return s.life.id }

// Progress implements cluster.Member.
func (s *socket) Progress() *cluster.Progress { return &s.progress }

// Deliver implements cluster.Local.
func (s *space) Deliver(p *parser.Packet, members []cluster.Member, _ *cluster.Target) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.readLocked(p)
	if !ok {
		return nil
	}
	if r.hasOffset {
		if r.at.Compare(s.last) <= 0 {
			s.run.node.w.faultf("%s delivered offset %v of %s after %v", s.run.id, r.at, s.name, s.last)
		}
		s.last = r.at
	}
	s.pushLocked(r, members)
	return nil
}

// readLocked returns what a packet says.
func (s *space) readLocked(p *parser.Packet) (receipt, bool) {
	label, offset, err := readPacket(p)
	if err != nil {
		s.run.node.w.faultf("%s delivered a bad packet: %v", s.run.id, err)
		return receipt{}, false
	}
	r := receipt{label: label, offset: offset}
	if offset != "" {
		if r.at, r.hasOffset = s.run.record.ParseOffset(offset); !r.hasOffset {
			s.run.node.w.faultf("%s delivered a strange offset: %s", s.run.id, p.Data)
		}
	}
	return r, true
}

func (s *space) pushLocked(r receipt, members []cluster.Member) {
	if len(members) == 0 {
		s.run.node.w.faultf("%s: delivered to an empty list of members", s.run.id)
	}
	for _, m := range members {
		m := m.(*socket)
		m.queue = append(m.queue, r)
	}
}

// Describe implements cluster.LocalQueries.
func (s *space) Describe(members []cluster.Member) []cluster.SocketInfo {
	var infos []cluster.SocketInfo
	for _, m := range members {
		infos = append(infos, cluster.SocketInfo{
			ID: m.ID(), Rooms: s.adapter.Rooms(m.ID()), Handshake: json.RawMessage(`{}`), Data: json.RawMessage(`{}`),
		})
	}
	return infos
}

// Join implements cluster.LocalQueries.
func (s *space) Join(members []cluster.Member, rooms ...string) {
	w := s.run.node.w
	for _, m := range members {
		m := m.(*socket)
		w.change(m, func(l *life, step int) {
			for _, room := range rooms {
				l.room(room).joining(step)
			}
		})
		if s.adapter.Join(m.ID(), rooms...) == nil {
			w.change(m, func(l *life, step int) {
				for _, room := range rooms {
					l.room(room).joined(step)
				}
			})
		}
	}
}

// Leave implements cluster.LocalQueries.
func (s *space) Leave(members []cluster.Member, rooms ...string) {
	w := s.run.node.w
	for _, m := range members {
		m := m.(*socket)
		w.change(m, func(l *life, step int) {
			for _, room := range rooms {
				l.room(room).leaving(step)
			}
		})
		s.adapter.Leave(m.ID(), rooms...)
		w.change(m, func(l *life, step int) {
			for _, room := range rooms {
				l.room(room).left(step)
			}
		})
	}
}

// Disconnect implements cluster.LocalQueries.
func (s *space) Disconnect(members []cluster.Member, _ bool) {
	for _, m := range members {
		m := m.(*socket)
		if s.takeOut(m) {
			s.adapter.Remove(m.ID())
			s.run.node.w.change(m, func(l *life, step int) { l.out(step) })
		}
		s.adapter.Drop(m, func() { s.close(m, "disconnected") }) // so that the client does not come back
	}
}

// takeOut reports whether a socket has to be taken out of its namespace: a newer one may have taken its place.
func (s *space) takeOut(m *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.out = true
	if s.sockets[m.ID()] != m {
		return false
	}
	delete(s.sockets, m.ID())
	return true
}

// remove takes a socket out of its namespace for good.
func (s *space) remove(m *socket, why string) {
	if s.takeOut(m) {
		s.adapter.Remove(m.ID())
		s.run.node.w.change(m, func(l *life, step int) { l.out(step) })
	}
	s.close(m, why)
}

// Data implements cluster.LocalSessions.
func (s *space) Data(m cluster.Member) json.RawMessage {
	return m.(*socket).life.data()
}

// Supersede implements cluster.LocalSessions.
func (s *space) Supersede(m cluster.Member) {
	s.suspend(m.(*socket), "superseded")
}

// Reset implements cluster.LocalSessions.
func (s *space) Reset(members []cluster.Member) {
	for _, m := range members {
		m := m.(*socket)
		s.close(m, "reset")
		s.run.node.w.begin("end of "+m.ID(), func() { s.suspend(m, "reset") })
	}
}

// Expired implements cluster.LocalSessions.
func (s *space) Expired(id string) {
	w := s.run.node.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.run.dead {
		return
	}
	w.notef("%s says that %s is over", s.run.id, id)
	if w.expired[id] {
		w.faultf("%s says that %s is over, which was said before", s.run.id, id)
	}
	w.expired[id] = true
}

// close closes the connection of a socket; what it has not read is lost.
func (s *space) close(m *socket, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.closed != "" {
		return
	}
	s.run.node.w.notef("connection of %s on %s: %s", m.life.name, s.run.id, why)
	m.closed = why
	s.asked = slices.DeleteFunc(s.asked, func(a *asked) bool {
		if a.socket == m {
			a.answer(cluster.Answer{ID: m.ID(), Lost: true})
		}
		return a.socket == m
	})
}

// DeliverWithAck implements cluster.LocalQueries.
func (s *space) DeliverWithAck(
	p *parser.Packet, members []cluster.Member, _ *cluster.Target, answered func(cluster.Answer),
) (forget func(), err error) {
	w := s.run.node.w
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.readLocked(p)
	if !ok {
		return nil, fmt.Errorf("bad packet")
	}
	s.pushLocked(r, members)
	for _, m := range members {
		if m := m.(*socket); m.closed != "" {
			answered(cluster.Answer{ID: m.ID(), Lost: true})
		} else {
			s.asked = append(s.asked, &asked{m, r.label, answered})
		}
	}
	w.forgets.Add(1)
	return func() {
		w.forgets.Add(-1)
		s.mu.Lock()
		defer s.mu.Unlock()
		// Answered is a function, so that questions are known by their label.
		s.asked = slices.DeleteFunc(s.asked, func(a *asked) bool { return a.label == r.label })
	}, nil
}

// ServerEvent implements cluster.LocalQueries.
func (s *space) ServerEvent(data []byte, answer func(json.RawMessage)) {
	if answer == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, &serverEvent{string(data), answer})
}

// movements returns what clients and the application can do next: read, answer.
func (s *space) movements() []movement {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []movement
	for _, a := range s.asked {
		if !a.socket.reads() {
			continue
		}
		all = append(all, movement{fmt.Sprintf("client %s answers #%d", a.socket.ID(), a.label), func() {
			s.mu.Lock()
			waits := slices.Contains(s.asked, a)
			s.asked = slices.DeleteFunc(s.asked, func(of *asked) bool { return of == a })
			s.mu.Unlock()
			if waits {
				a.answer(cluster.Answer{ID: a.socket.ID(), Data: fmt.Appendf(nil, `[%q]`, a.socket.ID())})
			}
		}})
	}
	for _, e := range s.events {
		all = append(all, movement{"server event " + s.run.id + s.name + " " + strings.Trim(e.text, "[]"), func() {
			s.mu.Lock()
			s.events = slices.DeleteFunc(s.events, func(of *serverEvent) bool { return of == e })
			s.mu.Unlock()
			e.answer(fmt.Appendf(nil, "%q", s.run.id))
		}})
	}
	return all
}
