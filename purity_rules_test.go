package lockstep_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// impureImports are packages, with all below them, that reach outside of the
// node's one loop or draw from a source that no seed governs.
var impureImports = map[string]string{
	"sync":         "one loop needs no locks",
	"os":           "files go through env.Disk",
	"net":          "messages go through env.Network",
	"syscall":      "the world goes through package env",
	"log":          "what happens goes to env.Tracer",
	"crypto/rand":  "randomness comes from env.Entropy or sim.Rand",
	"hash/maphash": "its seed differs from process to process",
}

// impureFunctions are functions of packages that are otherwise welcome.
var impureFunctions = map[string][]string{
	"time":    {"Now", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "AfterFunc", "Since", "Until"},
	"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause", "AfterFunc"},
}

// pureRandom is what of math/rand and math/rand/v2 draws from a source of one's
// own; the other functions draw from the global one.
var pureRandom = []string{"New", "NewSource", "NewPCG", "NewChaCha8", "NewZipf"}

// unorderedMark excuses one loop over a map: the reason follows on the line.
const unorderedMark = "//lockstep:unordered"

// pure checks one package, rel being its path in the module, and returns what
// it found as "file:line: what".
func pure(p *packages.Package, root, rel string) []string {
	c := checker{pkg: p, root: root, rel: rel, marks: map[place]bool{}, found: map[place][]string{}}
	for _, name := range p.IgnoredFiles {
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			c.at(place{c.short(name), 1}, "a build constraint leaves this file out, so nobody checks it")
		}
	}
	for _, file := range p.Syntax {
		c.imports(file)
		c.collectMarks(file)
		ast.Inspect(file, c.node)
	}
	for mark, used := range c.marks {
		if !used {
			c.at(mark, unorderedMark+" excuses nothing here")
		}
	}
	return c.report()
}

// place is a line of a file.
type place struct {
	file string
	line int
}

type checker struct {
	pkg   *packages.Package
	root  string
	rel   string
	marks map[place]bool // the marks, and whether they excused something
	found map[place][]string
	// sorted are the iterators over maps that go straight into a sort.
	sorted []ast.Expr
}

func (c *checker) short(file string) string {
	if rel, err := filepath.Rel(c.root, file); err == nil {
		return filepath.ToSlash(rel)
	}
	return file
}

func (c *checker) place(n ast.Node) place {
	p := c.pkg.Fset.Position(n.Pos())
	return place{c.short(p.Filename), p.Line}
}

// at remembers a finding, once a line.
func (c *checker) at(p place, what string) {
	if !slices.Contains(c.found[p], what) {
		c.found[p] = append(c.found[p], what)
	}
}

func (c *checker) bad(n ast.Node, format string, args ...any) {
	c.at(c.place(n), fmt.Sprintf(format, args...))
}

func (c *checker) report() (lines []string) {
	places := make([]place, 0, len(c.found))
	for p := range c.found {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	for _, p := range places {
		for _, what := range c.found[p] {
			lines = append(lines, fmt.Sprintf("%s:%d: %s", p.file, p.line, what))
		}
	}
	return lines
}

func (c *checker) imports(file *ast.File) {
	for _, spec := range file.Imports {
		name := strings.Trim(spec.Path.Value, "`\"")
		// The one exception: the simulator replaces the reader that raft draws
		// its election timeouts from. object checks that it does only that.
		if name == "crypto/rand" && c.rel == "sim/cluster" {
			continue
		}
		for banned, why := range impureImports {
			if name == banned || strings.HasPrefix(name, banned+"/") {
				c.bad(spec, "import of %s: %s", name, why)
			}
		}
	}
}

func (c *checker) collectMarks(file *ast.File) {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			reason, isMark := strings.CutPrefix(comment.Text, unorderedMark)
			if !isMark {
				continue
			}
			if strings.TrimSpace(reason) == "" {
				c.bad(comment, "%s without a reason", unorderedMark)
			}
			c.marks[c.place(comment)] = false
		}
	}
}

// excused tells whether n's line carries a mark.
func (c *checker) excused(n ast.Node) bool {
	p := c.place(n)
	_, marked := c.marks[p]
	if marked {
		c.marks[p] = true
	}
	return marked
}

func (c *checker) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		c.bad(n, "go statement")
	case *ast.SelectStmt:
		c.bad(n, "select")
	case *ast.SendStmt:
		c.bad(n, "channel send")
	case *ast.RangeStmt:
		if _, ok := c.underlying(n.X).(*types.Map); ok && !c.excused(n) {
			c.bad(n, "range over a map: its order is random")
		}
	case *ast.CallExpr:
		c.call(n)
	case *ast.Ident:
		c.object(n)
	}
	if e, ok := n.(ast.Expr); ok {
		c.typed(e)
	}
	return true
}

// underlying is the type of e without its name; for a type parameter, that of
// all types it admits, if they agree.
func (c *checker) underlying(e ast.Expr) types.Type {
	t := c.pkg.TypesInfo.TypeOf(e)
	if t == nil {
		return nil
	}
	if p, ok := types.Unalias(t).(*types.TypeParam); ok {
		if i, ok := p.Constraint().Underlying().(*types.Interface); ok && i.NumEmbeddeds() == 1 {
			if u, ok := i.EmbeddedType(0).(*types.Union); ok {
				return u.Term(0).Type().Underlying()
			}
			return i.EmbeddedType(0).Underlying()
		}
	}
	return t.Underlying()
}

// typed looks at what an expression is, as a value or as a type.
func (c *checker) typed(e ast.Expr) {
	tv, ok := c.pkg.TypesInfo.Types[e]
	if !ok {
		return
	}
	results := []types.Type{tv.Type}
	if tuple, ok := tv.Type.(*types.Tuple); ok {
		results = slices.Collect(func(yield func(types.Type) bool) {
			for v := range tuple.Variables() {
				if !yield(v.Type()) {
					return
				}
			}
		})
	}
	for _, t := range results {
		switch u := t.Underlying().(type) {
		case *types.Chan:
			c.bad(e, "channel")
		case *types.Basic:
			if u.Info()&(types.IsFloat|types.IsComplex) != 0 {
				c.bad(e, "floating point: %s", u.Name())
			}
		}
	}
}

// object looks at what a name stands for.
func (c *checker) object(id *ast.Ident) {
	o := c.pkg.TypesInfo.Uses[id]
	if o == nil || o.Pkg() == nil || o.Parent() != o.Pkg().Scope() {
		return
	}
	_, isFunc := o.(*types.Func)
	switch from := o.Pkg().Path(); {
	case from == "crypto/rand" && o.Name() != "Reader":
		c.bad(id, "crypto/rand.%s: only Reader may be used, to be replaced", o.Name())
	case (from == "math/rand" || from == "math/rand/v2") && isFunc && !slices.Contains(pureRandom, o.Name()):
		c.bad(id, "%s.%s draws from the global source", from, o.Name())
	case isFunc && slices.Contains(impureFunctions[from], o.Name()):
		c.bad(id, "%s.%s: time comes from env.Clock", from, o.Name())
	}
}

// call looks for ways around the rule on maps: iterators over them, unless a
// sort consumes them at once, and reflection.
func (c *checker) call(call *ast.CallExpr) {
	callee, _ := calleeOf(c.pkg.TypesInfo, call).(*types.Func)
	if callee == nil || callee.Pkg() == nil {
		return
	}
	switch callee.Pkg().Path() + "." + callee.Name() {
	case "slices.Sorted", "slices.SortedFunc":
		c.sorted = append(c.sorted, ast.Unparen(call.Args[0]))
	case "maps.Keys", "maps.Values", "maps.All":
		if !slices.Contains(c.sorted, ast.Expr(call)) && !c.excused(call) {
			c.bad(call, "maps.%s outside of slices.Sorted: its order is random", callee.Name())
		}
	case "maps.DeleteFunc":
		if !c.excused(call) {
			c.bad(call, "maps.DeleteFunc: its order is random")
		}
	case "reflect.MapRange", "reflect.MapKeys", "reflect.Seq", "reflect.Seq2", "reflect.Select":
		c.bad(call, "reflect's %s", callee.Name())
	}
}

// calleeOf is what a call names, type arguments aside.
func calleeOf(info *types.Info, call *ast.CallExpr) types.Object {
	fun := ast.Unparen(call.Fun)
	switch f := fun.(type) {
	case *ast.IndexExpr:
		fun = f.X
	case *ast.IndexListExpr:
		fun = f.X
	}
	switch f := fun.(type) {
	case *ast.Ident:
		return info.Uses[f]
	case *ast.SelectorExpr:
		return info.Uses[f.Sel]
	}
	return nil
}
