//go:build !fiber

package main

import "net/http"

func newWeb(p profile) web {
	mux := http.NewServeMux()
	mux.Handle(p.path, p.handler)
	return &http.Server{Handler: mux, ReadHeaderTimeout: readTimeout}
}
