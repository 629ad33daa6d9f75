package payload_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/parleyio/parley/internal/payload"
)

func nested(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }

func nestedAny(levels int) any {
	var v any = []any{}
	for range levels - 1 {
		v = []any{v}
	}
	return v
}

func TestLimits(t *testing.T) {
	limits := &payload.Limits{MaxAttachments: 2, MaxDepth: 64, MaxEventName: 4}
	b := []byte("x")
	var many [65]struct{ A []int }
	type recursive struct {
		Next *recursive `json:"next"`
	}
	chain := &recursive{}
	for range 64 {
		chain = &recursive{chain}
	}
	for name, tt := range map[string]struct {
		event string
		args  []any
		limit string // in the error; empty: accepted
	}{
		"name at the limit":              {"éé", nil, ""},
		"name above it":                  {"ééx", nil, "MaxEventName is 4"},
		"attachments at the limit":       {"e", []any{b, b}, ""},
		"attachments above it":           {"e", []any{b, map[string]any{"b": [][]byte{b, b}}}, "3 attachments (binary values), MaxAttachments is 2"},
		"attachments of a Raw":           {"e", []any{b, raw(`[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "1", "2")}, "MaxAttachments is 2"},
		"depth at the limit":             {"e", []any{nestedAny(63)}, ""},
		"depth above it":                 {"e", []any{nestedAny(64)}, "MaxDepth, which is 64"},
		"depth of raw JSON at the limit": {"e", []any{json.RawMessage(nested(63))}, ""},
		"depth of raw JSON above it":     {"e", []any{json.RawMessage(nested(64))}, "MaxDepth"},
		"depth of a Raw above it":        {"e", []any{[]any{raw(nested(63))}}, "MaxDepth"},
		"depth of structs above it":      {"e", []any{chain}, "MaxDepth"},
		"a placeholder is a level":       {"e", []any{json.RawMessage(nested(62)), raw(strings.Repeat("[", 63)+`{"_placeholder":true,"num":0}`+strings.Repeat("]", 63), "x")}, "MaxDepth"},
		"many values side by side":       {"e", []any{many}, ""},
		"brackets in strings":            {"e", []any{strings.Repeat(`[\"`, 200)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(err error) {
				t.Helper()
				switch {
				case tt.limit == "" && err != nil:
					t.Error(err)
				case tt.limit != "" && (!errors.Is(err, payload.ErrExceedsLimit) || !strings.Contains(err.Error(), tt.limit)):
					t.Errorf("got %v", err)
				}
			}
			_, _, err := payload.MarshalEvent(tt.event, tt.args, limits)
			check(err)
			dst, _, err := payload.AppendEvent([]byte("42"), tt.event, tt.args, limits)
			check(err)
			if err != nil && string(dst) != "42" {
				t.Errorf("dst is %.50q", dst)
			}
			if !strings.Contains(tt.limit, "Name") {
				_, _, err = payload.MarshalArgs(tt.args, limits)
				check(err)
			}
			if _, _, err := payload.MarshalEvent(tt.event, tt.args, nil); err != nil {
				t.Errorf("without limits: %v", err)
			}
		})
	}
}
