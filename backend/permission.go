package backend

import "time"

// Action is what a use case does, as far as permission is concerned.
type Action string

// The actions. Those marked with a star concern one room.
const (
	ActionJoin        Action = "join"         // * JoinRoom
	ActionLeave       Action = "leave"        // * LeaveRoom
	ActionPublish     Action = "publish"      // * SendMessage, RelayToRoom
	ActionHistory     Action = "history"      // * History
	ActionListMembers Action = "list-members" // * ListMembers
	ActionRelay       Action = "relay"        // Relay
	ActionNotify      Action = "notify"       // * Notify; without a room it is for a user or for everybody
	ActionReadData    Action = "read-data"    // ReadItem, ListItems
	ActionWriteData   Action = "write-data"   // PutItem
	ActionGoOnline    Action = "go-online"    // GoOnline
	ActionListUsers   Action = "list-users"   // ListUsers
)

// permit returns nil when p may do this, and an [Error] of [CodeForbidden] otherwise. It is the one place that decides
// who may do what: every use case asks it, after the names in the request were validated and before anything is read or
// changed. Room is empty where the action concerns none.
func permit(p Principal, do Action, room string) error {
	switch {
	case !p.Expires.IsZero() && !time.Now().Before(p.Expires):
		return Forbidden("the permission has expired")
	case !p.Permissions.allow(do, room):
		return Forbidden("not permitted")
	case p.Client == nil && do.needsClient():
		return Forbidden("only a connected client can do this")
	case p.Client != nil && do.needsMembership() && !p.Client.in(room):
		return Forbidden("not a member of the room")
	}
	return nil
}

// needsClient tells the actions that are about a connection.
func (a Action) needsClient() bool {
	switch a {
	case ActionJoin, ActionLeave, ActionListMembers, ActionRelay, ActionGoOnline:
		return true
	}
	return false
}

// needsMembership tells the actions for which a client must be in the room. A principal without a connection is in no
// room, and needs to be in none.
func (a Action) needsMembership() bool {
	return a == ActionPublish || a == ActionHistory || a == ActionListMembers
}
