package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/parleyio/parley/backend/web"
)

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler())
	server := httptest.NewServer(mux)
	defer server.Close()

	response, err := http.Get(server.URL + "/test-socketio.html")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println(response.StatusCode, response.Header.Get("Content-Type"))
	// Output: 200 text/html; charset=utf-8
}
