package payload

// repeats finds the members of objects that a later member with the same key replaces, as it does in JavaScript and in
// encoding/json. It walks the text once, and only keys of objects that lead to an attachment are compared.
type repeats struct {
	data  []byte
	marks []Mark
	next  int // the first of the marks that are still ahead
}

// hideRepeated sets the hidden field of the marks whose value has been replaced.
func hideRepeated(data []byte, marks []Mark) {
	r := repeats{data: data, marks: marks}
	r.value(SkipSpace(data, 0))
}

// marked reports whether a value leads to an attachment.
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
	var seen map[string]int // the keys whose latest value is marked, with the index of the mark
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

// comma skips what stands between two values.
func (r *repeats) comma(at int) int {
	if at = SkipSpace(r.data, at); at < len(r.data) && r.data[at] == ',' {
		at = SkipSpace(r.data, at+1)
	}
	return at
}
