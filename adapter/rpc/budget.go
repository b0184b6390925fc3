package rpc

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	pb "google.golang.org/protobuf/proto"

	"github.com/lockstep-log/lockstep/adapter/rpc/clientpb"
)

// Limits are what clients' requests and answers may take of a node's memory, all
// clients together: one that does not read, or many that do not wait, cost the
// others nothing. Zero values mean the default.
type Limits struct {
	RequestBytes int64 // of produced batches not answered yet; default 256 MiB
	AnswerBytes  int64 // of fetched batches not handed to the sockets yet; default 256 MiB
}

// answerShare is the part of AnswerBytes that one connection may hold: who does not
// read is refused before others are.
const answerShare = 4

// Budgets count against Limits. One is shared by a node's server and service.
type Budgets struct {
	requests, answers budget

	mu     sync.Mutex
	peers  map[string]map[*answer]bool         // answers on their way, by connection
	leaves map[*clientpb.FetchResponse]*answer // between handler and codec
}

// NewBudgets makes empty ones.
func NewBudgets(l Limits) *Budgets {
	b := &Budgets{peers: map[string]map[*answer]bool{}, leaves: map[*clientpb.FetchResponse]*answer{}}
	b.requests.limit, b.answers.limit = l.RequestBytes, l.AnswerBytes
	if b.requests.limit <= 0 {
		b.requests.limit = 256 << 20
	}
	if b.answers.limit <= 0 {
		b.answers.limit = 256 << 20
	}
	return b
}

// Use of one of the limits, in bytes.
type Use struct{ Bytes, Limit int64 }

// Requests is what RequestBytes bounds, now.
func (b *Budgets) Requests() Use { return Use{b.requests.used.Load(), b.requests.limit} }

// Answers is what AnswerBytes bounds, now.
func (b *Budgets) Answers() Use { return Use{b.answers.used.Load(), b.answers.limit} }

// budget is bytes in use. Who finds it full is refused, but for one that is alone.
type budget struct {
	limit int64
	used  atomic.Int64
}

func (b *budget) take(n int) bool {
	if now := b.used.Add(int64(n)); now > b.limit && now != int64(n) {
		b.used.Add(-int64(n))
		return false
	}
	return true
}

func (b *budget) give(n int) { b.used.Add(-int64(n)) }

// answer counts an answer to a fetch until the transport is done with its buffer. It
// is the pool which that goes back to.
type answer struct {
	b     *Budgets
	peer  string
	bytes int
}

var _ mem.BufferPool = (*answer)(nil)

// send counts an answer that leaves for a connection; false: there is no room for it.
func (b *Budgets) send(peer string, r *clientpb.FetchResponse) bool {
	n := len(r.GetBatches())
	if n == 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	held := int64(0)
	for a := range b.peers[peer] {
		held += int64(a.bytes)
	}
	if held > 0 && held+int64(n) > b.answers.limit/answerShare || !b.answers.take(n) {
		return false
	}
	if b.peers[peer] == nil {
		b.peers[peer] = map[*answer]bool{}
	}
	a := &answer{b: b, peer: peer, bytes: n}
	b.peers[peer][a], b.leaves[r] = true, a
	return true
}

// gone ends the answers of a connection that is closed: whatever its transport held.
func (b *Budgets) gone(peer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for a := range b.peers[peer] {
		b.answers.give(a.bytes)
	}
	delete(b.peers, peer)
}

// left hands over what was counted for an answer; nil: nothing.
func (b *Budgets) left(r *clientpb.FetchResponse) *answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.leaves[r]
	delete(b.leaves, r)
	return a
}

func (a *answer) done() {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	mine := a.b.peers[a.peer]
	if !mine[a] {
		return // its connection is closed
	}
	a.b.answers.give(a.bytes)
	if delete(mine, a); len(mine) == 0 {
		delete(a.b.peers, a.peer)
	}
}

// Get implements mem.BufferPool; nobody calls it.
func (*answer) Get(n int) *[]byte {
	b := make([]byte, n)
	return &b
}

// Put implements mem.BufferPool.
func (a *answer) Put(*[]byte) { a.done() }

// Listener tells of the connections that end: what they held is given back.
func (b *Budgets) Listener(l net.Listener) net.Listener { return listener{l, b} }

type listener struct {
	net.Listener
	budgets *Budgets
}

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return accepted{c, l.budgets}, nil
}

type accepted struct {
	net.Conn
	budgets *Budgets
}

// Close implements net.Conn.
func (c accepted) Close() error {
	err := c.Conn.Close()
	c.budgets.gone(c.RemoteAddr().String())
	return err
}

// codec is gRPC's own, but that it gives an answer's bytes back to the budget once
// the transport is done with its buffer: the handler has long returned by then, and a
// client that does not read keeps it for as long as it likes.
type codec struct {
	encoding.CodecV2
	budgets *Budgets
}

func newCodec(b *Budgets) codec { return codec{CodecV2: encoding.GetCodecV2(proto.Name), budgets: b} }

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	r, ok := v.(*clientpb.FetchResponse)
	if !ok {
		return c.CodecV2.Marshal(v)
	}
	a := c.budgets.left(r)
	if a == nil {
		return c.CodecV2.Marshal(v)
	}
	b, err := pb.Marshal(r)
	if err != nil || mem.IsBelowBufferPoolingThreshold(cap(b)) {
		a.done()
		return mem.BufferSlice{mem.SliceBuffer(b)}, err
	}
	// A stream that ends early may forget its buffers: what nobody holds is given back
	// with them.
	runtime.AddCleanup(&b, (*answer).done, a)
	return mem.BufferSlice{mem.NewBuffer(&b, a)}, nil
}
