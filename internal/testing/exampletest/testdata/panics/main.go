// Command panics is a program that logs panics when it is asked to.
package main

import (
	"log/slog"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/slog", func(http.ResponseWriter, *http.Request) { slog.Error("panic in a handler") })
	http.HandleFunc("/http", func(http.ResponseWriter, *http.Request) { panic("oh no") })
	http.HandleFunc("/", func(http.ResponseWriter, *http.Request) { slog.Error("no such page") })
	if err := http.ListenAndServe(os.Getenv("ADDR"), nil); err != nil {
		slog.Error(err.Error())
	}
}
