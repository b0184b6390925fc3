package explore

import (
	"regexp"
	"strings"
)

// Signature says which failure a violation is: two runs with the same one fail
// for the same reason, as far as a message can tell.
type Signature struct {
	Oracle  string `json:"oracle"`
	Message string `json:"message"` // without its numbers
}

func (s Signature) String() string { return s.Oracle + ": " + s.Message }

// SignatureOf takes the numbers out of a violation: which node, offset, term and
// time differ from run to run, the sentence does not.
func SignatureOf(v Violation) Signature {
	message, _, _ := strings.Cut(v.Message, "\n")
	message = opaque.ReplaceAllString(message, "#")
	message = number.ReplaceAllString(message, "#")
	return Signature{v.Oracle, list.ReplaceAllString(message, "#")}
}

var (
	// opaque are digests and addresses: hexadecimal digits with a digit among them.
	opaque = regexp.MustCompile(`\b(0x[0-9a-f]+|[a-f]*[0-9][0-9a-f]{6,})\b`)
	// number is one with its sign, or a duration.
	number = regexp.MustCompile(`-?(([0-9]+h)?([0-9]+m)?[0-9]+(\.[0-9]+)?(ns|us|µs|ms|s)\b|[0-9]+(\.[0-9]+)?)`)
	// list are several numbers in a row: a set of nodes may have any size.
	list = regexp.MustCompile(`#(,? #)+`)
)

// fails tells whether a finding of an outcome has the signature.
func (s Signature) fails(o *Outcome) bool {
	for _, v := range o.findings() {
		if v.Oracle == s.Oracle && SignatureOf(v) == s {
			return true
		}
	}
	return false
}
