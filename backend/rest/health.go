package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Health says that all is well; the opposite is a [Problem].
type Health struct {
	Status string `json:"status" enum:"ok" example:"ok"`
}

type healthOutput struct{ Body Health }

func (a *API) registerHealth() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "healthz",
		Method:      http.MethodGet,
		Path:        "/healthz",
		Summary:     "Is the process alive?",
		Tags:        []string{tagHealth},
		Errors:      []int{http.StatusForbidden},
	}, func(context.Context, *struct{}) (*healthOutput, error) {
		return &healthOutput{Body: Health{Status: "ok"}}, nil
	})

	huma.Register(a.huma, huma.Operation{
		OperationID: "readyz",
		Method:      http.MethodGet,
		Path:        "/readyz",
		Summary:     "Can it take work?",
		Description: "It can when the database answers and the server is not shutting down.",
		Tags:        []string{tagHealth},
		Errors:      []int{http.StatusForbidden, http.StatusServiceUnavailable},
	}, a.ready)
}

func (a *API) ready(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	if a.draining() {
		return nil, problem(http.StatusServiceUnavailable, "the server is shutting down")
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := a.service.Ping(ctx); err != nil {
		a.log.WarnContext(ctx, "database does not answer", "err", err)
		return nil, problem(http.StatusServiceUnavailable, "the database does not answer")
	}
	return &healthOutput{Body: Health{Status: "ok"}}, nil
}
