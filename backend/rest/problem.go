package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parleyio/parley/backend"
)

// Problem is the body of every error answer: an RFC 9457 problem of the type about:blank with a code and, where single
// inputs are at fault, their list.
type Problem struct {
	Title  string         `json:"title" doc:"The text of the HTTP status." example:"Unprocessable Entity"`
	Status int            `json:"status" doc:"The HTTP status." example:"422"`
	Detail string         `json:"detail,omitempty" doc:"What is wrong, for a person." example:"room must have 1 to 128 bytes"`
	Code   backend.Code   `json:"code" enum:"invalid,forbidden,not_found,full,internal" doc:"What is wrong, for a program; the codes are those of the Socket.IO side." example:"invalid"`
	Errors []ProblemInput `json:"errors,omitempty" nullable:"false" doc:"The inputs that are wrong."`
}

// ProblemInput is one input that a [Problem] is about.
type ProblemInput struct {
	Location string `json:"location,omitempty" doc:"Where the input stands." example:"body.room"`
	Message  string `json:"message" doc:"What is wrong with it." example:"room must have 1 to 128 bytes"`
}

// Error returns the detail.
func (p *Problem) Error() string { return "rest: " + p.Title + ": " + p.Detail }

// GetStatus makes a Problem an error that huma answers with.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType makes huma answer with the media type of problems.
func (p *Problem) ContentType(string) string { return problemJSON }

const problemJSON = "application/problem+json"

func problem(status int, detail string, inputs ...ProblemInput) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Code: codeOf(status), Errors: inputs}
}

// codeOf and statusOf are the one place where codes of the domain meet HTTP.
func codeOf(status int) backend.Code {
	switch {
	case status == http.StatusForbidden:
		return backend.CodeForbidden
	case status == http.StatusNotFound:
		return backend.CodeNotFound
	case status == http.StatusInsufficientStorage:
		return backend.CodeFull
	case status >= http.StatusInternalServerError:
		return backend.CodeInternal
	}
	return backend.CodeInvalid
}

func statusOf(code backend.Code) int {
	switch code {
	case backend.CodeInvalid:
		return http.StatusUnprocessableEntity
	case backend.CodeForbidden:
		return http.StatusForbidden
	case backend.CodeNotFound:
		return http.StatusNotFound
	case backend.CodeFull:
		return http.StatusInsufficientStorage
	}
	return http.StatusInternalServerError
}

// location tells where a field of a domain's error stands in a request, and under which name.
type location func(field string) (place, name string)

func inBody(field string) (place, name string)  { return "body", field }
func inPath(field string) (place, name string)  { return "path", field }
func inQuery(field string) (place, name string) { return "query", field }

// fail turns an error of the domain into the answer. The cause of an internal error goes to the log and nowhere else.
func (a *API) fail(ctx context.Context, in location, err error) error {
	e := backend.AsError(err)
	if e.Code == backend.CodeInternal {
		a.log.ErrorContext(ctx, "http request failed", "err", err)
		return problem(http.StatusInternalServerError, "")
	}
	if e.Field == "" {
		return problem(statusOf(e.Code), e.Message)
	}
	place, name := in(e.Field)
	message := name + strings.TrimPrefix(e.Message, e.Field) // which begins with the field
	return problem(statusOf(e.Code), message, ProblemInput{Location: place + "." + name, Message: message})
}

// asProblem gives huma's own errors, such as a failed validation, the form of all others. Their copy of the refused
// value is left out: nothing that was sent is sent back.
func asProblem(maxBody int64) huma.Transformer {
	return func(_ huma.Context, _ string, v any) (any, error) {
		model, ok := v.(*huma.ErrorModel)
		if !ok {
			return v, nil
		}
		p := problem(model.Status, model.Detail)
		for _, e := range model.Errors {
			p.Errors = append(p.Errors, ProblemInput{Location: e.Location, Message: e.Message})
		}
		switch {
		case model.Status == http.StatusRequestEntityTooLarge:
			p.Detail = tooLarge(maxBody) // huma names the limit that it was given, see posting
		case len(p.Errors) > 0: // huma's detail only says that something failed
			p.Detail = p.Errors[0].Location + ": " + p.Errors[0].Message
		}
		return p, nil
	}
}

// writeProblem answers where huma is not in charge.
func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", problemJSON)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // an error means that the client is gone
}
