package eio_test

import (
	"testing"

	"github.com/parleyio/parley/internal/eio"
)

// TestDeflateAccepted checks answers to the client's offer.
func TestDeflateAccepted(t *testing.T) {
	if answer := eio.AcceptDeflate([]string{eio.DeflateOffer}); answer != eio.DeflateOffer {
		t.Errorf("our own offer is answered %q", answer)
	}
	for _, c := range []struct {
		answers         []string
		accepted, wrong bool
	}{
		{nil, false, false},
		{[]string{eio.DeflateOffer}, true, false},
		{[]string{"permessage-deflate; server_no_context_takeover"}, true, false},
		{[]string{eio.DeflateOffer + "; server_max_window_bits=10"}, true, false},
		{[]string{`permessage-deflate;server_no_context_takeover ; server_max_window_bits="8"`}, true, false},
		{[]string{""}, false, true},
		{[]string{"permessage-deflate"}, false, true}, // the server would keep its window
		{[]string{"permessage-deflate; client_no_context_takeover"}, false, true},
		{[]string{eio.DeflateOffer + "; client_max_window_bits=10"}, false, true}, // the parameter was not offered
		{[]string{eio.DeflateOffer + "; server_max_window_bits=7"}, false, true},
		{[]string{eio.DeflateOffer + "; server_max_window_bits"}, false, true},
		{[]string{eio.DeflateOffer + "; server_no_context_takeover"}, false, true},
		{[]string{eio.DeflateOffer + "; x"}, false, true},
		{[]string{"x-webkit-deflate-frame"}, false, true},
		{[]string{eio.DeflateOffer + ", " + eio.DeflateOffer}, false, true},
		{[]string{eio.DeflateOffer, eio.DeflateOffer}, false, true},
	} {
		if accepted, err := eio.DeflateAccepted(c.answers); accepted != c.accepted || (err != nil) != c.wrong {
			t.Errorf("%q: %v, %v", c.answers, accepted, err)
		}
	}
}
