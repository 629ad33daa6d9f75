package eio

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Violation is returned when the peer breaks a rule of the websocket protocol or exceeds a limit. The connection must be
// closed with the status code (RFC 6455, section 7.4.1).
type Violation struct {
	Code ws.StatusCode
	Err  error
}

// Error implements error.
func (e *Violation) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Violation) Unwrap() error { return e.Err }

// Limits that a peer can exceed.
var (
	// ErrTooLarge is the error of a message that exceeds the payload limit.
	ErrTooLarge = errors.New("engineio: message exceeds the payload limit")

	// ErrFragments is the error of a message with too many frames.
	ErrFragments = errors.New("engineio: message has too many fragments")
)

// Rules are the rules that an Assembler checks. Several assemblers may share them.
type Rules struct {
	// Client is true on the client, which reads unmasked frames. A server reads masked frames (RFC 6455, section 5.1).
	Client bool

	// MaxPayload bounds a message, in bytes, before and after decompression.
	MaxPayload int

	// MaxFragments bounds the frames of a message.
	MaxFragments int
}

// Assembler checks the sequence of frames and assembles messages from them (RFC 6455, section 5.4). It does no I/O and holds
// no bytes of messages. For each frame, its owner
//
//   - calls Header with the bytes that have arrived, until they contain a complete header;
//   - reads and handles the payload, if it is a control frame; otherwise it
//   - calls Add, reads and unmasks the payload, and,
//   - after the last frame of a message, calls End with all bytes of the message.
//
// All errors are of type *Violation. After an error the Assembler must not be used again. It is not safe for concurrent use.
type Assembler struct {
	// Immutable after the first frame.
	Rules    *Rules
	Inflates bool // permessage-deflate has been negotiated

	fragments  int // frames of the open message; zero means that no message is open
	binary     bool
	compressed bool
}

// Header reads a frame header from the front of b and checks it. It returns the size of the header, or 0 if b does not hold
// a complete header.
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

// takeCompressed records whether a message is compressed, and clears the bit for this in the header of its first frame. In
// other frames the bit remains and is an error (RFC 7692, section 6).
func (a *Assembler) takeCompressed(h *ws.Header) {
	const rsv1 = 4
	if h.OpCode == ws.OpText || h.OpCode == ws.OpBinary {
		a.compressed = a.Inflates && h.Rsv&rsv1 != 0
		if a.compressed {
			h.Rsv &^= rsv1
		}
	}
}

// Add adds a data frame to the message. already is the number of bytes of the message before this frame. Call Add before
// reading the frame's payload.
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

// Open reports whether a message has begun and is not complete.
func (a *Assembler) Open() bool { return a.fragments > 0 }

// Whole reports whether a frame that was added is the only frame of its message.
func (a *Assembler) Whole(h ws.Header) bool { return h.Fin && a.fragments == 1 }

// Compressed reports whether the message is compressed.
func (a *Assembler) Compressed() bool { return a.compressed }

// End ends the message with these bytes and returns its data. A compressed message is decompressed into *into, which End
// overwrites and may replace by a larger slice. For other messages *into is not used.
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
