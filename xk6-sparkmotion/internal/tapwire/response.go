package tapwire

import (
	"bytes"
	"io"
	"time"
)

// Limits of a response, so that no server can hold or fill a connection's
// memory. What goes past maxDrain is no error: the response is fine, the
// connection isn't worth keeping.
const (
	maxHead      = 64 << 10  // bytes of status lines and header fields, 1xx responses included
	maxInterim   = 8         // 1xx responses before the final one
	maxDrain     = 256 << 10 // bytes of body, chunk framing included
	maxChunkLine = 4 << 10   // bytes of a chunk's size and extensions
)

// A ProtocolError says what is wrong with a response. It never holds bytes of
// the server's, so that its text can be a metric's tag.
type ProtocolError string

func (e ProtocolError) Error() string { return "malformed response: " + string(e) }

// TLS reports whether the server speaks TLS, and the request was in plain text.
func (e ProtocolError) TLS() bool { return e == ErrTLS }

// What can be wrong with a response. ErrUnsolicited is found before anything is
// written, so the request may go out on another connection.
const (
	ErrUnsolicited      = ProtocolError("bytes on an idle connection")
	ErrNotHTTP          = ProtocolError("not HTTP/1")
	ErrTLS              = ProtocolError("TLS instead of HTTP/1")
	ErrStatusLine       = ProtocolError("bad status line")
	ErrHeaderLine       = ProtocolError("bad header line")
	ErrControlCharacter = ProtocolError("NUL or bare CR in a line")
	ErrHeadTooLarge     = ProtocolError("header over 64 KiB")
	ErrTooManyInterim   = ProtocolError("more than 8 interim responses")
	ErrContentLength    = ProtocolError("bad or conflicting Content-Length")
	ErrTransferEncoding = ProtocolError("bad Transfer-Encoding")
	ErrChunk            = ProtocolError("bad chunk")
	ErrChunkLine        = ProtocolError("chunk size line over 4 KiB")
)

// Response is what a tap needs to know of one. It can be used again and again;
// each exchange overwrites it. After an error it holds what had come until then.
type Response struct {
	Status   int    // 101, or 200 to 999
	Proto    string // "HTTP/1.1" or "HTTP/1.0"
	Location []byte // of the first Location field, empty without one; valid until the next exchange
	Differs  bool   // another Location field has another value
	Wait     []byte // of Retry-After, empty without one
	Body     int64  // bytes of content read, without chunk framing
	Length   int64  // Content-Length; -1 without one
	Header   bool   // its header came whole
	ByNext   bool   // its header has what Next.js or Vercel set, and a Worker that answers by itself does not

	// KeepAlive tells that the connection is still open, for another exchange.
	KeepAlive bool

	// Start to Wrote is sending, Wrote to FirstByte waiting, FirstByte to Done
	// receiving. Start and Done are always set; Wrote and FirstByte are zero
	// when an error came before them.
	Start, Wrote, FirstByte, Done time.Time
}

// Answered reports whether any byte of a response came back.
func (r *Response) Answered() bool { return !r.FirstByte.IsZero() }

func (r *Response) reset() { *r = Response{Location: r.Location[:0], Length: -1} }

// framing is what a header says about where its response ends.
type framing struct {
	length           int64 // of Content-Length, -1 without
	located          bool  // a Location field came
	chunked, unknown bool  // Transfer-Encoding's last coding
	close, keepAlive bool  // Connection's options
}

// readResponse reads interim responses and drops them (RFC 9110, section
// 15.2), then the final one. 101 is final: what follows it is no HTTP.
func (c *Conn) readResponse(r *Response) error {
	budget := maxHead
	for range maxInterim + 1 {
		f, err := c.readHead(r, &budget)
		if err != nil {
			return err
		}
		if r.Status >= 200 || r.Status == 101 {
			r.Header = true
			return c.readBody(r, f)
		}
	}
	return ErrTooManyInterim
}

// readHead reads a status line and the header after it (RFC 9112, sections 4
// and 5), taking their bytes off budget.
func (c *Conn) readHead(r *Response, budget *int) (framing, error) {
	f := framing{length: -1}
	if err := c.readStatusLine(r, budget); err != nil {
		return f, err
	}
	r.Location, r.Differs, r.Wait, r.Length, r.ByNext = r.Location[:0], false, nil, -1, false
	foldable := false // whether the line before may go on in the next one
	for {
		line, err := c.readLine(budget, ErrHeadTooLarge)
		if err != nil || len(line) == 0 {
			r.Length = f.length
			return f, err
		}
		if line[0] == ' ' || line[0] == '\t' {
			if !foldable {
				return f, ErrHeaderLine
			}
			continue
		}
		name, value, err := splitField(line)
		if err != nil {
			return f, err
		}
		used, err := f.apply(r, name, value)
		if err != nil {
			return f, err
		}
		foldable = !used // a folded framing field could be read in two ways
	}
}

// readStatusLine reads "HTTP/1.1 302 Found", with or without a reason phrase.
// A server of another protocol is told by its first bytes, without waiting for
// a line end that may never come.
func (c *Conn) readStatusLine(r *Response, budget *int) error {
	const version = "HTTP/1."
	for n := 0; n < len(version); {
		if n == c.w-c.r {
			if err := c.fill(); err != nil {
				return err
			}
		}
		n = min(len(version), c.w-c.r)
		if string(c.buf[c.r:c.r+n]) != version[:n] {
			return alien(c.buf[c.r : c.r+n])
		}
	}
	line, err := c.readLine(budget, ErrHeadTooLarge)
	if err != nil {
		return err
	}
	// HTTP/1.x SP 3DIGIT [ SP reason ]
	if len(line) < 12 || !isDigit(line[7]) || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return ErrStatusLine
	}
	status, ok := parseDecimal(line[9:12])
	if !ok || status < 100 {
		return ErrStatusLine
	}
	r.Status = int(status)
	r.Proto = "HTTP/1.1" // a later minor version is read as the one we know (RFC 9110, section 2.5)
	if line[7] == '0' {
		r.Proto = "HTTP/1.0"
	}
	return nil
}

// alien is the error of a server that speaks another protocol, by its first bytes.
func alien(first []byte) ProtocolError {
	const alert, handshake = 0x15, 0x16 // TLS records (RFC 8446, section 5.1)
	if first[0] == alert || first[0] == handshake {
		return ErrTLS
	}
	return ErrNotHTTP
}

// splitField splits a field line (RFC 9112, section 5). White space before the
// colon is refused: readers differ on what such a field is.
func splitField(line []byte) (name, value []byte, err error) {
	n := tokenLen(line)
	if n == 0 || n == len(line) || line[n] != ':' {
		return nil, nil, ErrHeaderLine
	}
	return line[:n], trimSpace(line[n+1:]), nil
}

// apply notes what a field says about framing, persistence or redirection, and
// tells whether it's one of these.
func (f *framing) apply(r *Response, name, value []byte) (used bool, err error) {
	switch {
	case equalFold(name, "location"):
		if f.located {
			r.Differs = r.Differs || !bytes.Equal(r.Location, value)
		} else {
			f.located, r.Location = true, append(r.Location, value...)
		}
	case equalFold(name, "content-length"):
		err = f.addLength(value)
	case equalFold(name, "transfer-encoding"):
		err = f.addEncoding(value)
	case equalFold(name, "connection"):
		for option := range items(value) {
			f.close = f.close || equalFold(option, "close")
			f.keepAlive = f.keepAlive || equalFold(option, "keep-alive")
		}
	case equalFold(name, "vary"):
		for item := range items(value) {
			r.ByNext = r.ByNext || equalFold(item, "rsc")
		}
		return false, nil
	case equalFold(name, "retry-after"):
		r.Wait = bytes.Clone(value)
		return false, nil
	case equalFold(name, "x-vercel-id"):
		r.ByNext = true
		return false, nil
	default:
		return false, nil
	}
	return true, err
}

// addLength takes a Content-Length, which may be repeated if it's always the
// same (RFC 9110, section 8.6).
func (f *framing) addLength(value []byte) error {
	for item := range items(value) {
		n, ok := parseDecimal(item)
		if !ok || f.length >= 0 && f.length != n {
			return ErrContentLength
		}
		f.length = n
	}
	return nil
}

// addEncoding takes a Transfer-Encoding, in which nothing may follow chunked
// (RFC 9112, section 6.1).
func (f *framing) addEncoding(value []byte) error {
	for item := range items(value) {
		if f.chunked {
			return ErrTransferEncoding
		}
		f.chunked = equalFold(item, "chunked")
		f.unknown = !f.chunked
	}
	return nil
}

// readBody drains the body and decides whether the connection can be kept
// (RFC 9112, sections 6.3 and 9.3).
func (c *Conn) readBody(r *Response, f framing) (err error) {
	if r.Proto == "HTTP/1.0" {
		r.KeepAlive = f.keepAlive && !f.close && !f.chunked && !f.unknown
		f.chunked, f.unknown = false, false // not of this version
	} else {
		r.KeepAlive = !f.close && !(f.chunked && f.length >= 0)
	}

	whole := true
	switch {
	case r.Status == 101:
		whole = false
	case r.Status == 204 || r.Status == 304:
	case f.chunked:
		whole, err = c.drainChunks(r)
	case f.unknown || f.length < 0:
		whole, err = false, c.drainToEOF(r)
	case f.length > maxDrain:
		whole = false
	default:
		err = c.drain(r, f.length)
	}
	r.KeepAlive = r.KeepAlive && whole
	return err
}

// drain drops n bytes of content.
func (c *Conn) drain(r *Response, n int64) error {
	for {
		have := min(n, int64(c.w-c.r))
		c.r += int(have)
		r.Body += have
		if n -= have; n == 0 {
			return nil
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// drainToEOF drops what comes until the server closes, or the limit is passed.
func (c *Conn) drainToEOF(r *Response) error {
	for {
		r.Body += int64(c.w - c.r)
		c.r = c.w
		if r.Body > maxDrain {
			return nil
		}
		if err := c.fill(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// drainChunks drops a chunked body and its trailer section (RFC 9112, section
// 7.1). It stops early, which isn't whole, at a chunk that passes the limit.
func (c *Conn) drainChunks(r *Response) (whole bool, err error) {
	wire := int64(0)
	for {
		budget := maxChunkLine
		line, err := c.readLine(&budget, ErrChunkLine)
		if err != nil {
			return false, err
		}
		size, ok := parseChunkSize(line)
		if !ok {
			return false, ErrChunk
		}
		if size == 0 {
			return true, c.dropTrailer()
		}
		wire += int64(maxChunkLine-budget) + size
		if wire > maxDrain {
			return false, nil
		}
		if err := c.drain(r, size); err != nil {
			return false, err
		}
		budget = len("\r\n")
		if line, err = c.readLine(&budget, ErrChunk); err != nil {
			return false, err
		}
		if len(line) > 0 {
			return false, ErrChunk
		}
	}
}

func (c *Conn) dropTrailer() error {
	budget := maxHead
	for {
		line, err := c.readLine(&budget, ErrHeadTooLarge)
		if err != nil || len(line) == 0 {
			return err
		}
		if _, _, err := splitField(line); err != nil {
			return err
		}
	}
}

// readLine returns the next line without its end, CR LF or a bare LF (RFC
// 9112, section 2.2), and takes its bytes off budget; tooLong is the error of
// a line that doesn't fit. The line is valid until the next read.
func (c *Conn) readLine(budget *int, tooLong ProtocolError) ([]byte, error) {
	seen := 0
	for {
		unread := c.buf[c.r:c.w]
		if i := bytes.IndexByte(unread[seen:], '\n'); i >= 0 {
			line := unread[:seen+i]
			c.r += len(line) + 1
			if *budget -= len(line) + 1; *budget < 0 {
				return nil, tooLong
			}
			line = bytes.TrimSuffix(line, []byte("\r"))
			if bytes.IndexByte(line, 0) >= 0 || bytes.IndexByte(line, '\r') >= 0 {
				return nil, ErrControlCharacter
			}
			return line, nil
		}
		if seen = len(unread); seen >= *budget {
			return nil, tooLong
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}
