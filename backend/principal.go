package backend

import (
	"slices"
	"time"
)

// Principal is the caller of a use case: a user or a client that has not named one, and what is known about it. The zero
// Principal is somebody unknown who acts through no connection, as every caller of the HTTP API is today.
type Principal struct {
	// User is the user's id. Empty means that none is known.
	User string

	// Client is the connection through which the principal acts. Nil means that it acts through none: by HTTP, or from
	// the program itself. Make the Principal of a client with [Client.Principal].
	Client *Client

	// Source says how User was established.
	Source Source

	// Permissions narrows what the principal may do. Nil narrows nothing.
	Permissions Permissions

	// Expires is when the principal may do nothing any more. Zero means never.
	Expires time.Time
}

// Source is the way in which the user of a [Principal] was established.
type Source string

const (
	// Unverified means that nobody has checked who it is: a user id is what the client says.
	Unverified Source = ""
	// Program is the program that runs the backend, acting by itself.
	Program Source = "program"
)

// AnyRoom in [Permissions] stands for every room.
const AnyRoom = "*"

// Permissions maps each [Action] that is allowed to the rooms in which it is: their names, or [AnyRoom]. For an action
// that concerns no room the list has no meaning and may be nil.
type Permissions map[Action][]string

// allow reports whether the action is allowed in the room, which is empty where the action concerns none.
func (p Permissions) allow(do Action, room string) bool {
	if p == nil {
		return true
	}
	rooms, ok := p[do]
	return ok && (room == "" || slices.Contains(rooms, room) || slices.Contains(rooms, AnyRoom))
}

// user is User as entities hold it. That of a client is shared by all that it sends, and costs no allocation.
func (p *Principal) user() *string {
	if p.Client != nil && p.Client.user != nil && *p.Client.user == p.User {
		return p.Client.user
	}
	return optional(p.User)
}

// optional is a user id as entities hold it: nil where there is none.
func optional(user string) *string {
	if user == "" {
		return nil
	}
	return &user
}
