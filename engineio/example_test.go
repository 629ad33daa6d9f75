package engineio_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/parleyio/parley/engineio"
)

// echoHandler sends back what it receives.
type echoHandler struct{ session *engineio.Session }

func (h echoHandler) Message(data []byte, binary bool) {
	h.session.Send(engineio.Message{Data: data, Binary: binary})
}

func (h echoHandler) Close(reason engineio.Reason, err error) {
	fmt.Println("closed:", reason)
}

// An echo server, and a client that speaks to it by hand.
func ExampleServer() {
	engine, err := engineio.New(func(s *engineio.Session) engineio.Handler { return echoHandler{s} }, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/engine.io/", engine)
	server := httptest.NewServer(mux)
	defer server.Close()

	do := func(method, query, body string) string {
		request, _ := http.NewRequest(method, server.URL+"/engine.io/?EIO=4&transport=polling"+query, strings.NewReader(body))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err.Error()
		}
		defer response.Body.Close()
		answer, _ := io.ReadAll(response.Body)
		return string(answer)
	}
	open := do("GET", "", "")
	sid := "&sid=" + strings.Split(open, `"`)[3]
	fmt.Println(do("POST", sid, "4hello"))
	fmt.Println(do("GET", sid, ""))
	engine.Shutdown(context.Background())

	// Output:
	// ok
	// 4hello
	// closed: forced close
}

// Clients of both revisions are served by one handler, which sees the same messages.
func ExampleOptions_allowEIO3() {
	engine, err := engineio.New(func(s *engineio.Session) engineio.Handler {
		fmt.Println("revision", s.Protocol(), "over", s.Transport())
		return echoHandler{s}
	}, &engineio.Options{AllowEIO3: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, query := range []string{"?EIO=4&transport=polling", "?EIO=3&transport=polling"} {
		answer := httptest.NewRecorder()
		engine.ServeHTTP(answer, httptest.NewRequest("GET", "/engine.io/"+query, nil))
		before, _, _ := strings.Cut(answer.Body.String(), "{")
		fmt.Printf("%q\n", before)
	}
	// Output:
	// revision 4 over polling
	// "0"
	// revision 3 over polling
	// "107:0"
}
