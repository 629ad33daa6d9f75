package fasthttpio

import "io"

// stream is the body of an answer that is written while the handler goes on: what the handler writes, fasthttp reads.
type stream struct {
	first []byte // comes before what is written
	in    *io.PipeReader
	out   *io.PipeWriter
	x     *exchange
}

func newStream(first []byte, x *exchange) *stream {
	s := &stream{first: first, x: x}
	s.in, s.out = io.Pipe()
	return s
}

// write hands bytes over to fasthttp. It fails when an earlier piece could not be written.
func (s *stream) write(p []byte) (int, error) { return s.out.Write(p) }

// end says that there is no more.
func (s *stream) end(err error) { s.out.CloseWithError(err) }

// Read implements io.Reader, for fasthttp.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.first) > 0 {
		n := copy(p, s.first)
		s.first = s.first[n:]
		return n, nil
	}
	return s.in.Read(p)
}

// Close does nothing: fasthttp calls CloseWithError, too, which knows why.
func (s *stream) Close() error { return nil }

// CloseWithError implements fasthttp.ReadCloserWithError: the answer is written, or cannot be.
func (s *stream) CloseWithError(err error) error {
	s.x.release()
	if err != nil {
		s.x.cancel(err)
	}
	return s.in.CloseWithError(err)
}
