package eio

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Violation is a breach of the rules of websockets, or of a limit, by the peer. The connection must be closed with the
// status code (RFC 6455, section 7.4.1).
type Violation struct {
	Code ws.StatusCode
	Err  error
}

// Error implements error.
func (e *Violation) Error() string { return e.Err.Error() }

// Unwrap returns what the peer did.
func (e *Violation) Unwrap() error { return e.Err }

// Limits that a peer can exceed.
var (
	// ErrTooLarge is the error of a message that exceeds the payload limit.
	ErrTooLarge = errors.New("engineio: message exceeds the payload limit")

	// ErrFragments is the error of a message that comes in too many frames.
	ErrFragments = errors.New("engineio: message has too many fragments")
)

// Rules are what an Assembler holds a peer to. They may be shared.
type Rules struct {
	// Client says that this end is the client: the frames that it reads must be unmasked. Those that a server reads must
	// be masked (RFC 6455, section 5.1).
	Client bool

	// MaxPayload bounds a message, in bytes, before and after decompression.
	MaxPayload int

	// MaxFragments bounds the frames of a message.
	MaxFragments int
}

// Assembler says which frames may come next and what they are together (RFC 6455, section 5.4). It does no I/O and holds
// none of the bytes. Its owner, for each frame:
//
//   - calls Header with what has arrived, until that is a whole header;
//   - has a control frame's payload read and handled; otherwise it
//   - calls Add, has the payload read and unmasked, and
//   - behind the last frame of a message calls End with all the message's bytes.
//
// An error is a *Violation, and the last thing that the Assembler is used for. It belongs to one goroutine.
type Assembler struct {
	// Immutable once frames come.
	Rules    *Rules
	Inflates bool // permessage-deflate has been negotiated

	fragments  int // frames of the message so far; zero means that none is open
	binary     bool
	compressed bool
}

// Header reads a frame header from the front of b and checks it. It returns the header's own size, or 0 when b does not
// hold all of it yet.
func (a *Assembler) Header(b []byte) (h ws.Header, size int, err error) {
	if h, size, err = ParseHeader(b); err != nil {
		return h, 0, &Violation{ws.StatusProtocolError, err}
	}
	if size == 0 {
		return h, 0, nil
	}
	a.takeCompressed(&h)
	state := ws.StateServerSide
	if a.Rules.Client {
		state = ws.StateClientSide
	}
	if a.fragments > 0 {
		state = state.Set(ws.StateFragmented)
	}
	if err := ws.CheckHeader(h, state); err != nil {
		return h, 0, &Violation{ws.StatusProtocolError, fmt.Errorf("engineio: %w", err)}
	}
	return h, size, nil
}

// takeCompressed notes whether a message is compressed, and takes the bit that says so out of the header of its first
// frame. On any other frame the bit stays, and is an error (RFC 7692, section 6).
func (a *Assembler) takeCompressed(h *ws.Header) {
	const rsv1 = 4
	if h.OpCode == ws.OpText || h.OpCode == ws.OpBinary {
		a.compressed = a.Inflates && h.Rsv&rsv1 != 0
		if a.compressed {
			h.Rsv &^= rsv1
		}
	}
}

// Add takes a frame that is no control frame into the message, of which there are so many bytes already. The frame's
// payload has yet to be read.
func (a *Assembler) Add(h ws.Header, already int) error {
	if a.fragments++; a.fragments > a.Rules.MaxFragments {
		return &Violation{ws.StatusPolicyViolation, ErrFragments}
	}
	if h.OpCode != ws.OpContinuation {
		a.binary = h.OpCode == ws.OpBinary
	}
	if h.Length > int64(a.Rules.MaxPayload-already) {
		return &Violation{ws.StatusMessageTooBig, ErrTooLarge}
	}
	return nil
}

// Open reports whether a message has begun and not ended.
func (a *Assembler) Open() bool { return a.fragments > 0 }

// Whole reports whether a frame that has been added is all of its message.
func (a *Assembler) Whole(h ws.Header) bool { return h.Fin && a.fragments == 1 }

// Compressed reports whether the message is compressed.
func (a *Assembler) Compressed() bool { return a.compressed }

// End ends the message, whose bytes are given, and returns them as the peer meant them. A compressed message is
// decompressed into the front of *into, which is replaced by the slice that it has grown to; other messages leave it alone.
func (a *Assembler) End(message []byte, into *[]byte) (data []byte, binary bool, err error) {
	a.fragments = 0
	if a.compressed {
		if *into, err = Inflate((*into)[:0], message, a.Rules.MaxPayload); err != nil {
			code := ws.StatusInvalidFramePayloadData
			if err == ErrTooLarge {
				code = ws.StatusMessageTooBig
			}
			return nil, false, &Violation{code, err}
		}
		message = *into
	}
	if !a.binary && !utf8.Valid(message) {
		return nil, false, &Violation{ws.StatusInvalidFramePayloadData, ErrNotUTF8}
	}
	return message, a.binary, nil
}
