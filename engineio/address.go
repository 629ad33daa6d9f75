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

// client returns the address of a request's client. The address is not valid for a peer without an IP address. Each proxy
// appends the address of its peer to X-Forwarded-For, so client reads the header from its end: the first address that does
// not belong to a trusted proxy is the client's. Entries in front of it may be forged. Where an entry is not an address,
// client returns the address of the proxy that added it.
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

// parseAddress reads an IP address, with or without a port and brackets. The result is not valid when text is not an
// address. IPv4 inside IPv6 becomes IPv4. A zone is dropped, because it has a meaning on this machine only.
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

// networkOf returns the key under which a limit counts a client: its IPv4 address, or the first 64 bits of its IPv6
// address, because a provider gives a customer a whole network of that size. All peers without an IP address, as on Unix
// sockets, share one key.
func networkOf(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return addr
	}
	prefix, _ := addr.Prefix(64) // cannot fail: an IPv6 address has 128 bits
	return prefix.Addr()
}
