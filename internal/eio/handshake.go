package eio

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Handshake is the data of an open packet, which a server sends first (engine.io-protocol v4, "Handshake").
type Handshake struct {
	// SID names the session in the requests that follow.
	SID string
	// Upgrades are the transports that the client may change to.
	Upgrades []string
	// PingInterval is the time between two pings, and PingTimeout how long the other side may take to answer one. On the
	// wire both are whole milliseconds.
	PingInterval, PingTimeout time.Duration
	// MaxPayload bounds the body of a POST, in bytes. Zero means that the server has not said it.
	MaxPayload int
}

// wireHandshake is a Handshake in JSON.
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
	data, _ := json.Marshal(wireHandshake{ // strings and numbers only: it cannot fail
		h.SID, h.Upgrades, h.PingInterval.Milliseconds(), h.PingTimeout.Milliseconds(), int64(h.MaxPayload),
	})
	return data
}

var errHandshake = errors.New("engineio: invalid handshake")

// DecodeHandshake reads the data of an open packet. It must have an id and times; what is unknown is ignored.
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
