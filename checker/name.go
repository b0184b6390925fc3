package checker

import "fmt"

// names gives the constants of one small enumeration their text form.
type names []string

func (n names) of(i uint8) string {
	if int(i) >= len(n) || n[i] == "" {
		return fmt.Sprintf("invalid(%d)", i)
	}
	return n[i]
}

func (n names) marshal(what string, i uint8) ([]byte, error) {
	if int(i) >= len(n) || n[i] == "" {
		return nil, fmt.Errorf("%s %d has no name", what, i)
	}
	return []byte(n[i]), nil
}

func (n names) unmarshal(what string, b []byte) (uint8, error) {
	for i, s := range n {
		if s != "" && s == string(b) {
			return uint8(i), nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q", what, b)
}
