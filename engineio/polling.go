package engineio

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleyio/parley/internal/eio"
)

// The answers of a poll that say that a transport or a session ends (engine.io-protocol v4, "Transports").
var (
	closeAnswer = prepareAnswer(eio.TypeClose)               // the session is closed
	noopAnswer  = prepareAnswer(eio.TypeNoop)                // nothing to say: go on
	endAnswer   = prepareAnswer(eio.TypeNoop, eio.TypeClose) // nothing more to say: the session is closed
)

// prepareAnswer makes packets without data, which nobody would compress.
func prepareAnswer(kinds ...eio.Type) *Prepared {
	p := &Prepared{}
	for _, kind := range kinds {
		p.packets = append(p.packets, eio.Packet{Type: kind, Plain: true})
	}
	return p
}

const (
	// noopInterval is how long a poll that comes during a probe is held.
	noopInterval = 100 * time.Millisecond
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
	queue []*Prepared
	bytes int // of queue, as payload
	count int // packets in queue

	expendable int // how many of the queue are

	poll       *pendingPoll // the held GET
	posting    bool         // a POST is being handled
	stopPost   func()       // makes that POST give up reading its body; nil when it is not
	postDone   chan struct{}
	lastAnswer *Prepared // what the next poll of a closing session is told
	reason     Reason    // why it is closing
}

// pendingPoll is a GET that waits for something to say.
type pendingPoll struct {
	wake   chan struct{} // capacity 1; one token says that there is something
	answer *Prepared     // says it, unless it is nil: then the queue does
	noop   *time.Timer   // releases it while a websocket probes the session; nil unless one does
}

// reply is what a poll is answered.
type reply struct {
	packets []*Prepared
	queued  bool // they are all that was queued
}

// fitsLocked reports whether so much more may be queued.
func (t *pollTransport) fitsLocked(bytes, packets int, limits *Options) bool {
	return t.count == 0 || (t.bytes+bytes <= limits.SendQueueBytes && t.count+packets <= limits.SendQueuePackets)
}

// pushLocked queues packets and wakes the pending poll.
func (t *pollTransport) pushLocked(p *Prepared) {
	t.queue = append(t.queue, p)
	if p.expendable {
		t.expendable++
	}
	t.bytes += eio.Payload4.Size(p.packets) + 1
	t.count += len(p.packets)
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
func (t *pollTransport) answerLocked(answer *Prepared) {
	if t.poll != nil {
		t.poll.answer = answer
		t.wakeLocked()
		t.poll = nil
	}
}

// takeLocked empties the queue.
func (t *pollTransport) takeLocked() []*Prepared {
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
	case s.ws.Load() != nil || s.state == closed:
		return nil, reply{}, errLate
	case t.poll != nil:
		s.abortLocked(TransportError, errPollOverlap)
		return nil, reply{}, errPollOverlap
	case len(t.queue) > 0:
		return nil, reply{t.takeLocked(), true}, nil
	case s.state == closing:
		answer := t.lastAnswer
		s.endLocked(t.reason, nil)
		return nil, reply{[]*Prepared{answer}, false}, nil
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
		return reply{[]*Prepared{poll.answer}, false}
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
	if s.Transport() == WebSocket {
		s.server.refuse(w, r, BadRequest, "", "name", "TRANSPORT_MISMATCH",
			"transport", string(Polling), "previousTransport", string(WebSocket))
	} else {
		s.server.refuse(w, r, SessionUnknown, "", "sid", s.id)
	}
}

// releasePoll answers a poll that came while a websocket probes the session: the client waits for it to end.
func (s *Session) releasePoll(poll *pendingPoll) {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling.poll == poll && len(s.polling.queue) == 0 {
		s.polling.answerLocked(noopAnswer)
	}
}

// writePackets answers a poll with packets, in the way that the client understands.
func (s *Session) writePackets(w http.ResponseWriter, r *http.Request, groups ...*Prepared) {
	jsonp := s.server.isJSONP(r)
	hasBinary := slices.ContainsFunc(groups, func(p *Prepared) bool { return p.binary })
	form := s.revision.Payload(hasBinary, s.base64 || jsonp)
	body := form.Join(len(groups), func(i int) []byte { return groups[i].wire(form) })
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
	s.writeBody(w, r, body, slices.ContainsFunc(groups, (*Prepared).compressible))
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
		defer giveWriteBuffer(encoded)
	} else {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	rc := s.writeCommon(w, r)
	for len(body) > 0 {
		piece := body[:min(len(body), flushBatch)]
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
