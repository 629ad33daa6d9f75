package engineio_test

import (
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"

	"github.com/parleyio/parley/engineio"
)

// inlinePeer waits for release while it handles the message "wait", and lets another goroutine read meanwhile.
type inlinePeer struct {
	*peer
	release chan struct{}
	inline  chan string // messages that came this way
}

func (p *inlinePeer) MessageInline(data []byte, binary bool) {
	text := string(data)
	if text == "wait" {
		p.HandOver()
		<-p.release
	}
	p.inline <- text
}

func startInline(t *testing.T, n *network) (*rig, func(*peer) *inlinePeer) {
	peers := make(chan *inlinePeer, 10)
	r := start(t, n, setup{handler: func(p *peer) engineio.Handler {
		inline := &inlinePeer{p, make(chan struct{}), make(chan string, 100)}
		peers <- inline
		return inline
	}})
	return r, func(*peer) *inlinePeer { return <-peers }
}

func TestSession_HandOver(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n *network) {
		r, inlineOf := startInline(t, n)
		c, p := r.websocket()
		inline := inlineOf(p)
		wants := func(want string) {
			t.Helper()
			if got := receive(t, n.patience, want, inline.inline); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		c.says("4wait", "4one", "4wait", "4two") // the second "wait" hands over what has been handed over
		wants("one")
		wants("two")
		close(inline.release)
		wants("wait")
		wants("wait")
		c.says("4three")
		wants("three")
		c.conn.Close()
		p.ends(engineio.TransportClose)
	})
	t.Run("not by polling", func(t *testing.T) {
		inMemory(t, func(t *testing.T, n *network) {
			r, _ := startInline(t, n)
			c, p := r.poll()
			c.posts("4one")
			p.wants("one")
		})
	})
	t.Run("the connection ends meanwhile", func(t *testing.T) {
		eachNetwork(t, func(t *testing.T, n *network) {
			r, inlineOf := startInline(t, n)
			c, p := r.websocket()
			inline := inlineOf(p)
			c.says("4wait", "4one")
			receive(t, n.patience, "one", inline.inline)
			c.conn.Close()
			p.ends(engineio.TransportClose)
			close(inline.release)
			receive(t, n.patience, "wait", inline.inline)
		})
	})
}

// TestBurst: the replies to messages that arrive together leave together, unless that takes longer than a millisecond.
func TestBurst(t *testing.T) {
	n := seqpacket(t)
	r := start(t, n, setup{message: func(p *peer, m message) { p.send(m.data) }})
	c, _ := r.websocket()
	const size = 50
	if _, err := io.WriteString(c.conn, strings.Repeat(masked(ws.NewTextFrame([]byte("4hello"))), size)); err != nil {
		t.Fatal(err)
	}
	writes := 0
	for left := size * len("..4hello"); left > 0; writes++ { // a read takes what one write has brought
		got, err := c.conn.Read(make([]byte, 4096))
		if err != nil {
			t.Fatal(err)
		}
		left -= got
	}
	if writes > size/2 {
		t.Errorf("%d writes for %d replies", writes, size)
	}
}

// goroutine returns what tells the calling goroutine from others.
func goroutine() string {
	stack := make([]byte, 64)
	stack = stack[:runtime.Stack(stack, false)]
	number, _, _ := strings.Cut(strings.TrimPrefix(string(stack), "goroutine "), " ")
	return number
}

// TestReader_newStack: the goroutine that reads is replaced, and with it a stack that a message has made grow, where the
// client is likely to fall silent.
func TestReader_newStack(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := start(t, n, setup{message: func(p *peer, _ message) { p.send(goroutine()) }})
		c, p := r.websocket()
		asks := func() string {
			c.says("4who")
			_, answer := c.frame()
			return string(answer)
		}
		answersPing := func() {
			time.Sleep(25 * time.Second)
			c.hears("2")
			c.says("3")
			synctest.Wait()
		}
		first, second := asks(), asks()
		if first == second {
			t.Error("the goroutine of the first message reads on")
		}
		if again := asks(); again != second {
			t.Error("the goroutine was replaced in the middle of a conversation")
		}
		answersPing()
		if again := asks(); again != second {
			t.Error("the goroutine was replaced although there had been messages since the ping before")
		}
		answersPing()
		answersPing()
		if again := asks(); again == second {
			t.Error("the goroutine reads on after an interval of silence")
		}
		c.conn.Close()
		p.ends(engineio.TransportClose)
	})
}
