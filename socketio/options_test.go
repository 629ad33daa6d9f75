package socketio_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parleyio/parley/cluster"
	"github.com/parleyio/parley/engineio"
	"github.com/parleyio/parley/socketio"
)

func TestNew_contradictions(t *testing.T) {
	for field, opts := range map[string]*socketio.Options{
		"PingInterval":          {PingInterval: -1},
		"PingTimeout":           {PingTimeout: -time.Second},
		"UpgradeTimeout":        {UpgradeTimeout: -1},
		"CloseTimeout":          {CloseTimeout: -1},
		"ReadTimeout":           {ReadTimeout: -1},
		"WriteTimeout":          {WriteTimeout: -1},
		"ConnectTimeout":        {ConnectTimeout: -1},
		"AckTimeout":            {AckTimeout: -1},
		"InboxBytes":            {InboxBytes: 10},
		"Admission.Rate":        {Admission: engineio.Admission{Rate: -1}},
		"MaxConnectionsPerUser": {MaxConnectionsPerUser: 1},
		"Transports":            {Transports: []engineio.Transport{"carrier pigeon"}},
		"CORS":                  {CORS: engineio.CORS{Origins: []string{"*"}, Credentials: true}},
		"CORS.Origins":          {CORS: engineio.CORS{Origins: []string{"example.com/path"}}},
		"Cookie":                {Cookie: &engineio.Cookie{Name: "io; Secure"}},
		"Level":                 {PerMessageDeflate: &engineio.Deflate{Level: 10}},
		"InitialPacket":         {InitialPacket: &engineio.Message{Data: []byte("\xff")}},
		"namespace \"/\"":       {Adapter: cluster.Config{Log: refusing("/")}},
		"broker is broken":      {Adapter: cluster.Config{Log: refusing("/")}},
		"HeartbeatInterval":     {Adapter: cluster.Config{HeartbeatInterval: -1}},
		"Options.Adapter":       {Adapter: cluster.Config{HeartbeatTimeout: 1}},
	} {
		t.Run(field, func(t *testing.T) {
			_, err := socketio.New(opts)
			if err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// refusing is a log that cannot follow a namespace.
func refusing(namespace string) cluster.Log {
	log := newRecorder()
	log.follow = func(name string) error {
		if name == namespace {
			return errBroker
		}
		return nil
	}
	return log
}

var errBroker = errors.New("broker is broken")

func TestNew_no_contradictions(t *testing.T) {
	for name, opts := range map[string]*socketio.Options{
		"nil":                                   nil,
		"zero":                                  {},
		"no limits":                             {MaxPayload: -1, MaxRooms: -1, MaxAcks: -1, MaxNamespaces: -1, MaxRoomName: -1, InboxPackets: -1, InboxBytes: -1, MaxDepth: -1, MaxAttachments: -1, MaxAttachmentBytes: -1},
		"no inbox limit beside a payload limit": {InboxBytes: -1},
		"a payload limit without an inbox one":  {MaxPayload: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := socketio.New(opts); err != nil {
				t.Error(err)
			}
		})
	}
}

// The options are copied: what the caller does with them afterwards has no effect.
func TestNew_copies(t *testing.T) {
	opts := &socketio.Options{Transports: []engineio.Transport{engineio.Polling}}
	server := newServer(t, opts)
	opts.Transports[0], opts.NoUpgrades = engineio.WebSocket, true
	if r := request(server, "GET", "/socket.io/?EIO=4&transport=polling"); r.StatusCode != 200 {
		t.Errorf("%d %s", r.StatusCode, body(t, r))
	}
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestOptions_of_requests(t *testing.T) {
	var refused []engineio.Code
	server := newServer(t, &socketio.Options{
		CORS:              engineio.CORS{Origins: []string{"https://app.example.com"}},
		AllowRequest:      func(r *http.Request) error { return errors.New("not today") },
		OnConnectionError: func(e *engineio.ConnectionError) { refused = append(refused, e.Code) },
	})
	for _, tt := range []struct{ origin, want string }{
		{"", `{"code":4,"message":"not today"}`},
		{"https://app.example.com", `{"code":4,"message":"not today"}`},
		{"https://evil.example", `{"code":4,"message":"Forbidden"}`},
	} {
		r := request(server, "GET", "/socket.io/?EIO=4&transport=polling", "Origin", tt.origin)
		if got := body(t, r); r.StatusCode != 403 || got != tt.want {
			t.Errorf("%q: %d %q", tt.origin, r.StatusCode, got)
		}
	}
	if len(refused) != 3 {
		t.Errorf("told of %v", refused)
	}
	for origin, want := range map[string]bool{"https://app.example.com": true, "https://evil.example": false, "": true} {
		r := httptest.NewRequest("GET", "/api/data", nil)
		r.Header.Set("Origin", origin)
		if got := server.AllowsOrigin(r); got != want {
			t.Errorf("AllowsOrigin of %q: %v", origin, got)
		}
	}
}

func TestServer_Of_panics_without_an_adapter(t *testing.T) {
	server := newServer(t, &socketio.Options{Adapter: cluster.Config{Log: refusing("/bad")}})
	defer func() {
		err, _ := recover().(error)
		if !errors.Is(err, errBroker) || !strings.Contains(err.Error(), `"/bad"`) {
			t.Errorf("got %v", err)
		}
	}()
	server.Of("bad")
}
