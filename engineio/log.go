package engineio

import (
	"errors"
	"log/slog"
	"os"

	"github.com/parleyio/parley/internal/eio"
	"github.com/parleyio/parley/internal/ratelog"
	"github.com/parleyio/parley/internal/transport"
)

// The lines about what clients do have constant messages, the option that changes the cause, and no id of a session.
// docs/troubleshooting.md explains them.

// logOverLimit logs a handshake that the gate has refused.
func (s *Server) logOverLimit(cause error) {
	var option string
	var limit any
	switch cause {
	case errTooManyConnections:
		option, limit = "MaxConnections", s.opts.MaxConnections
	case errTooManyConnectionsPerIP:
		option, limit = "MaxConnectionsPerIP; TrustedProxies if all clients come through a proxy", s.opts.MaxConnectionsPerIP
	case errNotAdmitted:
		option, limit = "Admission", s.opts.Admission.Rate
	}
	s.log.Warn(option, "request refused: a limit of connections is reached", slog.Any("err", cause), slog.Any("limit", limit),
		slog.String("option", option))
}

// logUpgradeTimeout logs an upgrade that took too long. The session continues on polling.
func (s *Session) logUpgradeTimeout(l *transport.Link) {
	s.server.log.Warn("upgrade timeout", "upgrade refused: it was not completed in time", slog.String("transport", l.Conn.Name()),
		slog.Duration("limit", s.server.opts.UpgradeTimeout), slog.String("option", "UpgradeTimeout"))
}

// logEnd logs the end of a session, unless it is an ordinary leave.
func (s *Session) logEnd() {
	option, ordinary := s.server.endOption(s.reason, s.err)
	if ordinary {
		return
	}
	attrs := []slog.Attr{slog.String("reason", string(s.reason)), slog.String("transport", string(s.Transport()))}
	if s.err != nil {
		attrs = append(attrs, ratelog.Text("err", s.err.Error()))
	}
	s.server.log.Warn("end "+option, "session ended", append(attrs, slog.String("option", option))...)
}

// endOption returns the option that changes the end of a session, or what to look at. ordinary means that the client has
// left or that the application has closed the session.
func (s *Server) endOption(reason Reason, err error) (option string, ordinary bool) {
	switch {
	case errors.Is(err, eio.ErrTooLarge):
		return "MaxPayload", false
	case errors.Is(err, eio.ErrFragments):
		return "MaxFragments", false
	case errors.Is(err, transport.ErrControls):
		return "MaxControlPackets", false
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "ReadTimeout, WriteTimeout", false
	}
	switch reason {
	case PingTimeout:
		return "PingTimeout", false
	case SlowConsumer:
		return "SendQueueBytes, SendQueuePackets", false
	case ParseError:
		return "none: the client breaks the protocol", false
	case TransportError:
		return "none: look at the network, and at proxies", false
	}
	return "", err == nil || reason == TransportClose
}
