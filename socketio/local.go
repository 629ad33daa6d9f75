package socketio

import (
	"errors"
	"log/slog"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/parser"
)

// member is a socket in its role as cluster.Member.
type member Socket

// ID implements cluster.Member.
func (m *member) ID() string { return m.id }

// Progress implements cluster.Member.
func (m *member) Progress() *cluster.Progress { return m.progress }

func socketOf(m cluster.Member) *Socket { return (*Socket)(m.(*member)) }

// deliverer is a namespace in its role as cluster.Local.
type deliverer struct{ nsp *Namespace }

// Deliver encodes the packet once and puts the result into the send queue of each member.
func (d deliverer) Deliver(p *parser.Packet, members []cluster.Member, t *cluster.Target) error {
	prepared, err := d.nsp.server.prepare(p, sending{plain: t.NoCompress, expendable: d.nsp.expendable(p)})
	if err != nil {
		return err
	}
	var few [64]*engineio.Session // on the stack: a broadcast allocates nothing for its receivers
	for len(members) > 0 {
		n := min(len(members), len(few))
		for i, m := range members[:n] {
			few[i] = socketOf(m).session
		}
		prepared.SendTo(few[:n], t.Volatile, func(i int, err error) {
			if errors.Is(err, ErrQueueFull) { // which closes that member's session
				socketOf(members[i]).conn.overflowed.Store(true)
			}
		})
		members = members[n:]
	}
	return nil
}

// Describe implements cluster.LocalQueries.
func (d deliverer) Describe(members []cluster.Member) []cluster.SocketInfo {
	infos := make([]cluster.SocketInfo, 0, len(members))
	for _, m := range members {
		s := socketOf(m)
		infos = append(infos, cluster.SocketInfo{
			ID: s.id, Rooms: s.Rooms(), Handshake: s.marshalHandshake(), Data: d.Data(m),
		})
	}
	return infos
}

// Join implements cluster.LocalQueries.
func (d deliverer) Join(members []cluster.Member, rooms ...string) {
	for _, m := range members {
		if err := socketOf(m).join(rooms); err != nil && !errors.Is(err, ErrClosed) {
			d.nsp.server.opts.Logger.Warn("a socket could not join", slog.String("nsp", d.nsp.name), slog.Any("err", err))
		}
	}
}

// Leave implements cluster.LocalQueries.
func (d deliverer) Leave(members []cluster.Member, rooms ...string) {
	for _, m := range members {
		socketOf(m).Leave(rooms...)
	}
}

// Disconnect implements cluster.LocalQueries.
func (d deliverer) Disconnect(members []cluster.Member, closeConnection bool) {
	for _, m := range members {
		socketOf(m).Disconnect(closeConnection)
	}
}

// DeliverWithAck implements cluster.LocalQueries.
func (d deliverer) DeliverWithAck(
	p *parser.Packet, members []cluster.Member, t *cluster.Target, answered func(cluster.Answer),
) (forget func(), err error) {
	packet := *p
	packet.ID, packet.HasID = d.nsp.nextAckID(), true // the id of another node may be in use here
	prepared, err := d.nsp.server.prepare(&packet, sending{plain: t.NoCompress})
	if err != nil {
		return nil, err
	}
	asked := make([]*Socket, 0, len(members))
	for _, m := range members {
		s := socketOf(m)
		if s.awaitAck(packet.ID, func(answer *parser.Packet) { answered(s.answer(answer)) }) != nil {
			answered(s.answer(nil))
			continue
		}
		asked = append(asked, s)
		if s.conn.session.SendPrepared(prepared, t.Volatile) != nil && s.forgetAck(packet.ID) {
			answered(s.answer(nil))
		}
	}
	return func() {
		for _, s := range asked {
			s.forgetAck(packet.ID)
		}
	}, nil
}

// answer turns the socket's acknowledgement, nil for none, into an answer.
func (s *Socket) answer(p *parser.Packet) cluster.Answer {
	if p == nil {
		return cluster.Answer{ID: s.id, Lost: true}
	}
	return cluster.Answer{ID: s.id, Data: p.Data, Attachments: p.Attachments}
}
