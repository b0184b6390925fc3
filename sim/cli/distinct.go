package cli

import (
	"os"
	"path/filepath"
)

// distinct refuses two options, given as names and paths in turn, that mean the
// same regular file: the later one would replace the other. Devices may be
// shared.
func distinct(options ...string) error {
	for i := 2; i < len(options); i += 2 {
		for j := 0; j < i; j += 2 {
			if options[i+1] != "" && sameFile(options[i+1], options[j+1]) {
				return badInput("%s: %s is also %s; give another name", options[i], options[i+1], options[j])
			}
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	if b == "" {
		return false
	}
	one, errA := os.Stat(a)
	other, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return one.Mode().IsRegular() && os.SameFile(one, other)
	}
	a, errA = filepath.Abs(a)
	b, errB = filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}
