package engineio

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Cookie configures the cookie that tells a client its session's id, for proxies that keep clients on one server by it.
// It is set by the answer that opens a session on polling, and not on a websocket. The server does not read it: a
// request belongs to the session that its URL names.
type Cookie struct {
	// Name is the cookie's name. Empty means "io".
	Name string
	// Path limits the cookie to URLs below it. Empty means "/".
	Path string
	// Domain makes the cookie valid for the subdomains too. Empty means the host alone.
	Domain string
	// MaxAge is how long the browser keeps it, in whole seconds. Zero means until the browser is closed.
	MaxAge time.Duration
	// Secure keeps the cookie to TLS.
	Secure bool
	// Scriptable leaves HttpOnly out, so that scripts of the page can read the cookie.
	Scriptable bool
	// SameSite says which requests from foreign pages carry it. Zero means http.SameSiteLaxMode.
	SameSite http.SameSite
	// Partitioned keeps the cookie apart for each top-level site.
	Partitioned bool
}

// sessionCookie is a Cookie as the text around its value.
type sessionCookie struct{ name, attributes string }

// newSessionCookie checks a cookie and makes its text, so that nothing unchecked ever reaches a header. It returns nil
// when there is none.
func newSessionCookie(o *Cookie) (*sessionCookie, error) {
	if o == nil {
		return nil, nil
	}
	c := *o
	if c.Name == "" {
		c.Name = "io"
	}
	if c.Path == "" {
		c.Path = "/"
	}
	sameSite := "Lax"
	switch c.SameSite {
	case 0, http.SameSiteDefaultMode, http.SameSiteLaxMode:
	case http.SameSiteStrictMode:
		sameSite = "Strict"
	case http.SameSiteNoneMode:
		sameSite = "None"
	default:
		return nil, fmt.Errorf("engineio: Options.Cookie.SameSite is %d, which net/http does not have", c.SameSite)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("engineio: Options.Cookie: %w", err)
	}
	var text strings.Builder // in the order of the reference
	if c.MaxAge > 0 {
		text.WriteString("; Max-Age=" + strconv.FormatInt(int64(c.MaxAge/time.Second), 10))
	}
	if c.Domain != "" {
		text.WriteString("; Domain=" + c.Domain)
	}
	text.WriteString("; Path=" + c.Path)
	for _, flag := range []struct {
		set  bool
		text string
	}{{!c.Scriptable, "; HttpOnly"}, {c.Secure, "; Secure"}, {c.Partitioned, "; Partitioned"}} {
		if flag.set {
			text.WriteString(flag.text)
		}
	}
	text.WriteString("; SameSite=" + sameSite)
	return &sessionCookie{c.Name, text.String()}, nil
}

// check reports what would make browsers drop the cookie, or read it as something else.
func (c *Cookie) check() error {
	host, secure := strings.HasPrefix(c.Name, "__Host-"), strings.HasPrefix(c.Name, "__Secure-")
	switch {
	case c.MaxAge < 0 || (c.MaxAge > 0 && c.MaxAge < time.Second):
		return errors.New("MaxAge is below a second")
	case c.SameSite == http.SameSiteNoneMode && !c.Secure:
		return errors.New("SameSite None needs Secure")
	case (host || secure) && !c.Secure:
		return fmt.Errorf("the name %q needs Secure", c.Name)
	case host && (c.Path != "/" || c.Domain != ""):
		return fmt.Errorf(`the name %q needs the path "/" and no domain`, c.Name)
	}
	sample := http.Cookie{
		Name: c.Name, Value: "x", Path: c.Path, Domain: c.Domain, Secure: c.Secure, Partitioned: c.Partitioned,
	}
	return sample.Valid()
}

// text returns the value of a Set-Cookie header.
func (c *sessionCookie) text(sid string) string { return c.name + "=" + sid + c.attributes }
