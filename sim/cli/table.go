package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table prints a title and rows of aligned columns, then an empty line.
type table struct {
	w io.Writer
	t *tabwriter.Writer
}

func newTable(w io.Writer, title string) *table {
	if title != "" {
		fmt.Fprintln(w, title)
	}
	return &table{w, tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)}
}

func (t *table) row(cells ...string) { fmt.Fprintln(t.t, "  "+strings.Join(cells, "\t")) }

func (t *table) end() {
	_ = t.t.Flush()
	fmt.Fprintln(t.w)
}
