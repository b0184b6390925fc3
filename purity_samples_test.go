package lockstep_test

// impureSamples are the bodies of planted packages, by package name.
var impureSamples = map[string]string{
	"concurrency": `
		import "context"

		type t struct {
			c chan int // want: channel
		}

		func f(c context.Context, in t) {
			go f(c, in) // want: go statement
			select {}   // want: select
			<-c.Done()  // want: channel
			in.c <- 1   // want: channel send|channel
			for range in.c { // want: channel
			}
			_ = make(chan int) // want: channel
		}`,

	"imports": `
		import (
			"crypto/rand" // want: import of crypto/rand: randomness
			"hash/maphash" // want: import of hash/maphash: its seed
			"log" // want: import of log: what happens
			"net" // want: import of net: messages
			"net/http" // want: import of net/http: messages
			"os" // want: import of os: files
			"os/exec" // want: import of os/exec: files
			"sync" // want: import of sync: one loop
			"sync/atomic" // want: import of sync/atomic: one loop
			"syscall" // want: import of syscall: the world
			"io"
			"io/fs"
		)

		var (
			_ = rand.Reader
			_ maphash.Hash
			_ log.Logger
			_ net.IP
			_ http.Header
			_ = os.Args
			_ exec.Cmd
			_ sync.Mutex
			_ atomic.Bool
			_ syscall.Errno
			_ io.Reader
			_ fs.FS
		)`,

	"simcluster": `
		import (
			"crypto/rand"
			"io"
		)

		func f(r io.Reader) string {
			rand.Reader = r
			return rand.Text() // want: crypto/rand.Text: only Reader
		}`,

	"random": `
		import (
			old "math/rand"
			"math/rand/v2"
		)

		var (
			_ = old.Int() // want: math/rand.Int draws
			_ = rand.N(7) // want: math/rand/v2.N draws
			_ = rand.Shuffle // want: math/rand/v2.Shuffle draws
			_ = rand.New(rand.NewPCG(1, 2)).IntN(7)
		)`,

	"clock": `
		import (
			"context"
			"time"
		)

		const fine = 3 * time.Second

		func f(c context.Context, t time.Time) {
			_ = time.Now() // want: time.Now: time comes
			_ = time.Now // want: time.Now: time comes
			time.Sleep(1) // want: time.Sleep
			_ = time.After // want: time.After:
			_ = time.Tick // want: time.Tick
			_ = time.NewTimer // want: time.NewTimer
			_ = time.NewTicker // want: time.NewTicker
			_ = time.AfterFunc // want: time.AfterFunc
			_ = time.Since(t) // want: time.Since
			_ = time.Until(t) // want: time.Until
			_, _ = context.WithTimeout(c, 1) // want: context.WithTimeout
			_ = t.After(time.Unix(0, 0).Add(fine))
		}`,

	"floats": `
		import (
			"math"
			"strconv"
			"time"
		)

		type t struct {
			x float64 // want: floating point: float64
		}

		type named float32 // want: floating point: float32

		const half = 0.5 // want: floating point: untyped float

		const billion int64 = 1e9

		var big = math.MaxInt64

		func f(z complex64, d time.Duration) { // want: floating point: complex64
			_ = d.Seconds() > 2 // want: floating point: float64
			_, _ = strconv.ParseInt("1", 10, 64)
			_, _ = strconv.ParseFloat("1", 64) // want: floating point: float64
			x := math.Inf(1) // want: floating point: float64
			_ = x // want: floating point: float64
			_ = int(named(1)) // want: floating point: float32
		}`,

	"unordered": `
		import (
			"cmp"
			"maps"
			"reflect"
			"slices"
		)

		type set map[int]bool

		func f(m map[int]int, s set, v reflect.Value) (n int) {
			for range m { // want: range over a map
			}
			for k := range s { // want: range over a map
				_ = k
			}
			for range maps.Keys(m) { // want: maps.Keys outside
			}
			_ = slices.Collect(maps.Values(m)) // want: maps.Values outside
			_ = v.MapKeys() // want: reflect's MapKeys
			maps.DeleteFunc(m, func(int, int) bool { return true }) // want: maps.DeleteFunc
			for range slices.Sorted(maps.Keys(m)) {
			}
			_ = slices.SortedFunc(maps.Keys(m), cmp.Compare[int])
			for _, x := range m { //lockstep:unordered a sum
				n += x
			}
			for range n {
			}
			clear(m)
			return n
		}

		func g[M ~map[K]V, K comparable, V any](m M) {
			for range m { // want: range over a map
			}
		}`,

	"marks": `
		func f(m map[int]int, s []int) {
			/* want: //lockstep:unordered without a reason */ for range m { //lockstep:unordered
			}
			/* want: //lockstep:unordered excuses nothing here */ for range s { //lockstep:unordered of no use
			}
		}`,
}
