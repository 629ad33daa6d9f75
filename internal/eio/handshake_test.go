package eio_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/parleyio/parley/internal/eio"
)

// TestHandshake encodes and decodes the data of an open packet.
func TestHandshake(t *testing.T) {
	for want, h := range map[string]eio.Handshake{
		`{"sid":"a","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`: {
			SID: "a", Upgrades: []string{"websocket"}, PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second, MaxPayload: 1e6,
		},
		`{"sid":"<b>","upgrades":[],"pingInterval":1,"pingTimeout":2,"maxPayload":9223372036854775807}`: {
			SID: "<b>", Upgrades: []string{}, PingInterval: time.Millisecond, PingTimeout: 2 * time.Millisecond, MaxPayload: math.MaxInt,
		},
	} {
		if h.SID == "<b>" {
			want = `{"sid":"\u003cb\u003e"` + want[len(`{"sid":"<b>"`):]
		}
		data := h.Encode()
		if string(data) != want && math.MaxInt == math.MaxInt64 {
			t.Errorf("%s, want %s", data, want)
		}
		if got, err := eio.DecodeHandshake(data); err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
	}
	if got := string((eio.Handshake{SID: "a"}).Encode()); got != `{"sid":"a","upgrades":[],"pingInterval":0,"pingTimeout":0,"maxPayload":0}` {
		t.Error(got)
	}
}

// TestDecodeHandshake accepts handshakes of revision 3 and of other servers, and refuses unusable ones.
func TestDecodeHandshake(t *testing.T) {
	older := `{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":5000,"more":[{}]}`
	if h, err := eio.DecodeHandshake([]byte(older)); err != nil || h.MaxPayload != 0 || h.PingTimeout != 5*time.Second {
		t.Errorf("%+v, %v", h, err)
	}
	for _, data := range []string{
		``, `null`, `[]`, `{}`, `{"sid":1}`,
		`{"pingInterval":1,"pingTimeout":1}`,
		`{"sid":"a","pingTimeout":1}`,
		`{"sid":"a","pingInterval":1}`,
		`{"sid":"a","pingInterval":-1,"pingTimeout":1}`,
		`{"sid":"a","pingInterval":1,"pingTimeout":9223372036854775807}`,
		`{"sid":"a","pingInterval":1e99,"pingTimeout":1}`,
		`{"sid":"a","pingInterval":1,"pingTimeout":1,"maxPayload":-1}`,
		`{"sid":"a","pingInterval":1,"pingTimeout":1,"upgrades":"websocket"}`,
		`{"sid":"a","pingInterval":1,"pingTimeout":1} {}`,
	} {
		if h, err := eio.DecodeHandshake([]byte(data)); err == nil {
			t.Errorf("%s: %+v", data, h)
		}
	}
}

// FuzzDecodeHandshake decodes any text. A valid handshake must be the same after encoding and decoding.
func FuzzDecodeHandshake(f *testing.F) {
	f.Add([]byte(`{"sid":"a","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`))
	f.Add([]byte(`{"sid":"","pingInterval":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := eio.DecodeHandshake(data)
		if err != nil {
			return
		}
		if h.SID == "" || h.PingInterval <= 0 || h.PingTimeout <= 0 || h.MaxPayload < 0 {
			t.Errorf("%+v", h)
		}
		again, err := eio.DecodeHandshake(h.Encode())
		if h.Upgrades == nil {
			h.Upgrades = []string{}
		}
		if err != nil || !reflect.DeepEqual(again, h) {
			t.Errorf("%+v became %+v, %v", h, again, err)
		}
	})
}
