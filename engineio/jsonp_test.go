package engineio_test

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/parleyio/parley/engineio"
)

// startJSONP runs a server that answers with scripts.
func startJSONP(t testing.TB, n *network, s setup) *rig {
	t.Helper()
	s.options.AllowJSONP = true
	return start3(t, n, s)
}

// unwrap returns the text that a script hands to the function of the number given.
func unwrap(t testing.TB, script, number string) (text string) {
	t.Helper()
	literal, ok := strings.CutPrefix(script, "___eio["+number+"](")
	if ok {
		literal, ok = strings.CutSuffix(literal, ");")
	}
	if !ok || json.Unmarshal([]byte(literal), &text) != nil {
		t.Fatalf("not a script for number %q: %q", number, script)
	}
	return text
}

// jsonp opens a session of a revision by scripts.
func (r *rig) jsonp(revision string) (*poller, *peer) {
	r.t.Helper()
	a := r.do("GET", "?EIO="+revision+"&transport=polling&j=0", "")
	packet := unwrap(r.t, a.body, "0")
	if revision == "3" {
		_, packet, _ = strings.Cut(packet, ":")
	}
	h := parseOpen(r.t, packet)
	return &poller{r, h, "?EIO=" + revision + "&transport=polling&j=0&sid=" + h.SID}, r.peer()
}

// form is a body as a page posts it, after what the client does to newlines.
func form(d string) string {
	return "d=" + url.QueryEscape(strings.ReplaceAll(strings.ReplaceAll(d, `\n`, `\\n`), "\n", `\n`))
}

func TestJSONP(t *testing.T) {
	const special = "a\nb\u2028c\u2029d </script><!-- & \" ' \\ \\n \\\\n é😀\x01"
	eachFramed(t, func(t *testing.T, n *network) {
		r := startJSONP(t, n, setup{})
		for revision, body := range map[string]func(packet string) string{
			"3": func(packet string) string { return length3(packet) + ":" + packet },
			"4": func(packet string) string { return packet },
		} {
			c, p := r.jsonp(revision)
			if got := p.Protocol(); got != int(revision[0]-'0') {
				t.Errorf("protocol %d", got)
			}
			c.posts(form(body("4" + special)))
			p.wants(special)
			held := c.hold()
			p.send(special)
			a := receive(t, n.patience, "the poll", held)
			if got := unwrap(t, a.body, "0"); got != body("4"+special) {
				t.Errorf("revision %s: got %q", revision, got)
			}
			// Nothing in it can end the script, or be taken for a page.
			if strings.ContainsAny(a.body, "<>&\n\r\u2028\u2029") {
				t.Errorf("script %q", a.body)
			}
			if kind := a.header.Get("Content-Type"); kind != "text/plain; charset=UTF-8" || a.header.Get("X-Content-Type-Options") != "" {
				t.Errorf("header %v", a.header)
			}

			// A string can only hold text.
			if err := p.Send(engineio.Message{Data: []byte{1, 2, 3}, Binary: true}); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"3": "6:b4AQID", "4": "bAQID"}[revision]
			if got := unwrap(t, c.do("GET", c.query, "").body, "0"); got != want {
				t.Errorf("revision %s: binary %q", revision, got)
			}
			c.posts(form(want))
			if got := receive(t, n.patience, "a message", p.messages); got != (message{"\x01\x02\x03", true}) {
				t.Errorf("received %+v", got)
			}

			held = c.hold()
			c.posts(form(body("1")))
			a = receive(t, n.patience, "the poll", held)
			if got := unwrap(t, a.body, "0"); got != body("6") {
				t.Errorf("revision %s: closed with %q", revision, got)
			}
			p.ends(engineio.TransportClose)
		}
	})
}

// length3 is the length of a packet in UTF-16 code units.
func length3(packet string) string { return strconv.Itoa(len(utf16.Encode([]rune(packet)))) }

// TestJSONP_golden compares scripts with those that were captured from the reference.
func TestJSONP_golden(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := startJSONP(t, n, setup{accept: func(p *peer) { p.send("0") }})
		a := r.do("GET", "?EIO=3&transport=polling&j=ab1c2", "")
		p := r.peer()
		want := `___eio[12]("118:0{\"sid\":\"` + p.ID() + `\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,` +
			`\"pingTimeout\":20000,\"maxPayload\":1000000}");`
		if a.status != 200 || a.body != want {
			t.Errorf("handshake %q, want %q", a.body, want)
		}
		c := &poller{r, handshake{SID: p.ID()}, "?EIO=3&transport=polling&j=ab1c2&sid=" + p.ID()}
		c.gets(`___eio[12]("2:40");`)
		const event = `2["echo","a\nb` + "\u2028" + `c"]`
		c.posts(form("19:4" + event))
		p.wants(event)
		p.send(event)
		c.gets(`___eio[12]("19:42[\"echo\",\"a\\nb\u2028c\"]");`)
	})
}

// TestJSONP_number tries to bring more than a number into the script.
func TestJSONP_number(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := startJSONP(t, n, setup{})
		for j, number := range map[string]string{
			"":                     "",
			"0":                    "0",
			"007":                  "007",
			"ab1c2":                "12",
			"-1":                   "1",
			"1e9":                  "19",
			"0](alert(1));//":      "01",
			"0](\"\");alert`2`;[3": "023",
			"\r\nX-Evil: 1\r\n\r\n<script>alert(2)</script>": "12",
			"\u2028\u2029":      "",
			"１２３":               "", // digits, but not those
			"٣":                 "",
			"\x00\xff\xfe":      "",
			"__proto__":         "",
			"constructor":       "",
			"1&j=2":             "12", // escaped: one value
			"*/alert(1)/*":      "1",
			"1\\u002e":          "1002",
			"&lt;img src=x&gt;": "",
		} {
			a := r.do("GET", "?EIO=4&transport=polling&j="+url.QueryEscape(j), "")
			parseOpen(t, unwrap(t, a.body, number))
			if a.status != 200 || a.header.Get("X-Evil") != "" {
				t.Errorf("%q: %d %v", j, a.status, a.header)
			}
		}
		if a := r.do("GET", "?EIO=4&transport=polling&j=1&j=2", ""); !strings.HasPrefix(a.body, "___eio[2](") {
			t.Errorf("the last number does not count: %q", a.body)
		}
	})
}

// TestJSONP_form posts forms that are not quite right.
func TestJSONP_form(t *testing.T) {
	cases := []struct {
		name, body string
		want       string // "" is nothing
		bad        bool   // the session ends
	}{
		{"one field", "d=4x", "x", false},
		{"other fields", "a=1&d=4x&b&=", "x", false},
		{"a plus", "d=4a+b", "a b", false},
		{"semicolons", "d=4a;b=c", "a;b=c", false},
		{"an escaped name", "%64=4x", "", false},
		{"no field", "x=4x", "", false},
		{"nothing", "", "", false},
		{"twice", "d=4x&d=4y", "", false},
		{"an empty field", "d=", "", true},
		{"no value", "d", "", true},
		{"a broken escape", "d=4%", "", true},
		{"a broken escape", "d=4%zz", "", true},
		{"bad UTF-8", "d=4%ff", "", true},
		{"no packet", "d=x", "", true},
		{"newline", `d=4a\nb`, "a\nb", false},
		{"escaped newline", `d=4a\\nb`, `a\nb`, false},
		{"three backslashes", `d=4a\\\nb`, `a\\nb`, false},
		{"four backslashes", `d=4a\\\\nb`, `a\\\nb`, false},
		{"other escapes", `d=4a\tb\`, `a\tb\`, false},
		{"newlines in a row", `d=4\n\n\\n\n`, "\n\n\\n\n", false},
	}
	inFrames(t, func(t *testing.T, n *network) {
		r := startJSONP(t, n, setup{})
		for _, test := range cases {
			c, p := r.jsonp("4")
			for _, kind := range []string{"application/x-www-form-urlencoded", "text/plain"} {
				if test.bad && kind == "text/plain" {
					continue
				}
				if a := r.do("POST", c.query, test.body, "Content-Type: "+kind); a.status != 200 || a.body != "ok" {
					t.Errorf("%s: %d %q", test.name, a.status, a.body)
				}
				if test.want != "" {
					p.wants(test.want)
				}
			}
			if test.bad {
				p.ends(engineio.ParseError)
			} else {
				c.posts("d=4end")
				p.wants("end")
			}
		}
	})
}

// TestJSONP_off: without AllowJSONP the number means nothing, in either revision.
func TestJSONP_off(t *testing.T) {
	inFrames(t, func(t *testing.T, n *network) {
		r := start3(t, n, setup{})
		c, p := r.poll3("&j=0")
		c.query += "&j=0"
		c.posts("6:4hello")
		p.wants("hello")
		p.send("hello")
		a := r.do("GET", c.query, "")
		if a.body != "6:4hello" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q %v", a.body, a.header)
		}
		c.posts("d=6:4hello")
		p.ends(engineio.ParseError)

		a = r.do("GET", "?EIO=4&transport=polling&j=0", "")
		parseOpen(t, a.body)
	})
}
