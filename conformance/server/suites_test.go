package main

import "testing"

// The three protocols; each file is a chapter of the protocol's document.

func TestEngineV4_handshake(t *testing.T) { playAll(t, "engine-v4/handshake.txt") }
func TestEngineV4_requests(t *testing.T)  { playAll(t, "engine-v4/requests.txt") }
func TestEngineV4_polling(t *testing.T)   { playAll(t, "engine-v4/polling.txt") }
func TestEngineV4_websocket(t *testing.T) { playAll(t, "engine-v4/websocket.txt") }
func TestEngineV4_heartbeat(t *testing.T) { playAll(t, "engine-v4/heartbeat.txt") }
func TestEngineV4_upgrade(t *testing.T)   { playAll(t, "engine-v4/upgrade.txt") }
func TestEngineV4_close(t *testing.T)     { playAll(t, "engine-v4/close.txt") }

func TestEngineV3_handshake(t *testing.T) { playAll(t, "engine-v3/handshake.txt") }
func TestEngineV3_polling(t *testing.T)   { playAll(t, "engine-v3/polling.txt") }
func TestEngineV3_websocket(t *testing.T) { playAll(t, "engine-v3/websocket.txt") }
func TestEngineV3_heartbeat(t *testing.T) { playAll(t, "engine-v3/heartbeat.txt") }
func TestEngineV3_upgrade(t *testing.T)   { playAll(t, "engine-v3/upgrade.txt") }
func TestEngineV3_close(t *testing.T)     { playAll(t, "engine-v3/close.txt") }

func TestSocketV5_connect(t *testing.T)    { playAll(t, "socket-v5/connect.txt") }
func TestSocketV5_disconnect(t *testing.T) { playAll(t, "socket-v5/disconnect.txt") }
func TestSocketV5_events(t *testing.T)     { playAll(t, "socket-v5/events.txt") }
func TestSocketV5_bad(t *testing.T)        { playAll(t, "socket-v5/bad.txt") }

// Captured conversations of the reference implementation.

func TestGolden_engineio(t *testing.T) { playAll(t, "golden/engineio.txt") }
func TestGolden_client(t *testing.T)   { playAll(t, "golden/client.txt") }
func TestGolden_msgpack(t *testing.T)  { playAll(t, "golden/msgpack.txt") }
func TestGolden_eio3(t *testing.T)     { playAll(t, "golden/eio3.txt") }
func TestGolden_recovery(t *testing.T) { playAll(t, "golden/recovery.txt") }
