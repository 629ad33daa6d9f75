package engineio

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parleyio/parley/internal/buffer"
	"github.com/parleyio/parley/internal/transport"
)

const (
	octetStream = "application/octet-stream"
	textType    = "text/plain; charset=UTF-8"

	// noopInterval is how long a poll that arrives during a probe is held.
	noopInterval = 100 * time.Millisecond
	// bodyPiece is the number of bytes in one write. Each write has its own deadline, so a slow client that reads is not
	// closed.
	bodyPiece = 64 << 10
)

var (
	errPollOverlap = errors.New("engineio: the client sent a poll while another one was pending")
	errPollAborted = errors.New("engineio: poll connection closed prematurely")
	errLate        = errors.New("engineio: the session was closed or upgraded after the request was checked")
)

// reply is the answer to a poll.
type reply struct {
	packets []*transport.Group
	queued  bool // packets is the whole queue
}

// servePoll answers a GET of a polling session: at once when packets are queued, otherwise as soon as one is.
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
		// The deadlines of the http.Server would end a held poll. It sets them again for the connection's next request.
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
		s.notifyFlushed()
	}
}

// beginPoll returns the reply to a poll, or a pending poll. When it returns an error other than errLate, it has ended the
// session.
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
		answer := t.closing.answer
		s.endLocked(t.closing.reason, t.closing.err)
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

// abortPoll ends the session of a client that closed the connection of its pending poll, unless the poll has been
// answered.
func (s *Session) abortPoll(poll *pendingPoll) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling.poll == poll {
		s.polling.poll = nil
		s.abortLocked(TransportError, errPollAborted)
	}
}

// refuseLate refuses a request whose session was closed or upgraded after the request was checked.
func (s *Session) refuseLate(w http.ResponseWriter, r *http.Request) {
	if transport := s.Transport(); transport != Polling {
		s.server.refuse(w, r, BadRequest, "", "name", "TRANSPORT_MISMATCH",
			"transport", string(Polling), "previousTransport", string(transport))
	} else {
		s.server.refuse(w, r, SessionUnknown, "", "sid", s.id)
	}
}

// releasePoll answers a poll that arrived while a connection probes the session: the client waits for the end of its poll
// before it completes the upgrade.
func (s *Session) releasePoll(poll *pendingPoll) {
	defer s.guard()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling.poll == poll && len(s.polling.queue) == 0 {
		s.polling.answerLocked(noopAnswer)
	}
}

// writePackets answers a poll with packets, in the form that the client understands.
func (s *Session) writePackets(w http.ResponseWriter, r *http.Request, groups ...*transport.Group) {
	jsonp := s.server.isJSONP(r)
	hasBinary := slices.ContainsFunc(groups, (*transport.Group).Binary)
	form := s.revision.Payload(hasBinary, s.base64 || jsonp)
	body := form.Join(len(groups), func(i int) []byte { return groups[i].Wire(form) })
	h := w.Header()
	switch {
	case jsonp:
		h.Set("Content-Type", textType)
		h["X-Content-Type-Options"] = nil // with nosniff, browsers do not run text/plain as a script
		body = script(r, body)
	case form.Binary():
		h.Set("Content-Type", octetStream)
	default:
		h.Set("Content-Type", textType)
	}
	s.writeBody(w, r, body, slices.ContainsFunc(groups, (*transport.Group).Compressible))
}

// writeBody answers a poll. It compresses the body if compress is set, the body is large enough and the client accepts
// it. WriteTimeout applies to each piece, so a client may take longer for a large body.
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

// writeCommon sets the headers that every successful answer carries, and the write deadline.
func (s *Session) writeCommon(w http.ResponseWriter, r *http.Request) *http.ResponseController {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if _, decided := h["X-Content-Type-Options"]; !decided {
		h.Set("X-Content-Type-Options", "nosniff")
	}
	if agent := r.Header.Get("User-Agent"); strings.Contains(agent, ";MSIE") || strings.Contains(agent, "Trident/") {
		h.Set("X-XSS-Protection", "0") // the filter of these browsers mistakes payloads for attacks
	}
	s.customHeaders(h, r)
	rc := http.NewResponseController(w)
	rc.SetWriteDeadline(time.Now().Add(s.server.opts.WriteTimeout))
	return rc
}
