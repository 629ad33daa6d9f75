package rest_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parleyio/parley/backend/rest"
)

// contract is every route and what it answers when all goes well.
var contract = []struct {
	method, path, target, body string
	status                     string
}{
	{"get", "/notify", "/notify", "", "200"},
	{"post", "/api/notifications", "/api/notifications", `{"type":"a","message":"b"}`, "202"},
	{"post", "/api/data", "/api/data", `{"key":"k","value":{"a":[1]}}`, "200"},
	{"get", "/api/data", "/api/data", "", "200"},
	{"get", "/api/data/{key}", "/api/data/k", "", "200"},
	{"get", "/api/rooms/{room}/messages", "/api/rooms/r/messages?limit=1", "", "200"},
	{"get", "/healthz", "/healthz", "", "200"},
	{"get", "/readyz", "/readyz", "", "200"},
	{"get", "/openapi.json", "/openapi.json", "", "200"},
	{"get", "/docs", "/docs", "", "200"},
}

type document struct {
	OpenAPI    string
	Info       struct{ Title, Description, Version string }
	Tags       []struct{ Name, Description string }
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]any }
}

type operation struct {
	OperationID string
	Summary     string
	Tags        []string
	RequestBody *struct{ Content map[string]media }
	Responses   map[string]struct{ Content map[string]media }
}

type media struct {
	Schema  map[string]any
	Example any
}

func readDocument(t *testing.T, s *server) (doc document) {
	t.Helper()
	w := s.do("GET", "/openapi.json", "")
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 {
		t.Fatalf("document: status %d, %v", w.Code, err)
	}
	return doc
}

func TestDocument_describes_every_route_and_no_other(t *testing.T) {
	s := setup(t, func(o *rest.Options) { o.Version = "1.2.3" })
	doc := readDocument(t, s)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Info.Version != "1.2.3" || doc.Info.Description == "" {
		t.Errorf("document = %q, info %+v", doc.OpenAPI, doc.Info)
	}
	var want, got []string
	for _, c := range contract {
		want = append(want, c.method+" "+c.path)
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths {
		for method, op := range item {
			got = append(got, method+" "+path)
			if op.Summary == "" || len(op.Tags) != 1 || op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s %s: operation = %+v, want an id of its own, a summary and a tag", method, path, op)
			}
			ids[op.OperationID] = true
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("document has %q, want %q", got, want)
	}
	for _, tag := range doc.Tags {
		if tag.Description == "" {
			t.Errorf("tag %q has no description", tag.Name)
		}
	}
}

// TestDocument_answers_match sends a request to each route and holds the answer and the document's example against the
// document's schema.
func TestDocument_answers_match(t *testing.T) {
	s := setup(t)
	doc := readDocument(t, s)
	for _, c := range contract {
		w := s.do(strings.ToUpper(c.method), c.target, c.body)
		op := doc.Paths[c.path][c.method]
		response, ok := op.Responses[c.status]
		if !ok {
			t.Errorf("%s %s: the document has no %s", c.method, c.path, c.status)
			continue
		}
		contentType, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		described, ok := response.Content[contentType]
		if !ok {
			t.Errorf("%s %s: answered %q, the document has %v", c.method, c.path, contentType, response.Content)
			continue
		}
		if described.Schema == nil {
			continue // the document itself and its page
		}
		var body any
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		doc.check(t, c.path+" answer", described.Schema, body)
		doc.check(t, c.path+" example", described.Schema, described.Example)
		if op.RequestBody != nil {
			request := op.RequestBody.Content["application/json"]
			doc.check(t, c.path+" request example", request.Schema, request.Example)
		}
	}
}

func TestDocument_problems_match(t *testing.T) {
	s := setup(t)
	doc := readDocument(t, s)
	for _, c := range []struct{ method, path, target, body, status string }{
		{"post", "/api/notifications", "/api/notifications", `{}`, "422"},
		{"post", "/api/notifications", "/api/notifications", `{`, "400"},
		{"get", "/api/data/{key}", "/api/data/x", "", "404"},
		{"get", "/api/rooms/{room}/messages", "/api/rooms/r/messages?limit=x", "", "422"},
	} {
		w := s.do(strings.ToUpper(c.method), c.target, c.body)
		described := doc.Paths[c.path][c.method].Responses[c.status].Content["application/problem+json"]
		var body any
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		doc.check(t, c.path+" problem", described.Schema, body)
		doc.check(t, c.path+" problem example", described.Schema, described.Example)
	}
}

// check validates a value with huma's validator, from the schemas as they stand in the document.
func (d *document) check(t *testing.T, what string, schema map[string]any, value any) {
	t.Helper()
	if value == nil {
		t.Errorf("%s: there is none", what)
		return
	}
	registry := documentRegistry{d.Components.Schemas}
	var result huma.ValidateResult
	huma.Validate(registry, registry.decode(schema), huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value, &result)
	for _, err := range result.Errors {
		t.Errorf("%s: %v", what, err)
	}
}

// documentRegistry resolves references within a document.
type documentRegistry struct{ schemas map[string]any }

func (r documentRegistry) decode(v any) *huma.Schema {
	text, _ := json.Marshal(v)
	s := new(huma.Schema)
	if err := json.Unmarshal(nullable.ReplaceAll(text, []byte(`"nullable":true,"type":$1`)), s); err != nil {
		panic(err)
	}
	s.PrecomputeMessages()
	return s
}

// nullable turns OpenAPI 3.1's list of types into what huma's Schema decodes.
var nullable = regexp.MustCompile(`"type":\[("\w+"),"null"\]`)

func (r documentRegistry) SchemaFromRef(ref string) *huma.Schema {
	return r.decode(r.schemas[strings.TrimPrefix(ref, "#/components/schemas/")])
}
func (r documentRegistry) Schema(reflect.Type, bool, string) *huma.Schema { panic("not needed") }
func (r documentRegistry) TypeFromRef(string) reflect.Type                { panic("not needed") }
func (r documentRegistry) Map() map[string]*huma.Schema                   { panic("not needed") }
func (r documentRegistry) RegisterTypeAlias(reflect.Type, reflect.Type)   {}

func TestDocs_needs_nothing_from_elsewhere(t *testing.T) {
	s := setup(t)
	for _, target := range []string{"/docs", "/docs/docs.js", "/docs/docs.css"} {
		w := s.do("GET", target, "")
		if w.Code != 200 || w.Body.Len() < 500 {
			t.Errorf("%s: status %d, %d bytes", target, w.Code, w.Body.Len())
		}
		if found := regexp.MustCompile(`https?:|//cdn|innerHTML|\son\w+=|style=`).FindString(w.Body.String()); found != "" {
			t.Errorf("%s contains %q", target, found)
		}
	}
}

func TestPatterns_lead_to_every_route(t *testing.T) {
	got := setup(t).Patterns()
	want := []string{"/api/", "/docs", "/docs/", "/healthz", "/notify", "/openapi.json", "/readyz"}
	if !slices.Equal(got, want) {
		t.Errorf("Patterns() = %q, want %q", got, want)
	}
}
