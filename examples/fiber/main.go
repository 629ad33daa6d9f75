// Command fiber is a Socket.IO server beside the routes of an Fiber program: each client sends texts to all others.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/gofiber/fiber/v3/middleware/requestid"

	"github.com/parleyio/parley/event"
	"github.com/parleyio/parley/fasthttpio"
	"github.com/parleyio/parley/socketio"
)

const (
	said = event.Name[string]("said")        // an event is a typed constant
	say  = event.WithAck[string, int]("say") // a client gets an int as the answer
)

func main() {
	io, err := socketio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		return s.Join("chat")
	})
	event.OnWithAck(io, say, func(_ context.Context, s *socketio.Socket, text string) (int, error) {
		return len(text), event.Emit(s.To("chat"), said, text)
	})

	app := fiber.New(fiber.Config{
		StreamRequestBody: true,             // Socket.IO bounds what it reads
		ReadTimeout:       10 * time.Second, // closes connections that send no request
		IdleTimeout:       time.Minute,      // keeps those that send one now and then
	})
	app.Use(requestid.New(), recover.New())              // no compress, cache or cors: Socket.IO has its own
	app.All("/socket.io/*", fasthttpio.Handler(io, nil)) // not io itself: Fiber's adaptor holds no requests
	app.Get("/online", func(c fiber.Ctx) error {
		return c.SendString(fmt.Sprintln(len(io.Sockets())))
	})
	go func() {
		if err := app.Listen(cmp.Or(os.Getenv("ADDR"), "localhost:3000")); err != nil {
			log.Fatal(err)
		}
	}()

	signalled, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	<-signalled.Done()
	stop() // a second signal ends the program at once
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(io.Shutdown(ctx), app.ShutdownWithContext(ctx)); err != nil { // in this order: polls would hold the server up
		log.Print(err)
	}
}
