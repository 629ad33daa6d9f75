package payload

// repeats finds members of objects that are replaced by a later member with the same key, as in JavaScript and in
// encoding/json. It walks the text once. It compares only keys of objects that contain a placeholder.
type repeats struct {
	data  []byte
	marks []Mark
	next  int // index of the next mark
}

// hideRepeated sets the hidden field of the marks whose value has been replaced.
func hideRepeated(data []byte, marks []Mark) {
	r := repeats{data: data, marks: marks}
	r.value(SkipSpace(data, 0))
}

// marked reports whether the value at an offset is or contains a placeholder.
func (r *repeats) marked(at int) bool { return r.next < len(r.marks) && r.marks[r.next].Start == at }

// value walks the value at data[at] and returns the offset behind it.
func (r *repeats) value(at int) (end int) {
	if !r.marked(at) {
		return max(skipValue(r.data, at), at+1)
	}
	m := r.marks[r.next]
	r.next++
	switch {
	case m.Num != Around:
		return m.End
	case r.data[at] == '{':
		return r.object(at + 1)
	}
	for at = SkipSpace(r.data, at+1); at < len(r.data) && r.data[at] != ']'; {
		at = r.comma(r.value(at))
	}
	return at + 1
}

func (r *repeats) object(at int) (end int) {
	var seen map[string]int // index of the mark, for each key whose latest value is marked
	for at = SkipSpace(r.data, at); at < len(r.data) && r.data[at] == '"'; {
		behind := min(SkipString(r.data, at), len(r.data))
		quoted := r.data[at:behind]
		at = SkipSpace(r.data, behind)
		at = SkipSpace(r.data, at+1) // the colon
		if marked := r.marked(at); marked || len(seen) > 0 {
			key, _ := Unquote(quoted)
			if i, ok := seen[key]; ok {
				r.marks[i].hidden = true
				delete(seen, key)
			}
			if marked {
				if seen == nil {
					seen = make(map[string]int)
				}
				seen[key] = r.next
			}
		}
		at = r.comma(r.value(at))
	}
	return at + 1
}

// comma skips the comma and the white space between two values.
func (r *repeats) comma(at int) int {
	if at = SkipSpace(r.data, at); at < len(r.data) && r.data[at] == ',' {
		at = SkipSpace(r.data, at+1)
	}
	return at
}
