package eio

import (
	"errors"
	"strings"
)

const (
	deflateExtension = "permessage-deflate"

	// DeflateOffer is the value of Sec-WebSocket-Extensions with which a client offers permessage-deflate and a server
	// accepts it. Neither side keeps state between messages.
	DeflateOffer = deflateExtension + "; server_no_context_takeover; client_no_context_takeover"

	// widestWindow is the largest window size in bits. A Deflater always uses this size.
	widestWindow = "15"
)

var errExtension = errors.New("engineio: the server uses a websocket extension that was not offered")

// AcceptDeflate returns the server's answer to the first acceptable offer in the values of Sec-WebSocket-Extensions, or "".
// Other extensions and invalid offers are ignored.
func AcceptDeflate(offers []string) string {
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
	p, ok := parseDeflate(offer)
	switch {
	case !ok:
		return ""
	case p.serverWindow == "":
		return DeflateOffer
	case p.serverWindow == widestWindow: // the answer must repeat it
		return DeflateOffer + "; server_max_window_bits=" + widestWindow
	default: // package flate does not support smaller windows
		return ""
	}
}

// DeflateAccepted reports whether a server has accepted the client's DeflateOffer. answers are the values of
// Sec-WebSocket-Extensions in the server's response. If they accept anything else, DeflateAccepted returns an error and the
// client must close the connection (RFC 6455, section 4.1, and RFC 7692, section 7.1).
func DeflateAccepted(answers []string) (bool, error) {
	if len(answers) == 0 {
		return false, nil
	}
	p, ok := parseDeflate(answers[0])
	if !ok || len(answers) > 1 || !p.serverNoContext || p.clientWindow {
		return false, errExtension
	}
	return true, nil
}

// deflateParameters are the parameters of an offer of permessage-deflate or of the answer.
type deflateParameters struct {
	serverNoContext, clientNoContext, clientWindow bool

	serverWindow string // in bits; empty if the parameter is missing
}

// parseDeflate reads the parameters. ok is false for other extensions and for parameters that RFC 7692 does not allow.
func parseDeflate(extension string) (p deflateParameters, ok bool) {
	name, rest, _ := strings.Cut(extension, ";")
	if strings.TrimSpace(name) != deflateExtension {
		return p, false
	}
	for more := rest != ""; more; {
		var parameter string
		parameter, rest, more = strings.Cut(rest, ";")
		name, value, valued := strings.Cut(parameter, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		seen, valid := false, !valued
		switch strings.TrimSpace(name) {
		case "server_no_context_takeover":
			seen, p.serverNoContext = p.serverNoContext, true
		case "client_no_context_takeover":
			seen, p.clientNoContext = p.clientNoContext, true
		case "server_max_window_bits":
			seen, valid = p.serverWindow != "", isWindow(value)
			p.serverWindow = value
		case "client_max_window_bits":
			seen, valid = p.clientWindow, !valued || isWindow(value)
			p.clientWindow = true
		default:
			return p, false
		}
		if seen || !valid {
			return p, false
		}
	}
	return p, true
}

// isWindow reports whether text is a valid window size: 8 to 15.
func isWindow(text string) bool {
	switch text {
	case "8", "9", "10", "11", "12", "13", "14", widestWindow:
		return true
	}
	return false
}
