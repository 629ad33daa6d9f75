package main

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzSession plays the client's side of conversations against a server with all features; see attack. The seeds are
// captured conversations and those of hostile clients.
func FuzzSession(f *testing.F) {
	for _, s := range scripts(f) {
		f.Add(uint8(s.target), s.text)
	}
	f.Fuzz(func(t *testing.T, target uint8, script string) { attack(t, int(target), script) })
}

var (
	mutations    = flag.Int("mutations", 500, "how many scripts TestSession_mutations makes")
	mutationSeed = flag.Uint64("mutations.seed", 1, "where its random numbers begin")
)

// TestSession_mutations runs a small part of FuzzSession in every test run. The scripts follow from the seed, so every run
// has the same ones.
func TestSession_mutations(t *testing.T) {
	seeds := scripts(t)
	r := rand.New(rand.NewPCG(*mutationSeed, 0))
	var last script
	defer func() {
		if t.Failed() {
			t.Logf("seed %d, target %d, script:\n%q", *mutationSeed, last.target, last.text)
		}
	}()
	for range *mutations {
		last = mutator{r, seeds}.script()
		if attack(t, last.target, last.text); t.Failed() {
			return
		}
	}
}

// script is what a client sends to one of the targets.
type script struct {
	target int
	text   string
}

// scripts returns the conversations of ../testdata and those of hostile clients.
func scripts(t testing.TB) (all []script) {
	t.Helper()
	files, err := filepath.Glob("../testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, file := range files {
		name, err := filepath.Rel("../testdata", file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range readConversations(t, filepath.ToSlash(name)) {
			target := modern
			switch c.server {
			case "engine-v3", "socket-v4", "captured v3", "clients":
				target = old
			case "msgpack":
				target = packed
			}
			all = append(all, script{target, c.script()})
		}
	}
	return append(all, hostile(t)...)
}

// script returns the client's side of a conversation.
func (c *conversation) script() string {
	var b strings.Builder
	if c.revision != "4" {
		fmt.Fprintf(&b, "revision %s\n", c.revision)
	}
	for _, s := range c.steps {
		if strings.HasPrefix(s.verb, "<") || strings.Contains("= : quiet logged down held gone", s.verb) {
			continue
		}
		fmt.Fprintf(&b, "%s %s\n", s.verb, s.text)
		for _, h := range s.headers {
			fmt.Fprintf(&b, "| %s\n", h)
		}
	}
	return b.String()
}

// hostile reads testdata/hostile.txt.
func hostile(t testing.TB) (all []script) {
	t.Helper()
	f, err := os.Open("testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "case "):
			target := modern
			switch {
			case strings.HasPrefix(line, "case old:"):
				target = old
			case strings.HasPrefix(line, "case packed:"):
				target = packed
			}
			all = append(all, script{target: target})
		default:
			all[len(all)-1].text += line + "\n"
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// mutator makes scripts by changing others.
type mutator struct {
	*rand.Rand
	seeds []script
}

// dictionary has texts that mean something to the server.
var dictionary = []string{
	"0", "1", "2", "3", "4", "5", "6", "40", "41", "42", "43", "44", "45", "46", "51-", "450-", "4510-", "9999-", "/", ",", "/nsp,", "/dyn-a,", "?", `[]`, `{}`,
	`["q"]`, `["echo"]`, `["join","r"]`, `["room","r",1]`, `["all"]`, `["ask"]`, `["slow"]`, `["scan",{"Name":1}]`, `["leave us"]`, `["close"]`, "null", "-1", "1e999",
	`{"_placeholder":true,"num":0}`, `"__proto__"`, "18446744073709551615", "{x 9999}", "{[ 500}", "{sid}", `{"pid":"{p}","offset":"{offset}"}`, "␞", "\xff", "\x00", "\\u0000",
	"probe", "transport=", "&j=0", "&b64=1", "EIO=", "d=", "b", "bAQID", "0x", "{s}", "00", "ff", "80", "82fe", "88", "c1",
}

// script takes one of the seeds, and changes it once or several times.
func (m mutator) script() script {
	s := m.seeds[m.IntN(len(m.seeds))]
	lines := strings.Split(strings.TrimSuffix(s.text, "\n"), "\n")
	for range 1 + m.IntN(6) {
		at := m.IntN(len(lines))
		switch m.IntN(8) {
		case 0:
			lines = append(lines[:at:at], lines[at+1:]...)
			if len(lines) == 0 {
				lines = []string{"ws"}
			}
		case 1: // again, a few times
			for range 1 + m.IntN(20) {
				lines = append(lines[:at+1:at+1], lines[at:]...)
			}
		case 2:
			to := m.IntN(len(lines))
			lines[at], lines[to] = lines[to], lines[at]
		case 3: // lines of another script
			other := strings.Split(m.seeds[m.IntN(len(m.seeds))].text, "\n")
			from := m.IntN(len(other))
			to := from + m.IntN(len(other)-from+1)
			lines = append(append(lines[:at:at], other[from:to]...), lines[at:]...)
		case 4:
			s.target = m.IntN(len(targets))
		default:
			lines[at] = m.line(lines[at])
		}
	}
	s.text = strings.Join(lines, "\n")
	return s
}

// line changes the text after the verb.
func (m mutator) line(line string) string {
	verb, text, _ := strings.Cut(line, " ")
	at := m.IntN(len(text) + 1)
	switch word := dictionary[m.IntN(len(dictionary))]; m.IntN(6) {
	case 0:
		text = text[:at]
	case 1:
		text = text[:at] + text[min(at+1+m.IntN(3), len(text)):]
	case 2:
		text = text[:at] + word + text[at:]
	case 3:
		text = text[:at] + word + text[min(at+len(word), len(text)):]
	case 4:
		text = word
	default:
		if at < len(text) {
			b := []byte(text)
			b[at] ^= 1 << m.IntN(8)
			text = string(b)
		}
	}
	return verb + " " + text
}
