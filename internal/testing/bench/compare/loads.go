package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parleyio/parley/internal/testing/bench/load"
)

// The servers that are compared.
const (
	floor  = "floor"
	parley = "Parley"
	node   = "Node"
)

// measured is one load, and the servers that get it.
type measured struct {
	name    string
	config  load.Config
	secure  bool // over TLS
	servers []string
}

// The kinds of loads, and the sizes of the series. The names of loads are built from them.
const (
	echo1     = "echo-1"
	echo16    = "echo-16"
	acks      = "ack"
	rooms     = "rooms"
	connect   = "connect"
	polling   = "polling"
	storm     = "storm"
	slow      = "slow"
	tlsPrefix = "tls-"
)

func broadcastTo(clients int) string { return fmt.Sprint("broadcast-", clients) }
func idle(clients int) string        { return fmt.Sprint("idle-", clients) }

// The points of the series. The growth table compares the first and the last of grown, and the points in between.
var (
	broadcastSizes = []int{10, 100, 1_000, 10_000, 15_000}
	idleSizes      = []int{1_000, 5_000, 10_000, 15_000}
	roomSizes      = broadcastSizes[:4] // of the plot
	grown          = [2]int{1_000, 15_000}
)

// tlsMost is the highest number of connections over TLS. The generator, which has a goroutine and buffers for each of them,
// shares memory and cores with the server.
const tlsMost = 5_000

// overTLS returns the name of a load over TLS.
func overTLS(name string) string {
	switch name {
	case broadcastTo(10_000):
		name = broadcastTo(tlsMost)
	case idle(15_000):
		name = idle(tlsMost)
	}
	return tlsPrefix + name
}

// allLoads returns the loads, each limited to a number of connections. Names keep the intended number of connections; the
// report has the real one.
func allLoads(most int, quick bool) []measured {
	all := []string{floor, parley, node}
	servers := all[1:]
	var loads []measured
	add := func(name string, servers []string, c load.Config) {
		loads = append(loads, measured{name: name, config: c, servers: servers})
	}
	add(echo1, all, load.Config{Mode: "echo", Clients: 100, Window: 1})
	add(echo16, all, load.Config{Mode: "echo", Clients: 100, Window: 16})
	add(acks, servers, load.Config{Mode: "ack", Clients: 100, Window: 1})
	for _, n := range broadcastSizes {
		add(broadcastTo(n), all, load.Config{Mode: "broadcast", Clients: n, Window: 2})
	}
	add(rooms, all, load.Config{Mode: "rooms", Clients: 10_000, Rooms: 1_000, Window: 32})
	for _, n := range idleSizes {
		add(idle(n), servers, load.Config{Mode: "idle", Clients: n})
	}
	add(connect, servers, load.Config{Mode: "connect", Clients: 10_000})
	add(polling, servers, load.Config{Mode: "polling", Clients: 100})
	add(storm, servers, load.Config{Mode: "storm", Clients: 15_000})
	add(slow, servers, load.Config{Mode: "slow", Clients: 1_000, Rate: 50})

	for _, l := range slices.Clone(loads) {
		switch l.name {
		case broadcastTo(10), broadcastTo(100), broadcastTo(15_000), idle(1_000), idle(5_000), idle(10_000):
			continue
		}
		l.name, l.secure, l.servers = overTLS(l.name), true, servers
		if l.config.Clients > tlsMost {
			l.config.Rooms = l.config.Rooms * tlsMost / l.config.Clients
			l.config.Clients = tlsMost
		}
		loads = append(loads, l)
	}
	for i := range loads {
		scale(&loads[i].config, most, quick)
	}
	return loads
}

// scale sets the times, and limits the number of connections.
func scale(c *load.Config, most int, quick bool) {
	c.Duration, c.Warmup, c.Settle, c.Insecure = 4*time.Second, time.Second, 8*time.Second, true
	c.Timeout = 2 * time.Minute // most of a storm is the kernel's wait before it retries
	if quick {
		c.Duration, c.Warmup, c.Settle = 200*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
		most = max(10, c.Clients/500)
	}
	switch c.Mode {
	case "polling":
		most /= 2 // each has two connections
	case "slow":
		c.Duration += c.Duration / 2 // few broadcasts give no reliable p99; longer is no use, as servers close clients that have not read for 10 s
	}
	if c.Clients > most {
		c.Rooms = c.Rooms * most / c.Clients
		c.Clients = most
	}
}

// selectLoads returns the loads whose names begin with one of the comma-separated prefixes.
func selectLoads(loads []measured, only string) ([]measured, error) {
	if only == "" {
		return loads, nil
	}
	var selected []measured
	for _, l := range loads {
		if slices.ContainsFunc(strings.Split(only, ","), func(b string) bool { return strings.HasPrefix(l.name, b) }) {
			selected = append(selected, l)
		}
	}
	if len(selected) == 0 {
		var names []string
		for _, l := range loads {
			names = append(names, l.name)
		}
		return nil, fmt.Errorf("no load begins with %s: there are %s", only, strings.Join(names, ", "))
	}
	return selected, nil
}

// title describes a load for the tables.
func (l *measured) title() string {
	c := &l.config
	clients := group(c.Clients)
	switch c.Mode {
	case "echo":
		return fmt.Sprintf("echo, %s clients, window %d", clients, c.Window)
	case "ack":
		return fmt.Sprintf("acknowledgement, %s clients", clients)
	case "broadcast":
		return "broadcast to " + clients
	case "rooms":
		return fmt.Sprintf("%s rooms of %d, random rooms", group(c.Rooms), c.Clients/max(1, c.Rooms))
	case "idle":
		return clients + " idle connections"
	case "connect":
		return clients + " connections"
	case "polling":
		return fmt.Sprintf("long-polling echo, %s clients", clients)
	case "storm":
		return fmt.Sprintf("storm: %s clients return at once", clients)
	default:
		return fmt.Sprintf("slow: a tenth of %s stops reading", clients)
	}
}

// group writes a number with a comma between groups of three digits.
func group(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", group(n/1000), n%1000)
}
