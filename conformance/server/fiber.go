//go:build fiber

package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gofiber/fiber/v3"

	"github.com/parleyio/parley/fasthttpio"
)

// fiberWeb is a Fiber program.
type fiberWeb struct{ app *fiber.App }

func newWeb(p profile) web {
	app := fiber.New(fiber.Config{StreamRequestBody: true, ReadTimeout: readTimeout, IdleTimeout: time.Minute})
	app.All(p.path+"*", fasthttpio.Handler(p.handler, nil))
	return fiberWeb{app}
}

func (w fiberWeb) Serve(l net.Listener) error {
	return w.app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
}

func (w fiberWeb) ServeTLS(net.Listener, string, string) error {
	return errors.New("the Fiber program does not speak TLS")
}

func (w fiberWeb) Shutdown(ctx context.Context) error { return w.app.ShutdownWithContext(ctx) }
