package payload

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrExceedsLimit is the error of a payload that exceeds one of [Limits]. Package parser exports it as ErrExceedsLimit.
var ErrExceedsLimit = errors.New("parser: packet exceeds a limit of its receivers")

// Limits bounds the payloads that are sent: receivers close the connection of a sender that exceeds theirs. The fields have
// the names of socketio.Options. For each field, zero means no limit. A nil *Limits has none.
type Limits struct {
	// MaxAttachments bounds the number of attachments. It is at most [MaxAttachments].
	MaxAttachments int

	// MaxDepth bounds the nesting of arrays and objects. The array of an event is the first level.
	MaxDepth int

	// MaxEventName bounds the name of an event, in bytes.
	MaxEventName int
}

// CheckName returns an error that wraps [ErrExceedsLimit] if an event's name is too long.
func (l *Limits) CheckName(name string) error {
	if l != nil && l.MaxEventName > 0 && len(name) > l.MaxEventName {
		return fmt.Errorf("%w: event name of %d bytes, MaxEventName is %d", ErrExceedsLimit, len(name), l.MaxEventName)
	}
	return nil
}

// CheckDepth returns an error that wraps [ErrExceedsLimit] if a JSON text is nested too deep. The text must be valid.
func (l *Limits) CheckDepth(text []byte) error {
	if l != nil && l.MaxDepth > 0 && deeper(text, l.MaxDepth) {
		return fmt.Errorf("%w: JSON is nested deeper than MaxDepth, which is %d", ErrExceedsLimit, l.MaxDepth)
	}
	return nil
}

// checkAttachments returns an error if a payload has too many attachments.
func (l *Limits) checkAttachments(n int) error {
	switch {
	case l != nil && l.MaxAttachments > 0 && n > l.MaxAttachments:
		return fmt.Errorf("%w: %d attachments (binary values), MaxAttachments is %d", ErrExceedsLimit, n, l.MaxAttachments)
	case n > MaxAttachments:
		return fmt.Errorf("%w: %d attachments", ErrInvalidPacket, n)
	}
	return nil
}

// deeper reports whether a valid JSON text is nested deeper than a number of levels.
func deeper(text []byte, levels int) bool {
	// Most texts have fewer brackets than levels are allowed. Counting them takes a fraction of the time of the scan below.
	if bytes.Count(text, []byte{'['})+bytes.Count(text, []byte{'{'}) <= levels {
		return false
	}
	depth := 0
	for i := 0; i < len(text); {
		switch text[i] {
		case '"':
			i = SkipString(text, i)
			continue
		case '[', '{':
			if depth++; depth > levels {
				return true
			}
		case ']', '}':
			depth--
		}
		i++
	}
	return false
}
