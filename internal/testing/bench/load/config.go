package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Modes lists what can be measured.
var Modes = []string{"connect", "idle", "echo", "ack", "broadcast", "rooms", "polling", "storm", "slow"}

// Config says what to measure. The zero value of a field means its default.
type Config struct {
	// URL is the address of the server: http or https, host and port, and the path if it is not /socket.io/.
	URL string
	// Mode is one of Modes.
	Mode string
	// Clients is the number of connections. Zero means 100.
	Clients int
	// Window is the number of messages that are outstanding: for each client with echo, ack and polling, in total with
	// broadcast and rooms. Zero means 1.
	Window int
	// Size is the number of bytes of a message's payload. Zero means 64.
	Size int
	// Rooms is the number of rooms that the clients join, in mode rooms. Zero means a tenth of the clients.
	Rooms int
	// Rate is the number of broadcasts per second, in mode slow. Zero means 50.
	Rate int
	// Duration is how long the load is measured, after Warmup; modes connect and storm ignore both. Zero means 5 s.
	Duration time.Duration
	// Warmup is how long the load runs before it is measured. Zero means a fifth of Duration.
	Warmup time.Duration
	// Settle is how long connections stay idle before memory is read. Zero means 5 s.
	Settle time.Duration
	// Dialing is how many connections are opened at the same time; mode storm ignores it. Zero means 100.
	Dialing int
	// Timeout bounds each step of the run, such as the opening of all connections. Zero means 2 minutes.
	Timeout time.Duration
	// PID is the server's process, whose CPU time and memory are read. Zero means that they are not measured.
	PID int
	// Insecure accepts any certificate. False verifies it.
	Insecure bool
	// Progress receives a line every few seconds of a long run. Nil means none.
	Progress io.Writer

	portable bool // no epoll: set by tests
}

// target is the parsed URL.
type target struct {
	host, address, path string
	secure              bool
}

func (c Config) withDefaults() (Config, target, error) {
	for _, d := range []struct {
		value *int
		def   int
		name  string
	}{
		{&c.Clients, 100, "clients"}, {&c.Window, 1, "window"}, {&c.Size, 64, "size"}, {&c.Rate, 50, "rate"},
		{&c.Dialing, 100, "dialing"}, {&c.Rooms, 0, "rooms"},
	} {
		if *d.value < 0 {
			return c, target{}, fmt.Errorf("load: %s is negative", d.name)
		}
		if *d.value == 0 {
			*d.value = d.def
		}
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{
		{&c.Duration, 5 * time.Second}, {&c.Settle, 5 * time.Second}, {&c.Timeout, 2 * time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if c.Warmup <= 0 {
		c.Warmup = c.Duration / 5
	}
	if c.Rooms == 0 {
		c.Rooms = max(1, c.Clients/10)
	}
	c.Size = max(c.Size, tokenSize)
	if !slices.Contains(Modes, c.Mode) {
		return c, target{}, fmt.Errorf("load: unknown mode %q: use one of %s", c.Mode, strings.Join(Modes, ", "))
	}
	switch {
	case c.Mode == "rooms" && c.Rooms > c.Clients:
		return c, target{}, errors.New("load: there are more rooms than clients")
	case c.Mode == "slow" && c.Clients < slowPart:
		return c, target{}, fmt.Errorf("load: slow needs at least %d clients", slowPart)
	case c.Window > mostSlots:
		return c, target{}, fmt.Errorf("load: a window is at most %d", mostSlots)
	}
	t, err := parseTarget(c.URL)
	return c, t, err
}

func parseTarget(address string) (target, error) {
	u, err := url.Parse(address)
	if err != nil {
		return target{}, fmt.Errorf("load: %w", err)
	}
	t := target{host: u.Host, path: u.Path}
	port := "80"
	switch u.Scheme {
	case "http", "ws":
	case "https", "wss":
		t.secure, port = true, "443"
	default:
		return t, fmt.Errorf("load: the URL %q does not begin with http:// or https://", address)
	}
	if u.Hostname() == "" {
		return t, errors.New("load: the URL has no host")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	t.address = net.JoinHostPort(u.Hostname(), port)
	if t.path == "" || t.path == "/" {
		t.path = "/socket.io/"
	}
	return t, nil
}
