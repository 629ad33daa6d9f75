package engineio

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Cookie configures a cookie that holds the id of the session. Load balancers can use it to send all requests of a client
// to the same server. The server sets it in the answer that opens a session on polling, not on a websocket. It does not
// read it: the URL of a request names its session.
type Cookie struct {
	// Name is the cookie's name. Empty means "io".
	Name string
	// Path limits the cookie to URLs below it. Empty means "/".
	Path string
	// NoPath leaves the attribute Path out: browsers then limit the cookie to URLs below the folder of the handshake's URL. It
	// is an error together with Path. False sets the attribute.
	NoPath bool
	// Domain makes the cookie valid for this domain and its subdomains. Empty means the host alone.
	Domain string
	// MaxAge is how long the browser keeps it, in whole seconds. Zero means until the browser is closed.
	MaxAge time.Duration
	// Secure makes browsers send the cookie over TLS only. False sets no such attribute.
	Secure bool
	// Scriptable leaves the attribute HttpOnly out, so that scripts of the page can read the cookie. False sets HttpOnly.
	Scriptable bool
	// SameSite selects the requests from pages of other sites that carry the cookie. Zero means http.SameSiteLaxMode.
	SameSite http.SameSite
	// Partitioned makes browsers keep one cookie for each top-level site. False sets no such attribute.
	Partitioned bool
}

// sessionCookie is the text of a Cookie in front of its value and behind it.
type sessionCookie struct{ name, attributes string }

// newSessionCookie checks a cookie and makes its text, so that only checked text reaches a header. It returns nil for nil.
func newSessionCookie(o *Cookie) (*sessionCookie, error) {
	if o == nil {
		return nil, nil
	}
	c := *o
	if c.Name == "" {
		c.Name = "io"
	}
	if c.Path != "" && c.NoPath {
		return nil, errors.New("engineio: Options.Cookie has both Path and NoPath")
	}
	if c.Path == "" && !c.NoPath {
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
		return nil, fmt.Errorf("engineio: Options.Cookie.SameSite is %d, which is not a value of net/http", c.SameSite)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("engineio: Options.Cookie: %w", err)
	}
	var text strings.Builder // the attributes in the order of the reference
	if c.MaxAge > 0 {
		text.WriteString("; Max-Age=" + strconv.FormatInt(int64(c.MaxAge/time.Second), 10))
	}
	if c.Domain != "" {
		text.WriteString("; Domain=" + c.Domain)
	}
	if c.Path != "" {
		text.WriteString("; Path=" + c.Path)
	}
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

// check returns an error if browsers would reject the cookie or read it differently.
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
