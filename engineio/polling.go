package engineio

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleyio/parley/internal/buffer"
	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

// The answers of a poll that say that a transport or a session ends (engine.io-protocol v4, "Transports").
var (
	closeAnswer = control(eio.TypeClose)               // the session is closed
	noopAnswer  = control(eio.TypeNoop)                // nothing to say: go on
	endAnswer   = control(eio.TypeNoop, eio.TypeClose) // nothing more to say: the session is closed
)

const (
	// noopInterval is how long a poll that comes during a probe is held.
	noopInterval = 100 * time.Millisecond
	// bodyPiece is how much of a body one write carries, so that the write deadline is one on progress.
	bodyPiece = 64 << 10
	// lingerClosed is how long after the client's close packet its last poll may come.
	lingerClosed = 100 * time.Millisecond
)

var (
	errPollOverlap = errors.New("engineio: two polls at a time")
	errPollAborted = errors.New("engineio: poll connection closed prematurely")
	errLate        = errors.New("engineio: closed or upgraded since the request was checked")
)

// pollTransport is the polling half of a session. The session's mutex guards it.
type pollTransport struct {
	queue []*transport.Group
	bytes int // of queue, as payload
	count int // packets in queue

	expendable int // how many of the queue are

	poll       *pendingPoll // the held GET
	posting    bool         // a POST is being handled
	stopPost   func()       // makes that POST give up reading its body; nil when it is not
	postDone   chan struct{}
	lastAnswer *transport.Group // what the next poll of a closing session is told
	reason     Reason           // why it is closing
}

// pendingPoll is a GET that waits for something to say.
type pendingPoll struct {
	wake   chan struct{}    // capacity 1; one token says that there is something
	answer *transport.Group // says it, unless it is nil: then the queue does
	noop   *time.Timer      // releases it while a connection probes the session; nil unless one does
}

// reply is what a poll is answered.
type reply struct {
	packets []*transport.Group
	queued  bool // they are all that was queued
}

// reserveLocked makes a group fit, and returns how many groups were dropped for it: those that are expendable and have
// waited longest.
func (t *pollTransport) reserveLocked(g *transport.Group, limits *transport.Limits) (dropped int, fits bool) {
	packets, bytes := len(g.Packets), eio.Payload4.Size(g.Packets) // near enough to the other forms
	if limits.Fits(t.count, t.bytes, packets, bytes) {
		return 0, true
	}
	if t.expendable == 0 {
		return 0, false
	}
	morePackets, moreBytes := limits.WithSlack(packets, bytes)
	kept := t.queue[:0]
	for _, g := range t.queue {
		if !g.Expendable || limits.Fits(t.count, t.bytes, morePackets, moreBytes) {
			kept = append(kept, g)
			continue
		}
		t.bytes -= eio.Payload4.Size(g.Packets) + 1
		t.count -= len(g.Packets)
		t.expendable--
		dropped++
	}
	clear(t.queue[len(kept):])
	t.queue = kept
	return dropped, limits.Fits(t.count, t.bytes, packets, bytes)
}

// pushLocked queues packets and wakes the pending poll.
func (t *pollTransport) pushLocked(g *transport.Group) {
	t.queue = append(t.queue, g)
	if g.Expendable {
		t.expendable++
	}
	t.bytes += eio.Payload4.Size(g.Packets) + 1
	t.count += len(g.Packets)
	t.wakeLocked()
}

func (t *pollTransport) wakeLocked() {
	if t.poll != nil {
		select {
		case t.poll.wake <- struct{}{}:
		default:
		}
	}
}

// answerLocked ends the pending poll with a body of its own.
func (t *pollTransport) answerLocked(answer *transport.Group) {
	if t.poll != nil {
		t.poll.answer = answer
		t.wakeLocked()
		t.poll = nil
	}
}

// takeLocked empties the queue.
func (t *pollTransport) takeLocked() []*transport.Group {
	queue := t.queue
	t.queue, t.bytes, t.count, t.expendable = nil, 0, 0, 0
	return queue
}

// endLocked lets go of the session's requests and of what was queued.
func (t *pollTransport) endLocked() {
	t.takeLocked()
	t.answerLocked(closeAnswer)
	if t.stopPost != nil {
		t.stopPost()
	}
}

// closePollingLocked closes a session on polling: a client can only be told by a poll.
func (s *Session) closePollingLocked(wait time.Duration) {
	t := &s.polling
	if t.poll != nil && len(t.queue) == 0 || s.timer == nil { // told now, or not even told that it is open
		s.endLocked(ForcedClose, nil)
		return
	}
	t.lastAnswer, t.reason = endAnswer, ForcedClose
	s.timer.Reset(wait)
}

// servePoll answers a GET of a polling session: at once when there is something to say, otherwise when there is.
func (s *Session) servePoll(w http.ResponseWriter, r *http.Request) {
	defer s.guardAnswer()
	poll, answer, err := s.beginPoll()
	switch {
	case err == errLate:
		s.refuseLate(w, r)
		return
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
		return
	case poll != nil:
		if poll.noop != nil {
			defer poll.noop.Stop()
		}
		// The server's own deadlines are for requests that are not held; the connection's next request sets them again.
		http.NewResponseController(w).SetReadDeadline(time.Time{})
		select {
		case <-poll.wake:
			answer = s.endPoll(poll)
		case <-r.Context().Done():
			s.abortPoll(poll)
			return
		}
	}
	s.writePackets(w, r, answer.packets...)
	if answer.queued {
		s.tellFlushed()
	}
}

// beginPoll returns the reply to a poll, or the poll that has to wait for it. An error other than errLate has ended
// the session.
func (s *Session) beginPoll() (*pendingPoll, reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.polling
	switch {
	case s.link.Load() != nil || s.state == closed:
		return nil, reply{}, errLate
	case t.poll != nil:
		s.abortLocked(TransportError, errPollOverlap)
		return nil, reply{}, errPollOverlap
	case len(t.queue) > 0:
		return nil, reply{t.takeLocked(), true}, nil
	case s.state == closing:
		answer := t.lastAnswer
		s.endLocked(t.reason, nil)
		return nil, reply{[]*transport.Group{answer}, false}, nil
	}
	poll := &pendingPoll{wake: make(chan struct{}, 1)}
	t.poll = poll
	if s.probe != nil {
		poll.noop = time.AfterFunc(noopInterval, func() { s.releasePoll(poll) })
	}
	return poll, reply{}, nil
}

// endPoll returns the reply to a poll that was woken.
func (s *Session) endPoll(poll *pendingPoll) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if poll.answer != nil {
		return reply{[]*transport.Group{poll.answer}, false}
	}
	s.polling.poll = nil
	return reply{s.polling.takeLocked(), true}
}

// abortPoll ends the session of a client that did not wait for the answer, unless there was one.
func (s *Session) abortPoll(poll *pendingPoll) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling.poll == poll {
		s.polling.poll = nil
		s.abortLocked(TransportError, errPollAborted)
	}
}

// refuseLate refuses a request whose session was closed or left polling since the request was checked.
func (s *Session) refuseLate(w http.ResponseWriter, r *http.Request) {
	if transport := s.Transport(); transport != Polling {
		s.server.refuse(w, r, BadRequest, "", "name", "TRANSPORT_MISMATCH",
			"transport", string(Polling), "previousTransport", string(transport))
	} else {
		s.server.refuse(w, r, SessionUnknown, "", "sid", s.id)
	}
}

// releasePoll answers a poll that came while a connection probes the session: the client waits for it to end.
func (s *Session) releasePoll(poll *pendingPoll) {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling.poll == poll && len(s.polling.queue) == 0 {
		s.polling.answerLocked(noopAnswer)
	}
}

// writePackets answers a poll with packets, in the way that the client understands.
func (s *Session) writePackets(w http.ResponseWriter, r *http.Request, groups ...*transport.Group) {
	jsonp := s.server.isJSONP(r)
	hasBinary := slices.ContainsFunc(groups, (*transport.Group).Binary)
	form := s.revision.Payload(hasBinary, s.base64 || jsonp)
	body := form.Join(len(groups), func(i int) []byte { return groups[i].Wire(form) })
	h := w.Header()
	switch {
	case jsonp:
		h.Set("Content-Type", textType)
		h["X-Content-Type-Options"] = nil // browsers would not run text as a script
		body = script(r, body)
	case form.Binary():
		h.Set("Content-Type", octetStream)
	default:
		h.Set("Content-Type", textType)
	}
	s.writeBody(w, r, body, slices.ContainsFunc(groups, (*transport.Group).Compressible))
}

// writeBody answers a poll, compressed if a packet in it wants that, the body is large enough and the client takes it.
// Each piece has WriteTimeout: a large body to a client that reads slowly is no fault.
func (s *Session) writeBody(w http.ResponseWriter, r *http.Request, body []byte, compress bool) {
	h := w.Header()
	var encoded *[]byte
	if compress && len(body) >= s.server.opts.HTTPCompressionThreshold {
		encoded = encodeBody(h, r, body)
	}
	if encoded != nil {
		body = *encoded
		defer buffer.Give(encoded)
	} else {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	rc := s.writeCommon(w, r)
	for len(body) > 0 {
		piece := body[:min(len(body), bodyPiece)]
		body = body[len(piece):]
		rc.SetWriteDeadline(time.Now().Add(s.server.opts.WriteTimeout))
		if _, err := w.Write(piece); err != nil {
			timedOut(&s.server.counters.writeTimeouts, err)
			s.Abort(TransportError, err)
			return
		}
	}
}

// writeCommon sets what every successful answer carries, and the time in which it must be written.
func (s *Session) writeCommon(w http.ResponseWriter, r *http.Request) *http.ResponseController {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if _, decided := h["X-Content-Type-Options"]; !decided {
		h.Set("X-Content-Type-Options", "nosniff")
	}
	if agent := r.Header.Get("User-Agent"); strings.Contains(agent, ";MSIE") || strings.Contains(agent, "Trident/") {
		h.Set("X-XSS-Protection", "0") // its filter takes payloads for attacks
	}
	s.customHeaders(h, r)
	rc := http.NewResponseController(w)
	rc.SetWriteDeadline(time.Now().Add(s.server.opts.WriteTimeout))
	return rc
}
