package event_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/internal/message"
	"github.com/parleyio/parley/internal/payload"
	"github.com/parleyio/parley/parser"
)

// acks records what is acknowledged.
type acks struct {
	mu   sync.Mutex
	sent []string
	err  error // returned by Acknowledge
}

func (a *acks) Acknowledge(id uint64, data []byte, attachments [][]byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = append(a.sent, strings.TrimSpace(fmt.Sprintf("%d %s %s", id, data, strings.Trim(fmt.Sprintf("%q", attachments), "[]"))))
	return a.err
}

// arrived decodes a packet and returns its message.
func arrived(t testing.TB, acker message.Acker, text string, attachments ...string) *event.Message {
	t.Helper()
	dec := message.NewDecoder(parser.JSON{}, parser.Limits{})
	p, name, args, err := dec.AddEvent([]byte(text), false)
	for _, a := range attachments {
		if err == nil {
			p, name, args, err = dec.AddEvent([]byte(a), true)
		}
	}
	if err != nil || p == nil {
		t.Fatalf("%s: %v, %v", text, p, err)
	}
	if p.Type == parser.Ack {
		return (*event.Message)(message.Answer(p, nil))
	}
	return (*event.Message)(message.New(p, name, args, acker, nil))
}

// fail answers with an error, as servers do.
func fail(m *event.Message, err error) error {
	return (*message.Message)(m).Fail((*message.Failure)(event.AsError(err)))
}

const (
	binary0 = `{"_placeholder":true,"num":0}`
	binary1 = `{"_placeholder":true,"num":1}`
)

func TestMessage(t *testing.T) {
	for _, c := range []struct {
		text string
		name string
		args []string
		ack  bool
	}{
		{`2["e"]`, "e", nil, false},
		{`20["e",1,{"a":[2,3]},"x"]`, "e", []string{"1", `{"a":[2,3]}`, `"x"`}, true},
		{`2/nsp,[ 12 , null ]`, "12", []string{"null"}, false},
		{`2["\u0065",[]]`, "e", []string{"[]"}, false},
		{`2[""]`, "", nil, false},
	} {
		m := arrived(t, new(acks), c.text)
		if m.Name() != c.name || m.Len() != len(c.args) || m.WantsAck() != c.ack {
			t.Errorf("%s: name %q, %d arguments, wants ack: %v", c.text, m.Name(), m.Len(), m.WantsAck())
		}
		for i, want := range c.args {
			if got := m.Raw(i); string(got.JSON) != want || got.Attachments != nil {
				t.Errorf("%s: argument %d is %s", c.text, i, got.JSON)
			}
		}
		for _, i := range []int{-1, len(c.args), len(c.args) + 1, math.MaxInt} {
			if got := m.Raw(i); got.JSON != nil || got.Attachments != nil {
				t.Errorf("%s: argument %d is %s", c.text, i, got.JSON)
			}
		}
	}
}

func TestMessage_Answer(t *testing.T) {
	for text, n := range map[string]int{`31["x",2]`: 2, `31[]`: 0, `31`: 0} {
		m := arrived(t, nil, text)
		if m.Name() != "" || m.Len() != n || m.WantsAck() {
			t.Errorf("%s: name %q, %d arguments, wants ack: %v", text, m.Name(), m.Len(), m.WantsAck())
		}
		if err := m.Ack("x"); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := len(m.Raws()); got != n {
			t.Errorf("%s: %d raws", text, got)
		}
	}
}

func TestMessage_Scan(t *testing.T) {
	m := arrived(t, nil, `52-["e","text",7,`+binary0+`,{"name":"n","data":`+binary1+`}]`, "zero", "one")
	type file struct {
		Name string
		Data []byte
	}
	var (
		text   string
		number int
		data   []byte
		f      file
	)
	if err := m.Scan(&text, &number, &data, &f); err != nil {
		t.Fatal(err)
	}
	if text != "text" || number != 7 || string(data) != "zero" || f.Name != "n" || string(f.Data) != "one" {
		t.Errorf("%q %d %q %v", text, number, data, f)
	}
	// A part of the arguments, and none.
	f = file{}
	if err := m.Scan(nil, nil, nil, &f); err != nil || f.Name != "n" {
		t.Errorf("%v, %v", f, err)
	}
	if err := m.Scan(&text); err != nil {
		t.Error(err)
	}
	if err := m.Scan(); err != nil {
		t.Error(err)
	}
}

func TestMessage_ScanErrors(t *testing.T) {
	type user struct {
		Age   int `json:"age"`
		Photo struct {
			Data []byte `json:"data"`
		} `json:"photo"`
	}
	var (
		text string
		u    user
	)
	for _, c := range []struct {
		text string
		dst  []any
		want string
	}{
		{`2["e"]`, []any{&text}, "argument 1 is missing"},
		{`2["e","a"]`, []any{nil, nil, &text}, "argument 2 is missing"},
		{`2["e",7]`, []any{&text}, "argument 1: want string, got number"},
		{`2["e","a",{"age":"old"}]`, []any{&text, &u}, `argument 2, field "age": want integer, got string`},
		{`2["e",{"photo":{"data":7}}]`, []any{&u}, `argument 1, field "photo.data": want binary, got number`},
		{`51-["e",{"age":` + binary0 + `}]`, []any{&u}, `argument 1, field "age": want integer, got binary`},
		{`2["e",1e400]`, []any{new(any)}, "argument 1: want float64, got a number that does not fit"},
	} {
		attachments := make([]string, strings.Count(c.text, "_placeholder"))
		err := arrived(t, nil, c.text, attachments...).Scan(c.dst...)
		var e *event.Error
		if !errors.As(err, &e) || e.Code != event.Invalid || e.Message != c.want {
			t.Errorf("%s: %v", c.text, err)
		}
	}
	// The peer did not cause this error.
	var e *event.Error
	if err := arrived(t, nil, `2["e","x"]`).Scan("not a pointer"); err == nil || errors.As(err, &e) {
		t.Errorf("no pointer: %v", err)
	}
}

func TestMessage_Raws(t *testing.T) {
	m := arrived(t, nil, `53-["e",{"a": `+binary1+`},"s",[{"_placeholder":true,"num":2},`+binary0+`]]`, "zero", "one", "two")
	data, attachments, err := payload.MarshalEvent("again", append([]any{[]byte("first")}, m.Raws()...), nil)
	want := `["again",` + binary0 + `,{"a": ` + binary1 + `},"s",[{"_placeholder":true,"num":2},{"_placeholder":true,"num":3}]]`
	if err != nil || string(data) != want || fmt.Sprintf("%s", attachments) != "[first one two zero]" {
		t.Errorf("%s %s %v", data, attachments, err)
	}
	if raws := arrived(t, nil, `2["e"]`).Raws(); len(raws) != 0 {
		t.Errorf("%v", raws)
	}
}

func TestMessage_Ack(t *testing.T) {
	t.Run("with arguments", func(t *testing.T) {
		a := new(acks)
		m := arrived(t, a, `27["e"]`)
		if err := m.Ack("x", []byte("b"), 1); err != nil {
			t.Fatal(err)
		}
		if want := `7 ["x",` + binary0 + `,1] "b"`; len(a.sent) != 1 || a.sent[0] != want {
			t.Errorf("%q", a.sent)
		}
	})
	t.Run("at most once", func(t *testing.T) {
		a := new(acks)
		m := arrived(t, a, `27["e"]`)
		errs := make(chan error, 100)
		var wg sync.WaitGroup
		for range cap(errs) {
			wg.Go(func() { errs <- m.Ack() })
		}
		wg.Wait()
		close(errs)
		refused := 0
		for err := range errs {
			if errors.Is(err, event.ErrAcknowledged) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		if refused != cap(errs)-1 || len(a.sent) != 1 {
			t.Errorf("%d refused, %d sent", refused, len(a.sent))
		}
		if err := fail(m, errors.New("x")); !errors.Is(err, event.ErrAcknowledged) || len(a.sent) != 1 {
			t.Errorf("Fail: %v, %d sent", err, len(a.sent))
		}
	})
	t.Run("nobody asked", func(t *testing.T) {
		a := new(acks)
		m := arrived(t, a, `2["e"]`)
		for range 2 {
			if err := errors.Join(m.Ack(1), fail(m, errors.New("x"))); err != nil || len(a.sent) != 0 {
				t.Errorf("%v, %q", err, a.sent)
			}
		}
	})
	t.Run("what cannot be encoded can be tried again", func(t *testing.T) {
		a := new(acks)
		m := arrived(t, a, `20["e"]`)
		if err := m.Ack(make(chan int)); err == nil || errors.Is(err, event.ErrAcknowledged) {
			t.Fatal(err)
		}
		if err := m.Ack("x"); err != nil || len(a.sent) != 1 || a.sent[0] != `0 ["x"]` {
			t.Errorf("%v, %q", err, a.sent)
		}
	})
	t.Run("the connection is gone", func(t *testing.T) {
		a := &acks{err: errors.New("closed")}
		m := arrived(t, a, `20["e"]`)
		if err := m.Ack(); !errors.Is(err, a.err) {
			t.Error(err)
		}
		if err := m.Ack(); !errors.Is(err, event.ErrAcknowledged) {
			t.Error(err)
		}
	})
}

func TestMessage_Fail(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"an Error", &event.Error{Code: event.Forbidden, Message: "not <a> member"}, `[{"error":{"code":"forbidden","message":"not <a> member"}}]`},
		{"with data", &event.Error{Code: "full", Message: "full", Data: map[string]int{"max": 3}}, `[{"error":{"code":"full","message":"full","data":{"max":3}}}]`},
		{"with binary data", &event.Error{Code: "c", Message: "m", Data: []byte("b")}, `[{"error":{"code":"c","message":"m","data":` + binary0 + `}}] "b"`},
		{"wrapped", fmt.Errorf("saving: %w", &event.Error{Code: "c", Message: "m"}), `[{"error":{"code":"c","message":"m"}}]`},
		{"any other", errors.New("dial tcp 10.0.0.7: refused"), `[{"error":{"code":"internal","message":"internal"}}]`},
		{"a nil Error", (*event.Error)(nil), `[{"error":{"code":"internal","message":"internal"}}]`},
		{"none", nil, `[]`},
		{"data that cannot be encoded", &event.Error{Code: "c", Message: "m", Data: make(chan int)}, `[{"error":{"code":"c","message":"m"}}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := new(acks)
			m := arrived(t, a, `27["e"]`)
			_ = fail(m, c.err)
			if len(a.sent) != 1 || a.sent[0] != "7 "+c.want {
				t.Errorf("%q", a.sent)
			}
		})
	}
	t.Run("the connection is gone", func(t *testing.T) {
		a := &acks{err: errors.New("closed")}
		err := fail(arrived(t, a, `20["e"]`), &event.Error{Code: "c", Data: 1})
		if !errors.Is(err, a.err) || errors.Is(err, event.ErrAcknowledged) || len(a.sent) != 1 {
			t.Errorf("%v, %q", err, a.sent)
		}
	})
}

func TestAsError(t *testing.T) {
	own := &event.Error{Code: "c", Message: "m"}
	for _, c := range []struct {
		err  error
		want *event.Error
	}{
		{nil, nil},
		{own, own},
		{errors.Join(errors.New("x"), fmt.Errorf("y: %w", own)), own},
		{errors.New("x"), &event.Error{Code: event.Internal, Message: "internal"}},
		{(*event.Error)(nil), &event.Error{Code: event.Internal, Message: "internal"}},
	} {
		if got := event.AsError(c.err); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %v", c.err, got)
		}
	}
	if got := own.Error(); got != "c: m" {
		t.Error(got)
	}
	for text, e := range map[string]*event.Error{
		"c": {Code: "c"}, "m": {Message: "m"}, "event: error without code and message": {},
	} {
		if got := e.Error(); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}
