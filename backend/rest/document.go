package rest

import (
	"embed"
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const (
	tagNotifications = "Notifications"
	tagData          = "Live data"
	tagRooms         = "Rooms"
	tagHealth        = "Health"
	tagDocument      = "Document"
)

const description = `What programs can do with a running Parley backend: by HTTP, and by Socket.IO.

Bodies are ` + "`application/json`" + ` in UTF-8. Unknown fields are refused. Every error is a problem (RFC 9457) with a ` + "`code`" + `. Changes are stored before they are emitted.`

// config is huma's configuration: JSON only, and neither pages nor links of its own.
func config(version string, maxBody int64) huma.Config {
	if version == "" {
		version = "devel"
	}
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[Problem]())
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI:    "3.1.0",
			Servers:    []*huma.Server{{URL: ".", Description: "Where this document is."}},
			Info:       &huma.Info{Title: "Parley", Description: description, Version: version},
			Components: &huma.Components{Schemas: schemas},
			Tags: []*huma.Tag{
				{Name: tagNotifications, Description: "Short messages to connected clients."},
				{Name: tagData, Description: "JSON values under keys; every change is emitted."},
				{Name: tagRooms, Description: "What was said in a room."},
				{Name: tagHealth, Description: "For load balancers and supervisors."},
				{Name: tagDocument, Description: "This document."},
			},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{asProblem(maxBody)},
	}
}

// posting completes an operation that takes a body.
func (a *API) posting(op huma.Operation) huma.Operation {
	op.Method = http.MethodPost
	op.MaxBodyBytes = a.maxBody + 1 // huma refuses what reaches the number
	op.BodyReadTimeout = bodyTimeout
	op.Middlewares = append(op.Middlewares, a.requireJSON)
	op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusForbidden, http.StatusRequestTimeout,
		http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	return op
}

//go:embed docs
var docs embed.FS

// docsPolicy allows the page its own files and this server, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerDocument serves the OpenAPI document and the page that shows it. It comes last: the document is written once.
func (a *API) registerDocument(mux *http.ServeMux) error {
	a.describe("/openapi.json", "openapi", "The OpenAPI document", "application/json")
	a.describe("/docs", "docs", "A page to read it", "text/html")
	a.addExamples()
	document, err := json.MarshalIndent(a.huma.OpenAPI(), "", "  ")
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document)
	})
	for pattern, file := range map[string]string{
		"GET /docs":          "docs/index.html",
		"GET /docs/docs.css": "docs/docs.css",
		"GET /docs/docs.js":  "docs/docs.js",

		"GET /docs/events.json": "docs/events.json",
	} {
		content, err := docs.ReadFile(file)
		if err != nil {
			return err
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", contentTypes[path.Ext(file)])
			h.Set("Content-Security-Policy", docsPolicy)
			h.Set("Cache-Control", "no-cache")
			_, _ = w.Write(content)
		})
	}
	return nil
}

// contentTypes are fixed: the operating system's table, which package mime consults, may say otherwise.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
}

// describe adds a route that huma does not serve to the document.
func (a *API) describe(path, id, summary, contentType string) {
	a.huma.OpenAPI().AddOperation(&huma.Operation{
		OperationID: id,
		Method:      http.MethodGet,
		Path:        path,
		Summary:     summary,
		Tags:        []string{tagDocument},
		Responses: map[string]*huma.Response{"200": {
			Description: http.StatusText(http.StatusOK),
			Content:     map[string]*huma.MediaType{contentType: {}},
		}},
	})
}

// addExamples gives each operation one request and the answer to it. They are values of the types that are sent, so they
// cannot get out of date.
func (a *API) addExamples() {
	at := time.Date(2026, 3, 1, 17, 50, 0, 123e6, time.UTC)
	id, room, user := "01JZ8Q2J7M3V5W9X0C4T6R8P1A", "office", "ada"
	clientID := "m-17"
	item := Item{Key: "temperature/kitchen", Value: json.RawMessage(`{"celsius": 21.5}`), UpdatedAt: at}
	notification := Notification{ID: id, Type: "warning", Message: "The office closes in ten minutes.", Time: at}

	paths := a.huma.OpenAPI().Paths
	answer(paths["/notify"].Get, http.StatusOK, Success{Success: true})
	request(paths["/api/notifications"].Post, NewNotification{Type: notification.Type, Message: notification.Message, Room: &room})
	answer(paths["/api/notifications"].Post, http.StatusAccepted, notification)
	request(paths["/api/data"].Post, NewItem{Key: item.Key, Value: item.Value})
	answer(paths["/api/data"].Post, http.StatusOK, item)
	answer(paths["/api/data"].Get, http.StatusOK, Items{Items: []Item{item}})
	answer(paths["/api/data/{key}"].Get, http.StatusOK, item)
	answer(paths["/api/rooms/{room}/messages"].Get, http.StatusOK, Messages{Messages: []Message{
		{ID: id, RoomID: room, User: &user, Text: "Good morning!", ClientMessageID: &clientID, CreatedAt: at},
	}})
	answer(paths["/healthz"].Get, http.StatusOK, Health{Status: "ok"})
	answer(paths["/readyz"].Get, http.StatusOK, Health{Status: "ok"})
}

func request(op *huma.Operation, example any) {
	op.RequestBody.Content["application/json"].Example = example
}

func answer(op *huma.Operation, status int, example any) {
	op.Responses[strconv.Itoa(status)].Content["application/json"].Example = example
	for code, response := range op.Responses {
		if media := response.Content[problemJSON]; media != nil {
			n, _ := strconv.Atoi(code) // huma writes the numbers of op.Errors
			media.Example = problem(n, "")
		}
	}
}
