package engineio

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

const (
	// lingerClosed is how long after the client's close packet its last poll may come.
	lingerClosed = 100 * time.Millisecond

	okAnswer = "ok" // a POST was taken
)

var (
	errPostOverlap = errors.New("engineio: two data requests at a time")
	errPostAborted = errors.New("engineio: data request connection closed prematurely")
	errContentType = errors.New("engineio: a binary body is invalid content")
)

// servePost takes the packets of a POST. It is answered when all of them have been handed over.
func (s *Session) servePost(w http.ResponseWriter, r *http.Request) {
	defer s.guardAnswer()
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Now().Add(s.server.opts.ReadTimeout))
	giveUp := func() { rc.SetReadDeadline(time.Unix(1, 0)) }
	switch s.beginPost(isBinary(r), giveUp) {
	case nil:
	case errLate:
		s.refuseLate(w, r)
		return
	default:
		rejectPost(w, http.StatusBadRequest, giveUp)
		return
	}
	status := s.takePost(w, r)
	s.postEnded() // before the answer: the client's next POST may follow it at once
	if status != http.StatusOK {
		rejectPost(w, status, giveUp)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html")
	h.Set("Content-Length", strconv.Itoa(len(okAnswer)))
	s.writeCommon(w, r)
	io.WriteString(w, okAnswer)
}

// beginPost lets a POST in. An error other than errLate has ended the session.
func (s *Session) beginPost(binary bool, giveUp func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wrong error
	switch {
	case s.link.Load() != nil || s.state == closed:
		return errLate
	case s.polling.posting:
		wrong = errPostOverlap
	case binary && !s.revision.TakesBinary():
		wrong = errContentType
	default:
		s.polling.posting, s.polling.stopPost = true, giveUp
		return nil
	}
	s.abortLocked(TransportError, wrong)
	return wrong
}

// rejectPost answers a POST whose body is not read, and ends its connection.
func rejectPost(w http.ResponseWriter, status int, giveUp func()) {
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
	giveUp() // the HTTP server would wait for some of the body
}

// takePost reads the body and handles its packets. It returns the answer's status.
func (s *Session) takePost(w http.ResponseWriter, r *http.Request) (status int) {
	status = http.StatusBadRequest // after a panic
	defer s.guard()
	body, err := s.readBody(w, r)

	s.mu.Lock()
	s.polling.stopPost = nil
	ended := s.state == closed // and has perhaps called stopPost too late to stop anything
	s.mu.Unlock()
	var tooLarge *http.MaxBytesError
	switch {
	case ended:
		return http.StatusBadRequest
	case errors.As(err, &tooLarge):
		s.server.counters.violated(eio.ErrTooLarge)
		return http.StatusRequestEntityTooLarge
	case err != nil:
		timedOut(&s.server.counters.readTimeouts, err)
		s.Abort(TransportError, errPostAborted)
		return http.StatusBadRequest
	}
	// However long the handler takes, the request's context must not end.
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	s.receivePackets(s.posted(r, body))
	return http.StatusOK
}

// postEnded lets the next POST in, and an upgrade that waits for this one.
func (s *Session) postEnded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polling.posting, s.polling.stopPost = false, nil
	s.polling.postDoneLocked()
}

// readBody reads a body of at most MaxPayload bytes.
func (s *Session) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := int64(s.server.opts.MaxPayload)
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead) // what is announced is not yet there
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	return body.Bytes(), err
}

// isBinary reports whether a body is not text. Only this very type says so, as in the reference.
func isBinary(r *http.Request) bool { return r.Header.Get("Content-Type") == octetStream }

// posted decodes the body of a POST.
func (s *Session) posted(r *http.Request, body []byte) iter.Seq2[eio.Packet, error] {
	if s.server.isJSONP(r) {
		return s.postedForm(body)
	}
	return s.revision.Packets(body, isBinary(r))
}

// receivePackets handles the packets of a POST in order, up to the first that is wrong.
func (s *Session) receivePackets(packets iter.Seq2[eio.Packet, error]) {
	var err error
	for p, wrong := range packets {
		s.mu.Lock()
		state := s.state
		s.mu.Unlock()
		if err = wrong; state != open {
			if state == closed || err != nil || p.Type != eio.TypeClose {
				return // what a client sends into a closing session is ignored, save that it will not poll again
			}
		}
		if err == nil {
			err = s.receivePosted(p)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		return
	}
	end := &endError{ParseError, err}
	errors.As(err, &end)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == closing {
		end.reason = s.polling.reason // the server was first
	}
	switch {
	case end.err != errClosedByPacket:
		s.abortLocked(end.reason, end.err)
	case s.polling.poll != nil:
		s.polling.answerLocked(noopAnswer)
		s.endLocked(end.reason, nil)
	case s.state != closed:
		// The poll that the client has sent may still be on its way: it is answered, not refused.
		s.state = closing
		s.polling.takeLocked()
		s.polling.lastAnswer, s.polling.reason = noopAnswer, end.reason
		s.timer.Reset(lingerClosed)
	}
}

// receivePosted handles one packet of a POST.
func (s *Session) receivePosted(p eio.Packet) error {
	if p.Type != eio.TypeMessage && !s.postControls.Allow(s.server.opts.MaxControlPackets) {
		s.server.counters.violated(transport.ErrControls)
		return &endError{TransportError, transport.ErrControls}
	}
	return s.receivePacket(p, false)
}
