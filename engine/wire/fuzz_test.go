package wire_test

import (
	"bytes"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/wire"
)

// FuzzDecode: any bytes give a frame or an error; a frame encodes to the very
// bytes it came from. Length and checksum are made right first, or nothing
// interesting would pass them; the version likewise.
func FuzzDecode(f *testing.F) {
	whole := sample()
	f.Add(wire.AppendFrame(nil, &whole))
	for i := range whole.Messages {
		one := whole
		one.Messages = whole.Messages[i : i+1]
		f.Add(wire.AppendFrame(nil, &one))
	}
	f.Add(wire.AppendFrame(nil, &wire.Frame{}))
	f.Add(wire.AppendFrame(nil, &wire.Frame{Messages: []wire.Message{{Raft: &raftpb.Message{Type: raftpb.MsgVote.Enum()}}}}))
	f.Add([]byte("no frame"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= wire.HeaderBytes {
			b = bytes.Clone(b)
			copy(b[8:], []byte{2, 0, 0, 0})
			resum(b)
		}
		got, err := wire.Decode(b)
		if err != nil {
			return
		}
		if again := wire.AppendFrame(nil, &got); !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, which encodes as %x", b, again)
		}
	})
}
