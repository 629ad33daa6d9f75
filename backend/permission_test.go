package backend_test

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/parleyio/parley/backend"
)

// useCase is one method of the Service that takes a Principal, called with a valid request about the room "r".
type useCase struct {
	action backend.Action
	room   bool // the action concerns a room
	call   func(f *fixture, p backend.Principal) error
}

// call makes a useCase of a method.
func call[Req, Res any](method func(*backend.Service, context.Context, backend.Principal, Req) (Res, error), req Req) func(*fixture, backend.Principal) error {
	return func(f *fixture, p backend.Principal) error {
		_, err := method(f.Service, f.t.Context(), p, req)
		return err
	}
}

var value = backend.Value{JSON: []byte(`1`)}

func useCases() map[string]useCase {
	return map[string]useCase{
		"JoinRoom":    {backend.ActionJoin, true, call((*backend.Service).JoinRoom, backend.JoinRoom{Room: "r"})},
		"LeaveRoom":   {backend.ActionLeave, true, call((*backend.Service).LeaveRoom, backend.LeaveRoom{Room: "r"})},
		"SendMessage": {backend.ActionPublish, true, call((*backend.Service).SendMessage, backend.SendMessage{RoomID: "r", Text: "x"})},
		"RelayToRoom": {backend.ActionPublish, true, call((*backend.Service).RelayToRoom, backend.RelayToRoom{Room: "r", Message: value})},
		"History":     {backend.ActionHistory, true, call((*backend.Service).History, backend.History{RoomID: "r"})},
		"ListMembers": {backend.ActionListMembers, true, call((*backend.Service).ListMembers, backend.ListMembers{Room: "r"})},
		"Notify":      {backend.ActionNotify, true, call((*backend.Service).Notify, backend.Notify{Type: "t", Message: "m", Room: new("r")})},
		"Relay":       {backend.ActionRelay, false, call((*backend.Service).Relay, backend.Relay{Message: value})},
		"PutItem":     {backend.ActionWriteData, false, call((*backend.Service).PutItem, backend.PutItem{Key: "k", Value: []byte(`1`)})},
		"ReadItem":    {backend.ActionReadData, false, call((*backend.Service).ReadItem, backend.ReadItem{Key: "there"})},
		"ListItems":   {backend.ActionReadData, false, call((*backend.Service).ListItems, backend.ListItems{})},
		"GoOnline":    {backend.ActionGoOnline, false, call((*backend.Service).GoOnline, backend.GoOnline{User: "ann"})},
		"ListUsers":   {backend.ActionListUsers, false, call((*backend.Service).ListUsers, backend.ListUsers{})},
	}
}

// A use case that is not in the table above has no tested rule.
func TestPermission_knows_every_use_case(t *testing.T) {
	var methods []string
	service := reflect.TypeFor[*backend.Service]()
	for m := range service.Methods() {
		if m.Type.NumIn() > 2 && m.Type.In(2) == reflect.TypeFor[backend.Principal]() {
			methods = append(methods, m.Name)
		}
	}
	if tested := slices.Sorted(maps.Keys(useCases())); !slices.Equal(tested, methods) {
		t.Errorf("tested %v, the Service has %v", tested, methods)
	}
}

func TestPermission(t *testing.T) {
	// What a client that is in no room may do, and one without a connection.
	needsMembership := []string{"SendMessage", "RelayToRoom", "History", "ListMembers"}
	needsClient := []string{"JoinRoom", "LeaveRoom", "ListMembers", "Relay", "GoOnline"}
	always := func(string, useCase) bool { return true }
	never := func(string, useCase) bool { return false }
	client := func(name string, _ useCase) bool { return !slices.Contains(needsClient, name) }

	for who, c := range map[string]struct {
		principal func(f *fixture, u useCase) backend.Principal
		may       func(name string, u useCase) bool
	}{
		"http": {func(*fixture, useCase) backend.Principal { return backend.Principal{User: "ann"} }, client},
		"the program": {func(*fixture, useCase) backend.Principal {
			return backend.Principal{User: "p", Source: backend.Program}
		}, client},
		"a member":     {func(f *fixture, _ useCase) backend.Principal { return f.member("a", "r").Principal() }, always},
		"a named user": {func(f *fixture, _ useCase) backend.Principal { return f.as(f.member("a", "r"), "ann").Principal() }, always},
		"an outsider": {
			func(f *fixture, _ useCase) backend.Principal { return f.member("a", "another").Principal() },
			func(name string, _ useCase) bool { return !slices.Contains(needsMembership, name) },
		},
		"no longer valid": {func(f *fixture, _ useCase) backend.Principal {
			p := f.member("a", "r").Principal()
			p.Expires = time.Now()
			return p
		}, never},
		"still valid": {func(f *fixture, _ useCase) backend.Principal {
			p := f.member("a", "r").Principal()
			p.Expires = time.Now().Add(time.Hour)
			return p
		}, always},
		"permitted nothing": {func(f *fixture, _ useCase) backend.Principal {
			p := f.member("a", "r").Principal()
			p.Permissions = backend.Permissions{}
			return p
		}, never},
		"permitted this": {func(f *fixture, u useCase) backend.Principal {
			p := f.member("a", "r").Principal()
			p.Permissions = backend.Permissions{u.action: {"q", "r"}}
			return p
		}, always},
		"permitted everywhere": {func(f *fixture, u useCase) backend.Principal {
			p := f.member("a", "r").Principal()
			p.Permissions = backend.Permissions{u.action: {backend.AnyRoom}}
			return p
		}, always},
		"permitted elsewhere": {func(f *fixture, u useCase) backend.Principal {
			p := f.member("a", "r").Principal()
			p.Permissions = backend.Permissions{u.action: {"q"}}
			return p
		}, func(_ string, u useCase) bool { return !u.room }},
		"permitted but an outsider": {func(f *fixture, u useCase) backend.Principal {
			p := f.member("a", "another").Principal()
			p.Permissions = backend.Permissions{u.action: {"r"}}
			return p
		}, func(name string, _ useCase) bool { return !slices.Contains(needsMembership, name) }},
	} {
		for name, u := range useCases() {
			t.Run(who+"/"+name, func(t *testing.T) {
				f := setup(t, newMemory())
				if _, err := f.PutItem(t.Context(), backend.Principal{}, backend.PutItem{Key: "there", Value: []byte(`1`)}); err != nil {
					t.Fatal(err)
				}
				p := c.principal(f, u)
				f.events.take()
				err := u.call(f, p)
				if c.may(name, u) && err != nil {
					t.Errorf("%v, want that it may", err)
				}
				if !c.may(name, u) {
					if codeOf(err) != backend.CodeForbidden {
						t.Errorf("%v, want forbidden", err)
					}
					f.wantNoEvent(t)
				}
			})
		}
	}
}
