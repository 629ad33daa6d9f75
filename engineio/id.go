package engineio

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
)

// NewID returns an unguessable id for a session or a socket: 15 random bytes as 20 characters of the URL-safe base64
// alphabet. Cluster adapters rely on the length to distinguish ids from other room names.
func NewID() string {
	var b [15]byte
	rand.Read(b[:]) // never returns an error: the runtime ends the process when the system has no randomness
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// maxID is the greatest length of an id that GenerateID returns.
const maxID = 64

var (
	errIDInvalid = errors.New("engineio: GenerateID returned an id that is empty, too long (more than 64 characters), or has characters other than A-Z, a-z, 0-9 and -_.~")
	errIDTaken   = errors.New("engineio: GenerateID returned the id of an open session")
)

// newID returns the id of a new session.
func (s *Server) newID(r *http.Request) (string, error) {
	if s.opts.GenerateID == nil {
		return NewID(), nil
	}
	id, err := s.opts.GenerateID(r)
	if err == nil && !validID(id) {
		err = errIDInvalid
	}
	return id, err
}

// validID reports whether an id needs no escaping in a URL, in JSON and in a cookie.
func validID(id string) bool {
	if id == "" || len(id) > maxID {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~':
		default:
			return false
		}
	}
	return true
}
