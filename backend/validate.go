package backend

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
)

// The bounds of what a client may send. Bytes are those of the UTF-8 text, characters are Unicode code points.
const (
	MaxRoomBytes            = 128       // room name
	MaxUserBytes            = 128       // user id
	MaxClientMessageIDBytes = 128       // clientMessageId
	MaxKeyBytes             = 256       // key of a live data item
	MaxValueBytes           = 1_000_000 // JSON text of a live data item
	MaxTextChars            = 4096      // text of a chat message or of a notification
	MaxTypeBytes            = 64        // type of a notification

	// MaxLimit bounds the messages of one page, and DefaultLimit is their number where the caller names none.
	MaxLimit     = 100
	DefaultLimit = 50

	// MaxItemLimit bounds the items of one page, and DefaultItemLimit is their number where the caller names none.
	MaxItemLimit     = 1000
	DefaultItemLimit = 100

	// MaxItemTTL is the longest time that an item can be given.
	MaxItemTTL = 10 * 365 * 24 * time.Hour

	// MaxPresenceLimit bounds a page of users or of a room's members, and DefaultPresenceLimit is their number where the
	// caller names none.
	MaxPresenceLimit     = 1000
	DefaultPresenceLimit = 1000
)

// ValidateRoom checks a room name. Field is its name on the wire: "room" or "roomId".
func ValidateRoom(field, room string) error { return validateName(field, room, MaxRoomBytes) }

// ValidateUser checks a user id. Field is its name on the wire.
func ValidateUser(field, user string) error { return validateName(field, user, MaxUserBytes) }

// ValidateKey checks the key of a live data item.
func ValidateKey(key string) error { return validateName("key", key, MaxKeyBytes) }

// ValidateAfter checks the position of a page of items: a key.
func ValidateAfter(after string) error { return validateName("after", after, MaxKeyBytes) }

// ValidateItemLimit checks a page's size and returns the number to use: zero means [DefaultItemLimit].
func ValidateItemLimit(limit int) (int, error) {
	switch {
	case limit == 0:
		return DefaultItemLimit, nil
	case limit < 0 || limit > MaxItemLimit:
		return 0, Invalid("limit", "must be 1 to %d", MaxItemLimit)
	}
	return limit, nil
}

// ValidateText checks a text of 1 to [MaxTextChars] characters. Field is its name on the wire.
func ValidateText(field, text string) error {
	if err := validateUTF8(field, text); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(text); n < 1 || n > MaxTextChars {
		return Invalid(field, "must have 1 to %d characters", MaxTextChars)
	}
	return nil
}

// ValidateValue checks the JSON text of a live data item.
func ValidateValue(value json.RawMessage) error {
	switch {
	case len(value) > MaxValueBytes:
		return Invalid("value", "must have at most %d bytes", MaxValueBytes)
	case !utf8.Valid(value) || !json.Valid(value):
		return Invalid("value", "must be JSON")
	}
	return nil
}

// ValidateBefore checks the position of a page: empty, or a message id as [Page].Next or [ChatMessage].ID spells it.
func ValidateBefore(before string) error {
	if before == "" {
		return nil
	}
	if id, err := ulid.ParseStrict(before); err != nil || id.String() != before {
		return Invalid("before", "must be a message id")
	}
	return nil
}

// ValidateLimit checks a page's size and returns the number to use: zero means [DefaultLimit].
func ValidateLimit(limit int) (int, error) {
	switch {
	case limit == 0:
		return DefaultLimit, nil
	case limit < 0 || limit > MaxLimit:
		return 0, Invalid("limit", "must be 1 to %d", MaxLimit)
	}
	return limit, nil
}

func validateName(field, s string, maxBytes int) error {
	if len(s) < 1 || len(s) > maxBytes {
		return Invalid(field, "must have 1 to %d bytes", maxBytes)
	}
	return validateUTF8(field, s)
}

// validateUTF8 also refuses U+0000: not every database can keep it in a text, and no person has a use for it.
func validateUTF8(field, s string) error {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return Invalid(field, "must be UTF-8 text without NUL")
	}
	return nil
}
