package engineio

// Stats is a snapshot of a server's counters. All counters except Sessions only grow.
type Stats struct {
	// Sessions is the number of open sessions.
	Sessions int
	// Opened counts the sessions that were opened.
	Opened int64
	// Closed counts the sessions that ended, by reason.
	Closed map[Reason]int64
	// Refused counts the requests that were refused, by code.
	Refused map[Code]int64
	// TooManyConnections counts the handshakes that were refused because of MaxConnections.
	TooManyConnections int64
	// TooManyConnectionsPerIP counts the handshakes that were refused because of MaxConnectionsPerIP.
	TooManyConnectionsPerIP int64
	// NotAdmitted counts the handshakes that were refused because of Admission.
	NotAdmitted int64
	// PayloadTooLarge counts polling bodies and websocket messages above MaxPayload. A websocket message ends its session,
	// a polling body does not.
	PayloadTooLarge int64
	// TooManyFragments counts the websocket messages with more frames than MaxFragments.
	TooManyFragments int64
	// TooManyControls counts the clients that sent more than MaxControlPackets in a second.
	TooManyControls int64
	// ReadTimeouts counts the messages and bodies that were not complete within ReadTimeout.
	ReadTimeouts int64
	// WriteTimeouts counts the connections that were closed because a write made no progress within WriteTimeout.
	WriteTimeouts int64
	// UpgradeTimeouts counts the websockets that did not complete their upgrade within UpgradeTimeout.
	UpgradeTimeouts int64
	// VolatileDropped counts the groups of volatile messages that were dropped because the client could not take them at
	// once.
	VolatileDropped int64
	// ExpendableDropped counts the groups of expendable messages that were dropped because the send queue of a client was
	// full, or to make space for other messages.
	ExpendableDropped int64
	// UnsolicitedPongs counts pongs without a ping, which are ignored.
	UnsolicitedPongs int64
	// Panics counts the panics of this package or of a Handler that ended a session.
	Panics int64
}

// Stats returns the current values of the counters.
func (s *Server) Stats() Stats {
	stats := Stats{
		Sessions:                s.SessionCount(),
		Opened:                  s.counters.opened.Load(),
		Closed:                  map[Reason]int64{},
		Refused:                 map[Code]int64{},
		TooManyConnections:      s.counters.tooMany.Load(),
		TooManyConnectionsPerIP: s.counters.tooManyPerIP.Load(),
		NotAdmitted:             s.counters.notAdmitted.Load(),
		PayloadTooLarge:         s.counters.payloadTooLarge.Load(),
		TooManyFragments:        s.counters.tooManyFragments.Load(),
		TooManyControls:         s.counters.tooManyControls.Load(),
		ReadTimeouts:            s.counters.readTimeouts.Load(),
		WriteTimeouts:           s.counters.writeTimeouts.Load(),
		UpgradeTimeouts:         s.counters.upgradeTimeouts.Load(),
		VolatileDropped:         s.counters.volatileDropped.Load(),
		ExpendableDropped:       s.counters.expendableDropped.Load(),
		UnsolicitedPongs:        s.counters.unsolicitedPongs.Load(),
		Panics:                  s.counters.panics.Load(),
	}
	for i, r := range reasons {
		if n := s.counters.closedBy[i].Load(); n > 0 {
			stats.Closed[r] = n
		}
	}
	for code := range s.counters.refused {
		if n := s.counters.refused[code].Load(); n > 0 {
			stats.Refused[Code(code)] = n
		}
	}
	return stats
}
