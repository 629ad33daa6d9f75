// Command panics is a program that logs panics when it is asked to.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	http.HandleFunc("/slog", func(http.ResponseWriter, *http.Request) { slog.Error("panic in a handler") })
	http.HandleFunc("/http", func(http.ResponseWriter, *http.Request) { panic("oh no") })
	http.HandleFunc("/", func(http.ResponseWriter, *http.Request) { slog.Error("no such page") })
	signalled, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() { slog.Error(http.ListenAndServe(os.Getenv("ADDR"), nil).Error()) }()
	<-signalled.Done()
}
