package adapter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// Format makes the configured data directory, which must be empty or absent,
// into the node's. It is the only thing that does. With replace it takes the
// place of a disk that the node lost: see engine.FormatReplace. Without it the
// error matches ErrInput if another node says that the cluster has served.
func Format(ctx context.Context, c Config, replace bool) error {
	mode := engine.FormatFirst
	if replace {
		mode = engine.FormatReplace
	} else if err := checkNew(ctx, c); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o755); err != nil {
		return inputf("format: %w", err)
	}
	loop := osenv.NewLoop(0)
	disk, err := openDisk(loop, c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = disk.Close() }() // everything was synced or has failed
	if err := checkEmpty(c.Data); err != nil {
		return err
	}
	var tasks env.Tasks
	e := env.Env{Clock: loop, Network: offline{}, Disk: disk, Tracer: env.Discard, Entropy: osenv.Entropy{}}
	result := make(chan error, 1)
	loop.Post(func() {
		tasks.Go("format", func(t *env.Task) { result <- formatNode(t, e, c, mode) })
	})
	loop.Start()
	err = <-result
	loop.Stop()
	<-loop.Done()
	if errors.Is(err, engine.ErrFormatted) || errors.Is(err, journal.ErrFormatted) {
		return inputf("format: %s: %w", c.Data, err)
	}
	if err != nil {
		return fmt.Errorf("format %s: %w", c.Data, err)
	}
	return nil
}

// askPeers bounds the question to the other nodes.
const askPeers = time.Second

// checkNew refuses to make the first disk of a node whose groups hold records
// already: it may have had a part in them on a disk that is gone. (A cluster
// that is being set up may elect leaders before its last node is formatted.)
func checkNew(ctx context.Context, c Config) error {
	limited, cancel := context.WithTimeout(ctx, askPeers)
	defer cancel()
	topology := c.topology()
	others := slices.DeleteFunc(topology.Nodes, func(n engine.NodeInfo) bool { return n.ID == env.NodeID(c.Node) })
	for id, s := range ClusterStatus(limited, others) { //lockstep:unordered any of them will do
		if s.Metadata.Cluster != c.Cluster {
			continue
		}
		for _, p := range s.Metadata.Partitions {
			if p.HighWatermark > 0 && slices.Contains(p.Replicas, env.NodeID(c.Node)) {
				return inputf("format: node %d says that %s/%d holds records already; if node %d lost its disk, use --replace",
					id, p.Topic, p.Partition, c.Node)
			}
		}
	}
	return nil
}

// formatNode formats, and makes the directory's own entries durable.
func formatNode(t *env.Task, e env.Env, c Config, mode engine.FormatMode) error {
	if err := engine.Format(t, e, c.Engine(), mode); err != nil {
		return err
	}
	return t.SyncDir(e.Disk, ".")
}

// checkEmpty refuses a directory with anything in it.
func checkEmpty(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return inputf("format: %w", err)
	}
	if len(names) > 0 {
		return inputf("format: %s is not empty (it holds %s): it may be formatted already; choose or make an empty directory", dir, names[0].Name())
	}
	return nil
}

// openDisk locks a data directory; its errors match ErrInput.
func openDisk(loop *osenv.Loop, dir string) (*osenv.Disk, error) {
	disk, err := osenv.OpenDisk(loop, dir)
	switch {
	case errors.Is(err, env.ErrNotExist):
		return nil, inputf("data directory %s does not exist; make it with format", dir)
	case err != nil:
		return nil, inputError{err}
	}
	return disk, nil
}

// offline is the network of a node that is only formatted.
type offline struct{}

func (offline) Attach(env.Receiver)               {}
func (offline) Send(env.NodeID, env.Lane, []byte) {}
