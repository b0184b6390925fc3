package metadata

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidateTopicName checks a name by Kafka's rules (Topic.validate). A failure is
// an *Error with InvalidTopic.
func ValidateTopicName(name string) error {
	switch {
	case name == "":
		return reject(InvalidTopic, "the topic's name is empty: give it 1 to %d of a-z, A-Z, 0-9, '.', '_', '-'", MaxTopicName)
	case len(name) > MaxTopicName:
		return reject(InvalidTopic, "the topic's name has %d bytes, at most %d are allowed: choose a shorter one than %.20q...", len(name), MaxTopicName, name)
	case name == "." || name == "..":
		return reject(InvalidTopic, "a topic cannot be named %q: choose another name", name)
	}
	for i := range len(name) {
		if !isTopicByte(name[i]) {
			return reject(InvalidTopic, "topic %q: byte %d of the name is none of a-z, A-Z, 0-9, '.', '_', '-': replace it", name, i)
		}
	}
	return nil
}

func isTopicByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

// collides tells whether two names are one where '.' and '_' are not told apart,
// as in the names of metrics.
func collides(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if fold(a[i]) != fold(b[i]) {
			return false
		}
	}
	return true
}

func fold(c byte) byte {
	if c == '.' {
		return '_'
	}
	return c
}

// nameBuckets is how many keys the index of names has. Topics that share one are
// told apart by comparing names.
const nameBuckets = 1 << 15

// bucket is a name's key in the index: names that collide share it (FNV-1a).
func bucket(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(fold(name[i]))) * 1099511628211
	}
	return (h ^ h>>32) % nameBuckets
}

// checkText checks an address or a rack.
func checkText(what, text string) *Error {
	switch {
	case len(text) > MaxText:
		return reject(InvalidRequest, "the %s has %d bytes, at most %d are allowed: shorten it", what, len(text), MaxText)
	case !utf8.ValidString(text):
		return reject(InvalidRequest, "the %s %q is not UTF-8: correct it", what, text)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return reject(InvalidRequest, "the %s %q contains a space or a control character: remove it", what, text)
	}
	return nil
}
