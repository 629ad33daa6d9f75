package parser

import "github.com/parleyio/parley/internal/payload"

// Raw is one argument of an event in the packets' own form: JSON text, and the attachments that stand behind the
// placeholders in it.
//
//	type Raw struct {
//		JSON        []byte
//		Attachments [][]byte
//	}
//
// Emitted, it is passed through without being decoded, encoded or copied more than once; when several arguments carry
// attachments they are renumbered. JSON must be valid, which is not checked again. Empty stands for null. Attachments are
// not copied and must not be changed afterwards.
//
// As the payload of a typed event, as what an event's arguments are scanned into, or as a field of either, a Raw takes the
// value as it came, and shares memory with the packet: an application that only passes a value on need not know its type.
//
// To encoding/json a Raw is its JSON text; one with attachments is an error there.
type Raw = payload.Raw
