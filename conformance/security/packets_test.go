package security_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/socketio"
)

// refuses sends each group of messages, on each transport, from a new client. The server must end the session of that client
// for the given reason, and no other session.
func refuses(t *testing.T, reason engineio.Reason, cases map[string][]string) {
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		r := start(t, setup{})
		for name, messages := range cases {
			c := r.connect(transport)
			c.t = t
			r.closes(reason, func() {
				c.send(messages...)
				c.expectClosed(1005)
			})
			if t.Failed() {
				t.Fatalf("%s: %.100q", name, messages)
			}
		}
	})
}

// digits is a number that is too long for every use.
var digits = strings.Repeat("9", 900_000)

// CVE-2020-36049: numbers and names are limited, and parsing takes linear time.
func TestS4_lengths(t *testing.T) {
	began := time.Now()
	refuses(t, engineio.ParseError, map[string][]string{
		"attachments":                  {"5" + digits},
		"attachments, and an event":    {"5" + digits + `-["x"]`},
		"five digits of attachments":   {`510000-["x"]`},
		"acknowledgement id":           {"2" + digits + `["x"]`},
		"id of an acknowledgement":     {"3" + digits + `[]`},
		"id of 21 digits":              {`2999999999999999999999["x"]`},
		"namespace":                    {"2/" + strings.Repeat("n", 900_000) + `,["x"]`},
		"namespace without an end":     {"0/" + strings.Repeat("n", 900_000)},
		"namespace of 513 bytes":       {"0/" + strings.Repeat("n", 512) + ","},
		"dashes":                       {"5" + strings.Repeat("1-", 400_000)},
		"commas":                       {"2/" + strings.Repeat(",", 900_000)},
		"brackets that do not end":     {"2" + strings.Repeat("[", 900_000)},
		"strings that do not end":      {`2["x` + strings.Repeat(`\\`, 400_000)},
		"quotes":                       {`2[` + strings.Repeat(`"`, 900_000)},
		"a comma behind each of many":  {`2["x",` + strings.Repeat("0,", 400_000) + `]`},
		"backslashes behind the array": {`2["x"]` + strings.Repeat(`\`, 900_000)},
	})
	if took := time.Since(began); took > time.Minute { // a quadratic parser would take hours
		t.Errorf("took %v", took)
	}
}

// CVE-2022-2421: a placeholder is replaced only if the packet has announced its attachment.
func TestS6_placeholder_index(t *testing.T) {
	cases := map[string][]string{
		"text while an attachment is awaited":  {`51-["e",{"_placeholder":true,"num":0}]`, `2["e"]`},
		"an attachment that was not announced": {"<00>"},
		"more attachments than announced":      {`51-["e",{"_placeholder":true,"num":0}]`, "<00>", "<01>"},
		"two of one attachment":                {`51-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, "<00>"},
	}
	for _, num := range []string{
		`"splice"`, "-1", "-2", "1", "1.5", "1e0", "10000000000000000000", `"0"`, "null", "true", "[0]", "{}", "9007199254740993",
	} {
		cases["num "+num] = []string{`51-["hello",{"_placeholder":true,"num":` + num + `}]`, "<00>"}
	}
	cases["no num"] = []string{`51-["hello",{"_placeholder":true}]`, "<00>"}
	refuses(t, engineio.ParseError, cases)

	// An object that only resembles a placeholder is plain data.
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		r := start(t, setup{before: reflect})
		c := r.connect(transport)
		for _, value := range []string{`{"_placeholder":"true","num":0}`, `{"_placeholder":1,"num":0}`, `{"_Placeholder":true,"num":0}`} {
			c.send(`20["reflect",` + value + `]`)
			c.expects(`30[` + value + `]`)
		}
	})
}

// reflect answers an event with the argument of the event.
func reflect(io *socketio.Server) {
	io.On("reflect", func(_ context.Context, _ *socketio.Socket, m *event.Message) error { return m.Ack(m.Raw(0)) })
}

// CVE-2023-32695: an event's name is a string or a number; anything else is refused.
func TestS9_event_name(t *testing.T) {
	refuses(t, engineio.ParseError, map[string][]string{
		"an object for a name":       {`2[{"toString":"foo"}]`},
		"true":                       {`2[true,"foo"]`},
		"null":                       {`2[null,"bar"]`},
		"nothing in the array":       {`2[]`},
		"an object for the array":    {`2{}`},
		"a string for the array":     {`2"x"`},
		"a number for the array":     {`21`},
		"an array for a name":        {`2[["x"]]`},
		"an array that does not end": {`2/admin,"invalid`},
		"no type":                    {`999`},
		"a string for auth":          {`0/x,"auth"`},
		"an array for auth":          {`0/x,["auth"]`},
		"no payload":                 {`2`},
		"no payload of an ack":       {`31{}`},
		"a payload of a disconnect":  {`1/,{}x`},
		"no attachments":             {`5["x"]`},
		"attachments without a dash": {`51`},
		"trailing text":              {`2["x"]x`},
		"an empty message":           {``},
	})
}

// CVE-2024-38355: no event of a client has a meaning for the server itself.
func TestS10_reserved_names(t *testing.T) {
	reserved := map[string][]string{}
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		reserved[name] = []string{`2["` + name + `"]`}
	}
	refuses(t, engineio.ParseError, reserved)
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		r := start(t, setup{})
		c := r.connect(transport)
		before := r.io.Stats().UnhandledEvents
		names := []string{"error", "", "__proto__", "constructor", "toString", "hasOwnProperty", "connection", "message", "*"}
		for _, name := range names {
			c.send(`2["` + name + `"]`)
		}
		c.send(`20["echo",1]`)
		c.expects(`30[1]`)
		if got := r.io.Stats().UnhandledEvents - before; got != int64(len(names)) {
			t.Errorf("%d events counted as unhandled, want %d", got, len(names))
		}
	})
}

// Bugs of other servers that have no advisory.
func TestS38_ports(t *testing.T) {
	refuses(t, engineio.ParseError, map[string][]string{
		"null for a name":          {`2[null]`},
		"null for the array":       {`2null`},
		"null for an ack":          {`31null`},
		"overflow of attachments":  {`518446744073709551-["x"]`},
		"num:-2":                   {`51-["x",{"_placeholder":true,"num":-2}]`, "<00>"},
		"overflow of the ack's id": {`218446744073709551616["x"]`},
		"a type above six":         {`7["x"]`},
		"a type below nought":      {`/["x"]`},
		"only a namespace":         {`2/x`},
		"a sign before the count":  {`5+1-["x"]`},
		"a sign before the id":     {`2-1["x"]`},
		"a blank before the array": {`5 1-["x"]`},
		"no brackets":              {`2"x","y"`},
		"NUL":                      {"\x00"},
	})
	refuses(t, engineio.ForcedClose, map[string][]string{
		"a second CONNECT":         {`0`},
		"a CONNECT_ERROR":          {`4{"message":"x"}`},
		"an event without a join":  {`2/nobody,["x"]`},
		"an ack without a join":    {`3/nobody,1[]`},
		"a disconnect, not joined": {`1/nobody,`},
		"behind the disconnect":    {`1`, `2["x"]`},
		"attachments, not joined":  {`51-/nobody,["x",{"_placeholder":true,"num":0}]`, "<00>"},
	})
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		r := start(t, setup{before: reflect})
		c := r.connect(transport)
		c.send(`20["reflect",null]`, `3["x"]`, `31`, `377["x"]`, `20["reflect",{"a":[null]}]`)
		c.expects(`30[null]`, `30[{"a":[null]}]`)
	})
}

// JSON is limited in depth and size, kept as it is, and decoded only into the type of a handler.
func TestA11_json(t *testing.T) {
	nested := func(open, end string, n int) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	refuses(t, engineio.ParseError, map[string][]string{
		"65 levels of arrays":     {`2["e",` + nested("[", "]", 64) + `]`},
		"65 levels of objects":    {`2["e",` + nested(`{"a":`, "}", 64) + `]`},
		"100,000 levels":          {`2["e",` + nested("[", "]", 100_000) + `]`},
		"levels of auth":          {`0/x,` + nested(`{"a":`, "}", 65)},
		"levels of an ack":        {`31[` + nested("[", "]", 64) + `]`},
		"an invalid number":       {`2["e",1e]`},
		"NaN":                     {`2["e",NaN]`},
		"a control character":     {"2[\"e\",\"\x01\"]"},
		"a lone low surrogate":    {`2["e","\uZZZZ"]`},
		"two values in one place": {`2["e",1 2]`},
	})
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		r := start(t, setup{before: func(io *socketio.Server) {
			reflect(io)
			event.OnWithAck(io, event.WithAck[int8, int8]("small"), func(_ context.Context, _ *socketio.Socket, n int8) (int8, error) { return n, nil })
		}})
		c := r.connect(transport)
		for _, value := range []string{
			`[` + strings.Repeat("0,", 400_000) + `0]`,
			`{"a":1,"a":2,"a":3}`,
			`1` + strings.Repeat("0", 400_000),
			`1e999999999`, `-0`, `9007199254740993`, `0.1000000000000000055511151231257827`,
			nested("[", "]", 63),
		} {
			c.send(`20["reflect",` + value + `]`)
			c.expects(`30[` + value + `]`)
		}
		c.send(`20["small",1e999999999]`)
		if got := c.receive(); !strings.HasPrefix(got, `30[{"error":{"code":"invalid"`) {
			t.Errorf("got %.200q", got)
		}
	})
	bad := "2[\"e\",\"\xff\"]"
	t.Run("bad UTF-8", func(t *testing.T) {
		r := start(t, setup{})
		c := r.connect(engineio.WebSocket)
		r.closes(engineio.TransportError, func() { c.send(bad); c.expectClosed(1007) })
		c = r.connect(engineio.Polling)
		r.closes(engineio.ParseError, func() { c.send(bad); c.expectClosed(0) })
	})
}

// profile is the argument of a handler.
type profile struct {
	Name string `json:"name"`
}

// A payload is decoded only into the type of the handler: keys with a meaning in JavaScript have no effect.
func TestA13_prototype_pollution(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport engineio.Transport) {
		r := start(t, setup{before: func(io *socketio.Server) {
			event.OnWithAck(io, event.WithAck[profile, profile]("profile"), func(_ context.Context, s *socketio.Socket, p profile) (profile, error) {
				return p, event.Emit(io.Except(s.ID()), event.Name[profile]("profile"), p)
			})
		}})
		c, other := r.connect(transport), r.connect(engineio.WebSocket)
		for i, key := range []string{"__proto__", "constructor", "prototype"} {
			c.send(fmt.Sprintf(`2%d["profile",{"name":"ada","%s":{"admin":true}}]`, i, key))
			c.expects(fmt.Sprintf(`3%d[{"name":"ada"}]`, i))
			other.expects(`2["profile",{"name":"ada"}]`)
		}
	})
}
