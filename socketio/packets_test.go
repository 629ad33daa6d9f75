package socketio_test

import (
	"bufio"
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// packetCase is one case of a file in testdata.
type packetCase struct {
	name   string
	joined bool
	steps  []string // the lines with > and <
	reason string
}

func readPacketCases(t *testing.T, name string) (cases []packetCase) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		kind, rest, _ := strings.Cut(line, " ")
		if kind == "case" {
			cases = append(cases, packetCase{name: rest})
			continue
		}
		switch kind {
		case "", "#":
		case "joined":
			cases[len(cases)-1].joined = true
		case ">", "<":
			cases[len(cases)-1].steps = append(cases[len(cases)-1].steps, line)
		case "!":
			cases[len(cases)-1].reason = rest
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return cases
}

// register adds what the cases expect of an application.
func register(n *socketio.Namespace, told journal) {
	n.On("q", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack(m.Raws()...) })
	n.On("echo", func(_ context.Context, s *socketio.Socket, m *event.Message) error {
		return s.Emit("echo", m.Raws()...)
	})
	n.OnDisconnect(func(_ context.Context, _ *socketio.Socket, reason socketio.Reason) { told.add("%s", reason) })
}

var socketID = regexp.MustCompile(`^(40[^{]*\{"sid":")[A-Za-z0-9_-]{20}"`)

func TestServer_packets(t *testing.T) {
	for _, c := range readPacketCases(t, "testdata/packets.txt") {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runPacketCase(t, c) })
		})
	}
}

func runPacketCase(t *testing.T, c packetCase) {
	n := serve(t, nil)
	told := newJournal()
	register(n.Of("/"), told)
	register(n.Of("/nsp"), told)
	n.Of("/nsp").Use(strict)
	client := n.dial(t)
	sockets := 0
	if c.joined {
		client.join("/")
		sockets++
	}
	synctest.Wait() // until the server has no more to write, so that the close frame is one
	for i := 0; i < len(c.steps); {
		for ; i < len(c.steps) && c.steps[i][0] == '>'; i++ {
			client.send(c.steps[i][2:])
			synctest.Wait()
		}
		var want []string
		for ; i < len(c.steps) && c.steps[i][0] == '<'; i++ {
			want = append(want, c.steps[i][2:])
			if strings.HasPrefix(c.steps[i], "< 40") {
				sockets++
			}
		}
		if i == len(c.steps) && c.reason != "" {
			want = append(want, "close", "end")
		}
		got := client.came()
		for j := range got {
			got[j] = socketID.ReplaceAllString(got[j], `${1}ID"`)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("after %q:\ngot  %q\nwant %q", c.steps[:i], got, want)
		}
	}
	reasons := told.take()
	left := 0
	for _, reason := range reasons {
		if reason == string(socketio.ClientDisconnect) {
			left++
		} else if reason != c.reason {
			t.Errorf("a socket was told %q, want %q", reason, c.reason)
		}
	}
	if open := len(n.Sockets()) + len(n.Of("/nsp").Sockets()); open+len(reasons) != sockets {
		t.Errorf("%d sockets joined, %d are there, %d were told of their end", sockets, open, len(reasons))
	}
	if c.reason != "" && len(reasons)-left != sockets-left {
		t.Errorf("not every socket was told of its end: %q", reasons)
	}
}
