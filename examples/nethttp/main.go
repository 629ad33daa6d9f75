// Command nethttp is a Socket.IO server in an ordinary net/http program: each client sends texts to all others.
package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

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
	http.Handle("/socket.io/", io)
	server := &http.Server{
		Addr:              cmp.Or(os.Getenv("ADDR"), "localhost:3000"),
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
