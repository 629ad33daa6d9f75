package engineio

import (
	"net/http"
	"net/netip"
	"strings"
)

// proxies are the networks of the proxies whose headers about a client are trusted.
type proxies []netip.Prefix

// trusts reports whether an address is that of a trusted proxy.
func (p proxies) trusts(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// client returns the address of a request's client, which is not valid for a peer without an IP address. X-Forwarded-For
// is read from its end, because each proxy appends whom it was called by: the first address that is not a trusted proxy's
// is the client's, whatever the client itself has put in front. Where that is no address, the proxy that said so is all
// that is known.
func (p proxies) client(r *http.Request) netip.Addr {
	client := parseAddress(r.RemoteAddr)
	if !p.trusts(client) {
		return client
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			entry := rest
			comma := strings.LastIndexByte(rest, ',')
			if more = comma >= 0; more {
				rest, entry = rest[:comma], rest[comma+1:]
			}
			addr := parseAddress(strings.TrimSpace(entry))
			if !addr.IsValid() {
				return client
			}
			if client = addr; !p.trusts(client) {
				return client
			}
		}
	}
	return client
}

// parseAddress reads an IP address, with or without a port and brackets. The result is not valid when it is none. IPv4
// inside IPv6 becomes IPv4, and a zone, which has a meaning on this machine only, is dropped.
func parseAddress(text string) netip.Addr {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		var both netip.AddrPort
		if both, err = netip.ParseAddrPort(text); err != nil {
			return netip.Addr{}
		}
		addr = both.Addr()
	}
	return addr.Unmap().WithZone("")
}

// networkOf returns what stands for one client in a limit: an IPv4 address, or the first 64 bits of one of IPv6, which
// is what a single customer gets. Addresses that are none, such as those of Unix sockets, all count as one.
func networkOf(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return addr
	}
	prefix, _ := addr.Prefix(64) // of 128 bits: it cannot fail
	return prefix.Addr()
}
