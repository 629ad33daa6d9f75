// Command chi is a Socket.IO server beside the routes of a chi program: each client sends texts to all others.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/parleyio/parley/event"
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

	router := chi.NewRouter()
	router.Use(middleware.RequestID, middleware.Recoverer) // no Timeout or Compress: a poll waits, and is already compressed
	router.Handle("/socket.io/*", io)                      // every method: browsers send OPTIONS first
	router.Get("/online", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, len(io.Sockets()))
	})
	server := &http.Server{
		Addr:              cmp.Or(os.Getenv("ADDR"), "localhost:3000"),
		Handler:           router,
		ReadHeaderTimeout: 10 * time.Second, // closes connections that send no request
	}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()

	signalled, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	<-signalled.Done()
	stop() // a second signal ends the program at once
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(io.Shutdown(ctx), server.Shutdown(ctx)); err != nil { // in this order: polls would hold the server up
		log.Print(err)
	}
}
