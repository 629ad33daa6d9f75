package fasthttpio

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/valyala/fasthttp"
)

// request makes the http.Request of a request. It shares no memory with fasthttp, which uses its own again, but for the
// body, which ends with the answer.
func request(ctx *fasthttp.RequestCtx) (*http.Request, *body, error) {
	head := &ctx.Request.Header
	target := string(head.RequestURI())
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, nil, err
	}
	r := &http.Request{
		Method:        string(head.Method()),
		URL:           u,
		Proto:         string(head.Protocol()),
		Header:        http.Header{},
		ContentLength: int64(max(head.ContentLength(), -1)),
		Host:          string(head.Host()),
		RequestURI:    target,
		RemoteAddr:    ctx.RemoteAddr().String(),
		TLS:           ctx.TLSConnectionState(),
	}
	var known bool
	if r.ProtoMajor, r.ProtoMinor, known = http.ParseHTTPVersion(r.Proto); !known {
		return nil, nil, http.ErrNotSupported
	}
	if u.Host != "" { // a request to a proxy
		r.Host = u.Host
	}
	for name, value := range head.All() {
		switch name := http.CanonicalHeaderKey(string(name)); name {
		case "Host", "Trailer":
		case "Transfer-Encoding":
			r.TransferEncoding = []string{string(value)}
		default:
			r.Header.Add(name, string(value))
		}
	}
	b := &body{done: make(chan struct{}), left: r.ContentLength}
	switch stream := ctx.RequestBodyStream(); {
	case stream != nil:
		b.stream = stream
	case head.ContentLength() > 0 || head.ContentLength() == -1:
		b.stream, b.buffered = bytes.NewReader(ctx.Request.Body()), true
	default:
		r.ContentLength, r.Body = 0, http.NoBody
		close(b.done)
		return r, b, nil
	}
	r.Body = b
	return r, b, nil
}

// body is a request's body. It can be read until the answer begins.
type body struct {
	buffered bool          // fasthttp has read it before
	done     chan struct{} // closed when all of it has been read; nobody else reads the connection before

	mu     sync.Mutex // guards the fields below; held while the connection is read
	stream io.Reader
	left   int64 // of what was announced
	ended  bool
	closed bool
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	if b.ended {
		return 0, io.EOF
	}
	n, err := b.stream.Read(p)
	b.left -= int64(n)
	if err == io.EOF {
		b.ended = true
		close(b.done)
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// abandoned reports whether so much of the body is unread that fasthttp will close the connection.
func (b *body) abandoned() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stream != nil && !b.ended && !b.buffered && (b.left < 0 || b.left > lingerBytes)
}
