package engineio

import (
	"net/http"
	"strings"
)

const (
	deflateExtension = "permessage-deflate"
	// deflateAnswer accepts an offer: neither side keeps state between messages.
	deflateAnswer = deflateExtension + "; server_no_context_takeover; client_no_context_takeover"
	// widestWindow is the largest size of a window, in bits, and the only one that this server can compress with.
	widestWindow = "15"
)

// negotiate answers a websocket's offer of permessage-deflate in the headers of the 101. It returns what the connection
// compresses with, or nil. A connection that wants base64 is not compressed: nobody who asks for it could tell.
func (s *Server) negotiate(h http.Header, r *http.Request, base64 bool) *deflater {
	if s.deflate == nil || base64 {
		return nil
	}
	answer := acceptExtension(r.Header["Sec-Websocket-Extensions"])
	if answer == "" {
		return nil
	}
	h.Set("Sec-Websocket-Extensions", answer)
	return s.deflate
}

// acceptExtension returns the answer to the first offer that can be accepted, or "". Offers of other extensions, and
// those that are not understood, are passed over: they are no reason to refuse a client.
func acceptExtension(offers []string) string {
	for _, line := range offers {
		for offer := range strings.SplitSeq(line, ",") {
			if answer := acceptOffer(offer); answer != "" {
				return answer
			}
		}
	}
	return ""
}

// acceptOffer answers one offer (RFC 7692, section 7.1).
func acceptOffer(offer string) string {
	name, rest, _ := strings.Cut(offer, ";")
	if strings.TrimSpace(name) != deflateExtension {
		return ""
	}
	answer := deflateAnswer
	var seen [4]bool
	for more := rest != ""; more; {
		var parameter string
		parameter, rest, more = strings.Cut(rest, ";")
		name, value, valued := strings.Cut(parameter, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		which := 0
		switch strings.TrimSpace(name) {
		case "server_no_context_takeover":
			if valued {
				return ""
			}
		case "client_no_context_takeover":
			if which = 1; valued {
				return ""
			}
		case "server_max_window_bits":
			// It must be repeated in the answer, and a smaller window is beyond package flate.
			if which = 2; value != widestWindow {
				return ""
			}
			answer += "; server_max_window_bits=" + widestWindow
		case "client_max_window_bits":
			if which = 3; valued && !isWindow(value) {
				return ""
			}
		default:
			return ""
		}
		if seen[which] {
			return ""
		}
		seen[which] = true
	}
	return answer
}

// isWindow reports whether text is the size of a window: 8 to 15.
func isWindow(text string) bool {
	switch text {
	case "8", "9", "10", "11", "12", "13", "14", widestWindow:
		return true
	}
	return false
}
