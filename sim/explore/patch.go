package explore

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Errors of ParsePatch and FilePatch.Apply, to be matched with errors.Is.
var (
	ErrPatch        = errors.New("not a unified diff that can be used here")
	ErrPatchContext = errors.New("the patch does not fit the file any more")
)

// FilePatch is the part of a unified diff that changes one existing file.
type FilePatch struct {
	Path  string // slash-separated, relative to the module
	hunks []hunk
}

// hunk replaces the lines old, expected near line at (from 1), by new. Lines
// hold their newline.
type hunk struct {
	at       int
	old, new []string
	line     int // of the patch, for messages
}

// ParsePatch reads a unified diff. Text before the first file is the header,
// returned line by line. Creating, deleting and renaming files is refused.
func ParsePatch(b []byte) (header []string, files []FilePatch, err error) {
	p := patchReader{lines: strings.SplitAfter(string(b), "\n")}
	for !p.end() && !strings.HasPrefix(p.peek(), "--- ") {
		line := strings.TrimRight(p.take(), "\r\n")
		if len(files) == 0 {
			header = append(header, line)
		}
	}
	for !p.end() {
		f, err := p.file()
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", p.at, err)
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("%w: no file in it (a line \"--- a/...\")", ErrPatch)
	}
	return header, files, nil
}

type patchReader struct {
	lines []string
	at    int // lines taken
}

func (p *patchReader) end() bool {
	return p.at >= len(p.lines) || p.at == len(p.lines)-1 && p.lines[p.at] == ""
}
func (p *patchReader) peek() string { return p.lines[p.at] }
func (p *patchReader) take() string { p.at++; return p.lines[p.at-1] }

func (p *patchReader) file() (FilePatch, error) {
	from, err := patchPath(p.take(), "--- ", "a/")
	if err != nil {
		return FilePatch{}, err
	}
	if p.end() {
		return FilePatch{}, fmt.Errorf("%w: it ends after %q", ErrPatch, from)
	}
	to, err := patchPath(p.take(), "+++ ", "b/")
	if err != nil {
		return FilePatch{}, err
	}
	if from != to {
		return FilePatch{}, fmt.Errorf("%w: it renames %s to %s", ErrPatch, from, to)
	}
	f := FilePatch{Path: from}
	for !p.end() && strings.HasPrefix(p.peek(), "@@") {
		h, err := p.hunk()
		if err != nil {
			return FilePatch{}, err
		}
		f.hunks = append(f.hunks, h)
	}
	if len(f.hunks) == 0 {
		return FilePatch{}, fmt.Errorf("%w: no hunk for %s", ErrPatch, from)
	}
	// git writes lines of its own between two files.
	for !p.end() && !strings.HasPrefix(p.peek(), "--- ") {
		line := p.take()
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "diff ") && !strings.HasPrefix(line, "index ") {
			return FilePatch{}, fmt.Errorf("%w: unexpected %q after the last hunk of %s", ErrPatch, strings.TrimSpace(line), from)
		}
	}
	return f, nil
}

func patchPath(line, mark, side string) (string, error) {
	rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), mark)
	if !ok {
		return "", fmt.Errorf("%w: %q where a line %q... was expected", ErrPatch, strings.TrimSpace(line), mark)
	}
	rest, _, _ = strings.Cut(rest, "\t") // diff -u adds a time
	name, ok := strings.CutPrefix(rest, side)
	if !ok {
		return "", fmt.Errorf("%w: %s does not begin with %s (files are only changed, not made or removed)", ErrPatch, rest, side)
	}
	if name != path.Clean(name) || path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") {
		return "", fmt.Errorf("%w: the path %q leads out of the module", ErrPatch, name)
	}
	return name, nil
}

func (p *patchReader) hunk() (hunk, error) {
	h := hunk{line: p.at + 1}
	head := strings.Fields(p.take()) // @@ -12,7 +12,6 @@ func ...
	if len(head) < 4 || head[0] != "@@" || head[3] != "@@" {
		return h, fmt.Errorf("%w: bad hunk head %q", ErrPatch, strings.Join(head, " "))
	}
	at, oldLines, err := hunkRange(head[1], '-')
	if err != nil {
		return h, err
	}
	_, newLines, err := hunkRange(head[2], '+')
	if err != nil {
		return h, err
	}
	h.at = at
	for len(h.old) < oldLines || len(h.new) < newLines {
		if p.end() {
			return h, fmt.Errorf("%w: the hunk of line %d is cut short", ErrPatch, h.line)
		}
		if err := h.add(p.take()); err != nil {
			return h, err
		}
	}
	if len(h.old) != oldLines || len(h.new) != newLines {
		return h, fmt.Errorf("%w: the hunk of line %d has more lines than its head says", ErrPatch, h.line)
	}
	return h, nil
}

func (h *hunk) add(line string) error {
	if line == "\n" {
		line = " \n" // editors strip the lone space of an empty context line
	}
	switch line[0] {
	case ' ':
		h.old, h.new = append(h.old, line[1:]), append(h.new, line[1:])
	case '-':
		h.old = append(h.old, line[1:])
	case '+':
		h.new = append(h.new, line[1:])
	default:
		return fmt.Errorf("%w: %q inside the hunk of line %d", ErrPatch, strings.TrimRight(line, "\n"), h.line)
	}
	return nil
}

// hunkRange reads "-12,7" or "-12".
func hunkRange(s string, sign byte) (at, lines int, err error) {
	if s == "" || s[0] != sign {
		return 0, 0, fmt.Errorf("%w: bad range %q", ErrPatch, s)
	}
	first, count, counted := strings.Cut(s[1:], ",")
	lines = 1
	at, err = strconv.Atoi(first)
	if err == nil && counted {
		lines, err = strconv.Atoi(count)
	}
	if err != nil || at < 0 || lines < 0 || lines > 1<<20 {
		return 0, 0, fmt.Errorf("%w: bad range %q", ErrPatch, s)
	}
	return at, lines, nil
}

// Apply patches a file's content. Every hunk must match exactly; it may have
// moved, and the place nearest to the named one is taken.
func (f *FilePatch) Apply(content []byte) ([]byte, error) {
	lines := strings.SplitAfter(string(content), "\n")
	var out []string
	done, moved := 0, 0
	for _, h := range f.hunks {
		at := h.find(lines, done, max(h.at-1, 0)+moved)
		if at < 0 {
			return nil, fmt.Errorf("%s: hunk of line %d (file line %d): %w", f.Path, h.line, h.at, ErrPatchContext)
		}
		moved = at - max(h.at-1, 0)
		out = append(append(out, lines[done:at]...), h.new...)
		done = at + len(h.old)
	}
	return []byte(strings.Join(append(out, lines[done:]...), "")), nil
}

// find gives the index nearest to near, and not below from, where old stands.
func (h *hunk) find(lines []string, from, near int) int {
	for away := 0; near-away >= from || near+away+len(h.old) <= len(lines); away++ {
		for _, at := range [...]int{near - away, near + away} {
			if at >= from && at+len(h.old) <= len(lines) && h.matches(lines[at:]) {
				return at
			}
		}
	}
	return -1
}

func (h *hunk) matches(lines []string) bool {
	for i, line := range h.old {
		if lines[i] != line {
			return false
		}
	}
	return true
}
