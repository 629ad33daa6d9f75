package eio

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Handshake is the data of an open packet, the first packet of a server (engine.io-protocol v4, "Handshake").
type Handshake struct {
	// SID identifies the session in later requests.
	SID string
	// Upgrades are the transports that the client may upgrade to.
	Upgrades []string
	// PingInterval is the time between two pings. PingTimeout is the time in which the other side must answer a ping. On the
	// wire both are whole milliseconds.
	PingInterval, PingTimeout time.Duration
	// MaxPayload bounds the body of a POST, in bytes. Zero means that the server has not sent a bound.
	MaxPayload int
}

// wireHandshake is the JSON form of a Handshake.
type wireHandshake struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int64    `json:"pingInterval"`
	PingTimeout  int64    `json:"pingTimeout"`
	MaxPayload   int64    `json:"maxPayload"`
}

// Encode returns the data of an open packet.
func (h Handshake) Encode() []byte {
	if h.Upgrades == nil {
		h.Upgrades = []string{}
	}
	data, _ := json.Marshal(wireHandshake{ // only strings and numbers, so it cannot fail
		h.SID, h.Upgrades, h.PingInterval.Milliseconds(), h.PingTimeout.Milliseconds(), int64(h.MaxPayload),
	})
	return data
}

var errHandshake = errors.New("engineio: invalid handshake")

// DecodeHandshake decodes the data of an open packet. The id and the times are required. Unknown keys are ignored.
func DecodeHandshake(data []byte) (Handshake, error) {
	var w wireHandshake
	if err := json.Unmarshal(data, &w); err != nil {
		return Handshake{}, fmt.Errorf("%w: %w", errHandshake, err)
	}
	const longest = int64(math.MaxInt64 / time.Millisecond)
	if w.SID == "" || w.PingInterval <= 0 || w.PingTimeout <= 0 || w.PingInterval > longest || w.PingTimeout > longest || w.MaxPayload < 0 {
		return Handshake{}, errHandshake
	}
	return Handshake{
		SID: w.SID, Upgrades: w.Upgrades, MaxPayload: int(min(w.MaxPayload, math.MaxInt)),
		PingInterval: time.Duration(w.PingInterval) * time.Millisecond,
		PingTimeout:  time.Duration(w.PingTimeout) * time.Millisecond,
	}, nil
}
