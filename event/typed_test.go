package event_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

type point struct {
	X int `json:"x"`
	Y int `json:"y"`
}

// Events of every shape.
const (
	moved   = event.Name[point]("moved")
	started = event.Name[event.None]("started")
	pair    = event.Name[event.Args2[string, point]]("pair")
	triple  = event.Name[event.Args3[string, []byte, any]]("triple")
	list    = event.Name[[]any]("list")
	relayed = event.Name[parser.Raw]("relayed")
	upload  = event.Name[[]byte]("upload")

	double = event.WithAck[int, int]("double")
	reset  = event.WithAck[event.None, event.None]("reset")
	split  = event.WithAck[string, event.Args2[string, string]]("split")
)

// on registers a handler that records its payload and returns err.
func on[T any](x *event.Mux[string], name event.Name[T], got *any, err error) {
	event.On(x, name, func(_ context.Context, s string, payload T) error {
		*got = payload
		return err
	})
}

func TestOn(t *testing.T) {
	var (
		x   event.Mux[string]
		got any
	)
	on(&x, moved, &got, nil)
	on(&x, started, &got, nil)
	on(&x, pair, &got, nil)
	on(&x, triple, &got, nil)
	on(&x, list, &got, nil)
	on(&x, relayed, &got, nil)
	on(&x, upload, &got, nil)
	for _, c := range []struct {
		text        string
		attachments []string
		want        any
	}{
		{`21["moved",{"x":1,"y":2}]`, nil, point{1, 2}},
		{`21["moved",{"x":1,"y":2},"more"]`, nil, point{1, 2}},
		{`21["started"]`, nil, event.None{}},
		{`21["started","more"]`, nil, event.None{}},
		{`21["pair","a",{"x":1}]`, nil, event.Args2[string, point]{A: "a", B: point{X: 1}}},
		{`51-1["triple","a",` + binary0 + `,null]`, []string{"b"}, event.Args3[string, []byte, any]{A: "a", B: []byte("b")}},
		{`21["list",[1,"x"]]`, nil, []any{1.0, "x"}},
		{`51-1["relayed",[` + binary0 + `]]`, []string{"b"}, parser.Raw{JSON: []byte(`[` + binary0 + `]`), Attachments: [][]byte{[]byte("b")}}},
		{`51-1["upload",` + binary0 + `]`, []string{"b"}, []byte("b")},
	} {
		a := new(acks)
		got = nil
		m := arrived(t, a, c.text, c.attachments...)
		if err := dispatch(&x, "socket", m); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %#v, %v", c.text, got, err)
		}
		if len(a.sent) != 1 || a.sent[0] != "1 []" {
			t.Errorf("%s: acknowledged %q", c.text, a.sent)
		}
	}
}

func TestOn_Errors(t *testing.T) {
	failed := errors.New("failed")
	for _, c := range []struct {
		name, text string
		err        error // of the handler
		want       string
		called     bool
	}{
		{"handler", `21["moved",{}]`, failed, "failed", true},
		{"payload", `21["moved",{"x":"far"}]`, nil, `invalid: argument 1, field "x": want integer, got string`, false},
		{"missing", `21["moved"]`, nil, "invalid: argument 1 is missing", false},
		{"missing second", `21["pair","a"]`, nil, "invalid: argument 2 is missing", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var (
				x   event.Mux[string]
				got any
				a   = new(acks)
			)
			on(&x, moved, &got, c.err)
			on(&x, pair, &got, c.err)
			err := dispatch(&x, "socket", arrived(t, a, c.text))
			if err == nil || err.Error() != c.want || (got != nil) != c.called {
				t.Errorf("%v, payload %v", err, got)
			}
			if len(a.sent) != 0 {
				t.Errorf("acknowledged %q: that is for the engine to do", a.sent)
			}
		})
	}
}

// It is not an error when another handler has acknowledged the event, or when the sender did not ask.
func TestOn_AcknowledgesOnce(t *testing.T) {
	var (
		x   event.Mux[string]
		got any
	)
	x.On("moved", func(_ context.Context, _ string, m *event.Message) error { return m.Ack("own") })
	on(&x, moved, &got, nil)
	on(&x, moved, &got, nil)
	a := new(acks)
	if err := dispatch(&x, "socket", arrived(t, a, `21["moved",{}]`)); err != nil || len(a.sent) != 1 || a.sent[0] != `1 ["own"]` {
		t.Errorf("%v, %q", err, a.sent)
	}
	a = new(acks)
	if err := dispatch(&x, "socket", arrived(t, a, `2["moved",{}]`)); err != nil || len(a.sent) != 0 {
		t.Errorf("%v, %q", err, a.sent)
	}
}

func TestOn_Off(t *testing.T) {
	var x event.Mux[string]
	off := event.On(&x, moved, func(context.Context, string, point) error { return nil })
	offAck := event.OnWithAck(&x, double, func(_ context.Context, _ string, n int) (int, error) { return n, nil })
	off()
	offAck()
	if x.Handlers("moved") != nil || x.Handlers("double") != nil {
		t.Error("handlers are left")
	}
}

func TestOnWithAck(t *testing.T) {
	var x event.Mux[string]
	refused := &event.Error{Code: event.Forbidden, Message: "no"}
	event.OnWithAck(&x, double, func(_ context.Context, s string, n int) (int, error) {
		if n < 0 {
			return 7, refused
		}
		return 2 * n, nil
	})
	event.OnWithAck(&x, reset, func(context.Context, string, event.None) (event.None, error) { return event.None{}, nil })
	event.OnWithAck(&x, split, func(_ context.Context, _ string, s string) (event.Args2[string, string], error) {
		a, b, _ := strings.Cut(s, " ")
		return event.Args2[string, string]{A: a, B: b}, nil
	})
	for _, c := range []struct{ text, ack, err string }{
		{`23["double",21]`, `3 [42]`, ""},
		{`2["double",21]`, ``, ""},
		{`23["double",-1]`, ``, "forbidden: no"},
		{`23["double"]`, ``, "invalid: argument 1 is missing"},
		{`23["reset"]`, `3 []`, ""},
		{`23["split","a b"]`, `3 ["a","b"]`, ""},
	} {
		a := new(acks)
		err := dispatch(&x, "socket", arrived(t, a, c.text))
		if got := strings.Join(a.sent, ","); got != c.ack || fmt.Sprint(err) != c.err && (err != nil || c.err != "") {
			t.Errorf("%s: %q, %v", c.text, got, err)
		}
	}
	event.OnWithAck(&x, double, func(context.Context, string, int) (int, error) { return 0, nil })
	if err := dispatch(&x, "socket", arrived(t, new(acks), `23["double",1]`)); !errors.Is(err, event.ErrAcknowledged) {
		t.Errorf("two answers: %v", err)
	}
}

// peer is an emitter that records what was sent and returns prepared answers.
type peer struct {
	t       testing.TB
	sent    string
	answers []string // texts of acknowledgements, with what follows a space as attachment
	err     error
}

func (p *peer) Emit(name string, args ...any) error {
	data, attachments, err := payload.MarshalEvent(name, args, nil)
	p.sent = strings.TrimSpace(fmt.Sprintf("%s %s", data, strings.Trim(fmt.Sprintf("%s", attachments), "[]")))
	return errors.Join(err, p.err)
}

func (p *peer) EmitWithAck(ctx context.Context, name string, args ...any) (*event.Message, error) {
	messages, err := p.EmitWithAcks(ctx, name, args...)
	if err != nil {
		return nil, err
	}
	return messages[0], nil
}

func (p *peer) EmitWithAcks(_ context.Context, name string, args ...any) (messages []*event.Message, err error) {
	err = p.Emit(name, args...)
	for _, text := range p.answers {
		text, attachment, ok := strings.Cut(text, " ")
		var attachments []string
		if ok {
			attachments = []string{attachment}
		}
		messages = append(messages, arrived(p.t, nil, text, attachments...))
	}
	return messages, err
}

func TestEmit(t *testing.T) {
	p := &peer{t: t, err: errors.New("queue is full")}
	for want, emit := range map[string]func() error{
		`["moved",{"x":1,"y":2}]`:      func() error { return event.Emit(p, moved, point{1, 2}) },
		`["started"]`:                  func() error { return event.Emit(p, started, event.None{}) },
		`["pair","a",{"x":1,"y":0}]`:   func() error { return event.Emit(p, pair, event.Args2[string, point]{A: "a", B: point{X: 1}}) },
		`["list",[1,[2],null]]`:        func() error { return event.Emit(p, list, []any{1, []int{2}, nil}) },
		`["list",null]`:                func() error { return event.Emit(p, list, nil) },
		`["upload",` + binary0 + `] b`: func() error { return event.Emit(p, upload, []byte("b")) },
		`["triple","a",` + binary0 + `,{"b":` + binary1 + `}] b c`: func() error {
			return event.Emit(p, triple, event.Args3[string, []byte, any]{A: "a", B: []byte("b"), C: map[string]any{"b": []byte("c")}})
		},
		`["relayed",` + binary0 + `] b`: func() error {
			return event.Emit(p, relayed, parser.Raw{JSON: []byte(binary0), Attachments: [][]byte{[]byte("b")}})
		},
	} {
		if err := emit(); !errors.Is(err, p.err) || p.sent != want {
			t.Errorf("sent %s, %v, want %s", p.sent, err, want)
		}
	}
}

func TestEmitWithAck(t *testing.T) {
	ctx := context.Background()
	emitInt := func(p *peer) (any, error) { return event.EmitWithAck(ctx, p, double, 21) }
	emitNone := func(p *peer) (any, error) { return event.EmitWithAck(ctx, p, reset, event.None{}) }
	emitAny := func(p *peer) (any, error) {
		return event.EmitWithAck(ctx, p, event.WithAck[event.None, any]("any"), event.None{})
	}
	for _, c := range []struct {
		name, answer string
		emit         func(*peer) (any, error)
		want         any
		err          error
	}{
		{"a value", `30[42]`, emitInt, 42, nil},
		{"more than is wanted", `30[42,"x"]`, emitInt, 42, nil},
		{"nothing", `30[]`, emitNone, event.None{}, nil},
		{"something, but none is wanted", `30[1]`, emitNone, event.None{}, nil},
		{"several", `30["a","b"]`, func(p *peer) (any, error) { return event.EmitWithAck(ctx, p, split, "a b") }, event.Args2[string, string]{A: "a", B: "b"}, nil},
		{"nothing where a value is wanted", `30[]`, emitInt, 0, &event.Error{Code: event.Invalid, Message: "argument 1 is missing"}},
		{"another type", `30["x"]`, emitInt, 0, &event.Error{Code: event.Invalid, Message: "argument 1: want integer, got string"}},

		{"an error", `30[{"error":{"code":"forbidden","message":"no"}}]`, emitInt, 0, &event.Error{Code: "forbidden", Message: "no"}},
		{"an error, spaced out", "30[{\t\"error\"\n:{\"message\":\"no\",\"code\":\"c\",\"data\":[1],\"more\":2}}]", emitInt, 0, &event.Error{Code: "c", Message: "no", Data: []any{1.0}}},
		{"an error with binary", `61-0[{"error":{"code":"c","data":` + binary0 + `}}] b`, emitInt, 0, &event.Error{Code: "c", Data: []byte("b")}},
		{"an error where nothing is wanted", `30[{"error":{"code":"c"}}]`, emitNone, event.None{}, &event.Error{Code: "c"}},
		{"an error without a code is data", `30[{"error":{"message":"no"}}]`, emitAny, map[string]any{"error": map[string]any{"message": "no"}}, nil},
		{"an error that is text is data", `30[{"error":"no"}]`, emitAny, map[string]any{"error": "no"}, nil},
		{"an error that is null is data", `30[{"error":null}]`, emitAny, map[string]any{"error": nil}, nil},
		{"an error with a number as code is data", `30[{"error":{"code":7}}]`, emitAny, map[string]any{"error": map[string]any{"code": 7.0}}, nil},
		{"an error beside another key is data", `30[{"error":{"code":"c"},"x":1}]`, emitAny, map[string]any{"error": map[string]any{"code": "c"}, "x": 1.0}, nil},
		{"an error beside another argument is data", `30[{"error":{"code":"c"}},1]`, emitAny, map[string]any{"error": map[string]any{"code": "c"}}, nil},
		{"an error in an array is data", `30[[{"error":{"code":"c"}}]]`, emitAny, []any{map[string]any{"error": map[string]any{"code": "c"}}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.emit(&peer{t: t, answers: []string{c.answer}})
			if !reflect.DeepEqual(got, c.want) || !reflect.DeepEqual(err, c.err) {
				t.Errorf("%#v, %v", got, err)
			}
		})
	}
	t.Run("no answer", func(t *testing.T) {
		p := &peer{t: t, err: context.DeadlineExceeded}
		if got, err := event.EmitWithAck(ctx, p, double, 21); got != 0 || !errors.Is(err, context.DeadlineExceeded) || p.sent != `["double",21]` {
			t.Errorf("%v, %v, sent %s", got, err, p.sent)
		}
	})
}

func TestEmitAll(t *testing.T) {
	ctx := context.Background()
	missing := errors.New("1 of 3 did not answer")
	for _, c := range []struct {
		name    string
		answers []string
		err     error
		want    []int
		text    string
		code    string // of the *event.Error in the error
	}{
		{"all", []string{`30[1]`, `30[2]`}, nil, []int{1, 2}, "", ""},
		{"none", nil, nil, []int{}, "", ""},
		{"some", []string{`30[1]`, `30[2]`}, missing, []int{1, 2}, missing.Error(), ""},
		{"errors among them", []string{`30[{"error":{"code":"c","message":"m"}}]`, `30[2]`, `30["x"]`}, nil, []int{2}, "event: 2 of 3 answers failed, first: c: m", "c"},
		{"both", []string{`30[1]`, `30[]`}, missing, []int{1}, missing.Error() + "; 1 of 2 answers failed, first: invalid: argument 1 is missing", event.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := event.EmitAll(ctx, &peer{t: t, answers: c.answers, err: c.err}, double, 21)
			if !reflect.DeepEqual(got, c.want) || (err != nil) != (c.text != "") || err != nil && err.Error() != c.text {
				t.Errorf("%v, %v", got, err)
			}
			var e *event.Error
			if c.err != nil && !errors.Is(err, c.err) || c.code != "" && (!errors.As(err, &e) || e.Code != c.code) {
				t.Errorf("%v", err)
			}
		})
	}
}

// runner is an acker that collects handlers; the test runs them.
type runner struct {
	acks
	held []func() error
}

func (r *runner) Run(_ *message.Message, f func() error) { r.held = append(r.held, f) }

func TestConcurrent(t *testing.T) {
	var (
		x     event.Mux[string]
		calls int
	)
	event.OnWithAck(event.Concurrent(&x), double, func(_ context.Context, _ string, n int) (int, error) {
		calls++
		return 2 * n, nil
	})
	t.Run("beside the others", func(t *testing.T) {
		r := new(runner)
		if err := dispatch(&x, "socket", arrived(t, r, `23["double",21]`)); err != nil || calls != 0 || len(r.held) != 1 {
			t.Fatalf("%v, %d calls, %d held", err, calls, len(r.held))
		}
		if err := r.held[0](); err != nil || calls != 1 || len(r.sent) != 1 || r.sent[0] != "3 [42]" {
			t.Errorf("%v, %d calls, %q", err, calls, r.sent)
		}
	})
	t.Run("in order where that cannot be", func(t *testing.T) {
		a := new(acks)
		if err := dispatch(&x, "socket", arrived(t, a, `23["double",4]`)); err != nil || len(a.sent) != 1 || a.sent[0] != "3 [8]" {
			t.Errorf("%v, %q", err, a.sent)
		}
	})
	t.Run("removed", func(t *testing.T) {
		off := event.Concurrent(&x).On("e", func(context.Context, string, *event.Message) error { return nil })
		off()
		if x.Handlers("e") != nil {
			t.Error("still there")
		}
	})
}
