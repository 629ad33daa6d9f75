package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// unmarshalStrict decodes an object that the schema has accepted into the struct that dst points to, and refuses what
// encoding/json would read in its own way: a key twice, of which it takes the last; a key in another letter case, which
// it takes for the field; and null, which it takes for an absent field. A notification for "room": null must not reach
// everyone. Only a field that keeps raw JSON may be null. What is inside a value is not checked.
func unmarshalStrict(body []byte, dst any) error {
	raw := map[string]bool{} // the field's names, and whether it keeps raw JSON
	object := reflect.TypeOf(dst).Elem()
	for i := range object.NumField() {
		name, _, _ := strings.Cut(object.Field(i).Tag.Get("json"), ",")
		raw[name] = object.Field(i).Type == reflect.TypeFor[json.RawMessage]()
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil { // the brace
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		key, _ := token.(string)
		mayBeNull, known := raw[key]
		switch {
		case !known:
			return fmt.Errorf("a key is not spelt as it should be: %s", spelling(raw, key))
		case seen[key]:
			return fmt.Errorf("%s is there twice", key)
		case !mayBeNull && string(value) == "null":
			return fmt.Errorf("%s must not be null", key)
		}
		seen[key] = true
	}
	return json.Unmarshal(body, dst)
}

// spelling returns the name that a key in other letters stands for.
func spelling(names map[string]bool, key string) string {
	for name := range names {
		if strings.EqualFold(name, key) {
			return name
		}
	}
	return "unknown"
}
