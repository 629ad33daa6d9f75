package engineio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/transport"
)

const (
	// lingerClosed is how long the session waits for the client's last poll after the client's close packet.
	lingerClosed = 100 * time.Millisecond

	okAnswer = "ok" // body of the answer to a POST
)

var (
	errPostOverlap = errors.New("engineio: the client sent a data request while another one was pending")
	errPostAborted = errors.New("engineio: data request connection closed prematurely")
	errContentType = errors.New("engineio: a binary body is invalid in this revision of the protocol")
)

// servePost handles the packets of a POST and answers it after the handler has received all of them.
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
	s.postEnded() // before the answer, because the client may send its next POST as soon as it has the answer
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

// beginPost marks the start of a POST. When it returns an error other than errLate, it has ended the session.
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

// rejectPost answers a POST without reading its body, and makes the HTTP server close the connection.
func rejectPost(w http.ResponseWriter, status int, giveUp func()) {
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
	giveUp() // otherwise the HTTP server reads a part of the body first
}

// takePost reads the body and handles its packets. It returns the answer's status.
func (s *Session) takePost(w http.ResponseWriter, r *http.Request) (status int) {
	status = http.StatusBadRequest // after a panic
	defer s.guard()
	body, err := s.readBody(w, r)

	s.mu.Lock()
	s.polling.stopPost = nil
	ended := s.state == closed // stopPost may have been called after the body was read
	s.mu.Unlock()
	var tooLarge *http.MaxBytesError
	switch {
	case ended:
		return http.StatusBadRequest
	case errors.As(err, &tooLarge):
		s.server.counters.violated(eio.ErrTooLarge)
		s.refusedBody(r.ContentLength)
		return http.StatusRequestEntityTooLarge
	case err != nil:
		timedOut(&s.server.counters.readTimeouts, err)
		s.Abort(TransportError, errPostAborted)
		return http.StatusBadRequest
	}
	// The handler may take long: a read deadline would end the request's context.
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	s.receivePackets(s.posted(r, body))
	return http.StatusOK
}

// refusedBody logs a body above MaxPayload, and keeps the error for the end of the session: clients of the reference close
// the session after such an answer, and the handler is to know why.
func (s *Session) refusedBody(size int64) {
	limit := s.server.opts.MaxPayload
	s.server.log.Warn("polling body", "request refused: the body is too large", slog.String("received", received(size)),
		slog.Int("limit", limit), slog.String("option", "MaxPayload"))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polling.refused = size
}

// received describes the size of a body, which is negative if the client did not announce it.
func received(size int64) string {
	if size < 0 {
		return "of unknown length"
	}
	return fmt.Sprintf("of %d bytes", size)
}

// postEnded marks the end of a POST and wakes an upgrade that waits for it.
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
	body.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead) // at most 64 KiB before any byte has arrived
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	return body.Bytes(), err
}

// isBinary reports whether a body is binary. As in the reference, only this exact content type means binary.
func isBinary(r *http.Request) bool { return r.Header.Get("Content-Type") == octetStream }

// posted decodes the body of a POST.
func (s *Session) posted(r *http.Request, body []byte) iter.Seq2[eio.Packet, error] {
	if s.server.isJSONP(r) {
		return s.postedForm(body)
	}
	return s.revision.Packets(body, isBinary(r))
}

// receivePackets handles the packets of a POST in order, up to the first one with an error.
func (s *Session) receivePackets(packets iter.Seq2[eio.Packet, error]) {
	var err error
	for p, wrong := range packets {
		s.mu.Lock()
		state := s.state
		if p.Type == eio.TypeMessage {
			s.polling.refused = 0 // the client goes on
		}
		s.mu.Unlock()
		if err = wrong; state != open {
			if state == closed || err != nil || p.Type != eio.TypeClose {
				return // packets are ignored while the session is closing, except close: after it no poll comes
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
		end.reason = s.polling.closing.reason // the server has closed the session before
	}
	switch {
	case end.err != errClosedByPacket:
		s.abortLocked(end.reason, end.err)
	case s.polling.poll != nil:
		s.polling.answerLocked(noopAnswer)
		s.endLocked(end.reason, nil)
	case s.state != closed:
		// The client may have sent a poll that has not arrived yet: it must be answered and not refused.
		s.state = closing
		s.polling.takeLocked()
		s.polling.closing = &pollClosing{answer: noopAnswer, reason: end.reason, late: end.reason}
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
