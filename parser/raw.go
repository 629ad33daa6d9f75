package parser

import "github.com/parleyio/parley/internal/payload"

// Raw is one argument of an event without decoding: its JSON text, and the attachments that its placeholders refer to.
//
//	type Raw struct {
//		JSON        []byte
//		Attachments [][]byte
//	}
//
// A Raw that is emitted is copied into the packet once and neither decoded nor encoded. If several arguments have
// attachments, their placeholders are renumbered. JSON must be valid; this is not checked. An empty JSON is sent as null.
// Attachments are not copied and must not be changed afterwards.
//
// Use a Raw to pass on a value without knowing its type: as the payload of a typed event, as a destination of
// event.Message.Scan, or as a field in either. It then holds the value as it was received and shares memory with the
// packet.
//
// For encoding/json a Raw is its JSON text. Marshalling a Raw with attachments is an error.
type Raw = payload.Raw
