package engineio_test

import (
	"io"
	"testing"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// echo answers each message.
type echo struct {
	session *engineio.Session
	done    chan bool // may be nil
}

func (e echo) Message(data []byte, binary bool) {
	e.session.Send(engineio.Message{Data: data, Binary: binary})
	if e.done != nil {
		e.done <- true
	}
}

func (echo) Close(engineio.Reason, error) {}

// BenchmarkEcho measures a message there and back, with client and server in one process: alone, and sixteen at a time.
func BenchmarkEcho(b *testing.B) {
	for _, c := range []struct {
		name  string
		net   func(testing.TB) *network
		burst int
	}{{"tcp/1", tcp, 1}, {"tcp/16", tcp, 16}, {"tls/1", overTLS, 1}} {
		b.Run(c.name, func(b *testing.B) {
			r := start(b, c.net(b), setup{handler: func(p *peer) engineio.Handler { return echo{p.Session, nil} }})
			client := r.upgrade("?EIO=4&transport=websocket")
			client.opens()
			var frames []byte
			for range c.burst {
				frames = append(frames, masked(ws.NewTextFrame([]byte("4hello")))...)
			}
			answers := make([]byte, 8*c.burst)
			b.ReportAllocs()
			for b.Loop() {
				client.conn.Write(frames)
				io.ReadFull(client.conn, answers)
			}
		})
	}
}

// BenchmarkBroadcast measures one message to a thousand websockets: the writes alone, without those who read.
func BenchmarkBroadcast(b *testing.B) {
	const count = 1000
	r := start(b, tcp(b), setup{})
	peers := make([]*peer, count)
	for i := range peers {
		c, p := r.websocket()
		peers[i] = p
		go io.Copy(io.Discard, c.in)
	}
	data := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		prepared := engineio.Prepare(engineio.Message{Data: data})
		for _, p := range peers {
			if err := p.SendPrepared(prepared, false); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/delivery")
}

// BenchmarkSend measures sixteen messages to a client that takes them: each straight to the descriptor, and corked.
func BenchmarkSend(b *testing.B) {
	for _, name := range []string{"direct", "corked"} {
		b.Run(name, func(b *testing.B) {
			c, p := start(b, tcp(b), setup{}).websocket()
			message := engineio.Message{Data: make([]byte, 100), Binary: true}
			frames := make([]byte, 16*102)
			b.ReportAllocs()
			for b.Loop() {
				if name == "corked" {
					p.Cork()
				}
				for range 16 {
					if err := p.Send(message); err != nil {
						b.Fatal(err)
					}
				}
				if name == "corked" {
					p.Uncork()
				}
				io.ReadFull(c.in, frames)
			}
		})
	}
}
