package engineio

import (
	"net/http"
	"reflect"
	"testing"
)

// White box, because what two sessions share cannot be seen from outside.
func TestHeaders(t *testing.T) {
	browser := http.Header{
		"User-Agent":        {"browser"},
		"Accept-Language":   {"en", "de"},
		"Sec-Ch-Ua-Mobile":  {"?0"},
		"Sec-Fetch-Site":    {"same-origin"},
		"Cookie":            {"a=1", "b=2"},
		"X-Forwarded-For":   {"192.0.2.1"},
		"Sec-Websocket-Key": {"a key"},
		"Empty":             {""},
		"Nothing":           {},
	}
	other := browser.Clone()
	other["Cookie"] = []string{"a=3"}
	packed, same := packHeaders(browser), packHeaders(other)
	if packed.alike != same.alike || packed.own == same.own {
		t.Error("two sessions of one browser do not share what they have alike, and that only")
	}
	delete(browser, "Nothing")
	if got := packed.expand(); !reflect.DeepEqual(got, browser) {
		t.Errorf("expanded to %v", got)
	}
	if got := packHeaders(nil).expand(); len(got) != 0 {
		t.Errorf("nothing is expanded to %v", got)
	}
}
