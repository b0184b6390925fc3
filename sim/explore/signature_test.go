package explore

import "testing"

func TestSignatureHasNoNumbers(t *testing.T) {
	for _, test := range []struct{ a, b string }{
		{"group 1: node 3 at 12.5s", "group 12: node 1 at 1m30.25s"},
		{"the in-sync set is [1 2]", "the in-sync set is [3]"},
		{"acknowledged 4, 5, 6", "acknowledged 17"},
		{"offset -1", "offset 900"},
		{"after 30s without faults", "after 900ms without faults"},
		{"hash 00ab34cd12345678", "hash ffab34cd1234567f"},
		{"bytes of journal/j-0000000000000002 at 2676", "bytes of journal/j-0000000000000031 at 0"},
		{"panic: index 5\ngoroutine 7 [running]", "panic: index 6\ngoroutine 1 [select]"},
	} {
		a, b := SignatureOf(Violation{"x", test.a, 1}), SignatureOf(Violation{"x", test.b, 2})
		if a != b {
			t.Errorf("%q and %q differ: %q, %q", test.a, test.b, a, b)
		}
	}
}

func TestSignatureKeepsTheSentence(t *testing.T) {
	a := Violation{"lost-write", "record 7 of p1 is missing", 1}
	for _, b := range []Violation{
		{"durability", "record 7 of p1 is missing", 1},
		{"lost-write", "record 7 of p1 is there twice", 1},
	} {
		if SignatureOf(a) == SignatureOf(b) {
			t.Errorf("%v and %v are the same", a, b)
		}
	}
	if got := SignatureOf(a).String(); got != "lost-write: record # of p# is missing" {
		t.Errorf("got %q", got)
	}
	if !SignatureOf(a).fails(&Outcome{Violations: []Violation{{"crash", "x", 0}, {"lost-write", "record 9 of p2 is missing", 5}}}) {
		t.Error("a second violation does not count")
	}
}
