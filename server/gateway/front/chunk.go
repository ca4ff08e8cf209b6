package front

import (
	"net/http"
	"strings"
)

// chunks follows the framing of a chunked body
// (https://www.rfc-editor.org/rfc/rfc9112#section-7.1) over the bytes as they
// come. It is stricter than the RFC where implementations differ: every line
// ends with CR LF, a size has at most 15 digits, extensions are at most 256
// visible bytes, and trailer fields are checked like fields of a header.
type chunks struct {
	at   chunkState
	left int64  // bytes of the chunk's data
	line []byte // of a size or trailer line, so far
	sum  int    // bytes of the trailer
}

type chunkState uint8

const (
	inSize chunkState = iota
	inData
	behindData // at the CR LF behind the data
	inTrailer
	afterBody
)

// maxChunkLine bounds a size line with its extension, maxTrailer the trailer.
const (
	maxChunkLine = 15 + 256
	maxTrailer   = 8 << 10
)

// take follows b and gives how much of it belongs to the body.
func (c *chunks) take(b []byte) (int, *Fault) {
	n := 0
	for n < len(b) && c.at != afterBody {
		if c.at == inData {
			k := min(c.left, int64(len(b)-n))
			n += int(k)
			if c.left -= k; c.left == 0 {
				c.at = behindData
			}
			continue
		}
		c.line = append(c.line, b[n])
		n++
		if c.at == inTrailer {
			c.sum++
		}
		switch {
		case b[n-1] == '\n':
			if f := c.ended(); f != nil {
				return n, f
			}
		case c.at == behindData && len(c.line) > 1, c.at == inSize && len(c.line) > maxChunkLine:
			return n, &Fault{http.StatusBadRequest, "bad-chunk"}
		case c.at == inTrailer && c.sum > maxTrailer:
			return n, &Fault{http.StatusRequestHeaderFieldsTooLarge, "trailer-too-large"}
		}
	}
	return n, nil
}

// ended works on a line that is complete.
func (c *chunks) ended() *Fault {
	line, ok := strings.CutSuffix(string(c.line), "\r\n")
	c.line = c.line[:0]
	if !ok || strings.IndexByte(line, '\r') >= 0 {
		return &Fault{http.StatusBadRequest, "bad-chunk"}
	}
	switch c.at {
	case inSize:
		size, ok := chunkSize(line)
		if !ok {
			return &Fault{http.StatusBadRequest, "bad-chunk"}
		}
		if c.left, c.at = size, inData; size == 0 {
			c.at = inTrailer
		}
	case behindData:
		if line != "" {
			return &Fault{http.StatusBadRequest, "bad-chunk"}
		}
		c.at = inSize
	case inTrailer:
		if line == "" {
			c.at = afterBody
			return nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) || !isValue(value) {
			return &Fault{http.StatusBadRequest, "bad-trailer"}
		}
	}
	return nil
}

// chunkSize reads a size line.
func chunkSize(line string) (int64, bool) {
	digits, extension, _ := strings.Cut(line, ";")
	if digits == "" || len(digits) > 15 || !isValue(extension) {
		return 0, false
	}
	var n int64
	for i := range len(digits) {
		c := digits[i]
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int64(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int64(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
