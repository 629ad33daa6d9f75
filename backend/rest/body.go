package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// maxDepth bounds the nesting of a body's JSON, so that an event that carries a part of it stays below the 64 levels
// that Socket.IO clients may send and get.
const maxDepth = 60

// jsonFormat is how bodies are read and written.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	},
	Unmarshal: unmarshal,
}

// unmarshal reads a body. huma calls it twice: with an *any to check the body against its schema, and then with the
// type of the operation.
func unmarshal(body []byte, dst any) error {
	if _, ok := dst.(*any); !ok {
		return unmarshalStrict(body, dst)
	}
	if !utf8.Valid(body) {
		return errors.New("the body is not UTF-8")
	}
	if depth(body) > maxDepth {
		return fmt.Errorf("the body is nested deeper than %d levels", maxDepth)
	}
	// A number is kept as text: one that no float64 can hold is a value like any other.
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(dst); err != nil {
		return errors.New("the body is not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body has something behind its JSON value")
	}
	// huma knows a field's number only as a float64.
	if fields, ok := (*dst.(*any)).(map[string]any); ok {
		for name, value := range fields {
			if number, ok := value.(json.Number); ok {
				if f, err := number.Float64(); err == nil {
					fields[name] = f
				}
			}
		}
	}
	return nil
}

// depth returns how deep JSON is nested; for other text its result has no meaning.
func depth(text []byte) int {
	deepest, level, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

func tooLarge(maxBody int64) string { return fmt.Sprintf("the body is larger than %d bytes", maxBody) }

// requireJSON refuses a body that is not JSON, or too long by its own account, before any of it is read. It also keeps a
// foreign page from posting without asking first: forms cannot send this content type.
func (a *API) requireJSON(ctx huma.Context, next func(huma.Context)) {
	mediaType, params, err := mime.ParseMediaType(ctx.Header("Content-Type"))
	charset := params["charset"]
	if err != nil || mediaType != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		_ = huma.WriteErr(a.huma, ctx, http.StatusUnsupportedMediaType, "the Content-Type must be application/json")
		return
	}
	if encoding := ctx.Header("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		_ = huma.WriteErr(a.huma, ctx, http.StatusUnsupportedMediaType, "the body must have no Content-Encoding")
		return
	}
	r, _ := humago.Unwrap(ctx)
	r.Header.Set("Content-Type", mediaType) // huma compares letter by letter
	if r.ContentLength > a.maxBody {
		ctx.SetHeader("Connection", "close")
		_ = huma.WriteErr(a.huma, ctx, http.StatusRequestEntityTooLarge, tooLarge(a.maxBody))
		return
	}
	next(ctx)
}
