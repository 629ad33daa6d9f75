package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// conversation is what a client sends and what it must receive. Its steps are lines of the files in ../testdata;
// README.md there describes their format.
type conversation struct {
	name     string
	server   string
	revision string // of Engine.IO
	steps    []step
}

// step is a line: a verb, and the text after it.
type step struct {
	verb, text string
	line       int
	headers    []string // of a request
}

// readConversations reads a file of testdata. Lines before the first case belong to every case.
func readConversations(t testing.TB, file string) (all []conversation) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	common := conversation{revision: "4"}
	current := &common
	lines := bufio.NewScanner(f)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		verb, text, _ := strings.Cut(line, " ")
		switch verb {
		case "", "#":
		case "case":
			all = append(all, common)
			current = &all[len(all)-1]
			current.name = text
		case "server":
			current.server = text
		case "revision":
			current.revision = text
		case "|":
			if len(current.steps) == 0 {
				t.Fatalf("%s:%d: a header without a request", file, number)
			}
			last := &current.steps[len(current.steps)-1]
			last.headers = append(last.headers, text)
		default:
			current.steps = append(current.steps, step{verb: verb, text: text, line: number})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no cases", file)
	}
	return all
}

// names has the value of each {name}.
type names map[string]string

var (
	token  = regexp.MustCompile(`\{[a-z]+[0-9]*\}`)
	repeat = regexp.MustCompile(`\{(.) ([0-9]+)\}`)
)

// pictures are visible characters in place of invisible ones, such as the separator of polling bodies.
var pictures = strings.NewReplacer("␞", "\x1e", "␍", "\r", "␊", "\n", "␁", "\x01")

// literal replaces repetitions and pictures by the text that they mean.
func literal(text string) string {
	text = pictures.Replace(text)
	return repeat.ReplaceAllStringFunc(text, func(found string) string {
		parts := repeat.FindStringSubmatch(found)
		count, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], count)
	})
}

// expand fills in the names of a text to be sent.
func (n names) expand(text string) (string, error) {
	var err error
	text = token.ReplaceAllStringFunc(text, func(found string) string {
		value, ok := n[found[1:len(found)-1]]
		if !ok {
			err = fmt.Errorf("%s has no value yet", found)
		}
		return value
	})
	return literal(text), err
}

// match compares a text with the wanted one. The first match of a {name} without a value gives it its value; later matches
// must be equal. A name that begins with "offset" matches any text without quotes, every other name matches an id. {any}
// matches anything and never keeps a value.
func (n names) match(got, want string) bool {
	if before, digits, ok := strings.Cut(want, "0x"); ok {
		return hex.EncodeToString([]byte(strings.TrimPrefix(got, before))) == digits
	}
	if !token.MatchString(want) {
		return got == literal(want)
	}
	var pattern strings.Builder
	var bound []string
	at := 0
	for _, span := range token.FindAllStringIndex(want, -1) {
		pattern.WriteString(regexp.QuoteMeta(literal(want[at:span[0]])))
		at = span[1]
		name := want[span[0]+1 : span[1]-1]
		value, known := n[name]
		switch {
		case name == "any":
			pattern.WriteString(`(?s:.*)`)
		case known:
			pattern.WriteString(regexp.QuoteMeta(value))
		case strings.HasPrefix(name, "offset"):
			pattern.WriteString(`([^"]+)`)
			bound = append(bound, name)
		default:
			pattern.WriteString(`([A-Za-z0-9_-]{20})`)
			bound = append(bound, name)
		}
	}
	pattern.WriteString(regexp.QuoteMeta(literal(want[at:])))
	found := regexp.MustCompile(`\A` + pattern.String() + `\z`).FindStringSubmatch(got)
	if found == nil {
		return false
	}
	for i, name := range bound {
		for other, value := range n {
			if value == found[i+1] && other != name {
				return false
			}
		}
		n[name] = found[i+1]
	}
	return true
}
