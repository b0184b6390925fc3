package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
)

// Topics of the measured node.
const (
	raftTopic  = "replicated"
	aloneTopic = "unreplicated"
)

// patience bounds every wait for one answer.
const patience = time.Minute

// errRefused marks an answer that says that the node takes no more for now.
var errRefused = errors.New("refused")

func refusal(code engine.Code) error {
	if code == engine.KafkaStorageError || code == engine.ThrottlingQuotaExceeded {
		return fmt.Errorf("produce: %w: %v", errRefused, code)
	}
	return fmt.Errorf("produce: %v", code)
}

// nodeConfig is one node on a free port of loopback.
func nodeConfig(dir string, tuning adapter.TuningConfig) (adapter.Config, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return adapter.Config{}, fmt.Errorf("find a free port: %w", err)
	}
	address := l.Addr().String()
	_ = l.Close() // it was only found
	return adapter.Config{
		Cluster: 1, Node: 1, Data: dir, Listen: address, Log: "error",
		Nodes: []adapter.NodeConfig{{ID: 1, Address: address}},
		Topics: []adapter.TopicConfig{
			{Name: raftTopic, Partitions: 1, Replicas: 1, MinISR: 1},
			{Name: aloneTopic, Partitions: 1, Replicas: 1, MinISR: 1, Unreplicated: true},
		},
		Tuning: tuning,
	}, nil
}

// startNode starts a formatted node and waits until it serves.
func startNode(ctx context.Context, c adapter.Config) (*adapter.Node, error) {
	n, err := adapter.Start(c, nil)
	if err != nil {
		return nil, err
	}
	select {
	case <-n.Ready():
		return n, nil
	case err = <-n.Failed():
	case <-ctx.Done():
		err = ctx.Err()
	}
	n.Kill()
	return nil, err
}

// inProcess produces on the node's own loop.
type inProcess struct {
	node  *adapter.Node
	topic string
	batch []byte
}

// run is one produce of so many batches. Loop only, but for ended.
type run struct {
	*inProcess
	engine      *engine.Node
	asked, left int
	ended       chan error
}

// produce implements contender.
func (p *inProcess) produce(n, inFlight int) error {
	r := &run{inProcess: p, asked: n, left: n, ended: make(chan error, 1)}
	p.node.Do(func(e *engine.Node) {
		r.engine = e
		for range min(n, inFlight) {
			r.next()
		}
	})
	select {
	case err := <-r.ended:
		return err
	case err := <-p.node.Failed():
		return err
	}
}

// next asks for one more batch.
func (r *run) next() {
	if r.asked == 0 {
		return
	}
	r.asked--
	r.engine.Produce(engine.ProduceRequest{Topic: r.topic, Batch: r.batch, LeaderEpoch: -1, Timeout: patience}, r.answered)
}

func (r *run) answered(response engine.ProduceResponse) {
	if response.Err != engine.None {
		r.asked, r.left = 0, 0
		select {
		case r.ended <- refusal(response.Err):
		default: // it was told before
		}
		return
	}
	if r.left--; r.left == 0 {
		r.ended <- nil
		return
	}
	r.next()
}

// remote produces through a client over gRPC.
type remote struct {
	client *adapter.Client
	topic  string
	batch  []byte
}

func connect(ctx context.Context, c adapter.Config) (*adapter.Client, error) {
	return adapter.Connect(ctx, []string{c.Listen}, client.DefaultConfig())
}

// produce implements contender.
func (r *remote) produce(n, inFlight int) error {
	tickets, results := make(chan struct{}, n), make(chan error, inFlight)
	for range n {
		tickets <- struct{}{}
	}
	close(tickets)
	for range inFlight {
		go func() {
			var err error
			for range tickets {
				if err == nil {
					err = r.one()
				}
			}
			results <- err
		}()
	}
	var errs []error
	for range inFlight {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

func (r *remote) one() error {
	response, err := r.client.Produce(context.Background(), r.topic, 0, r.batch, patience)
	if err == nil && response.Err != engine.None {
		err = refusal(response.Err)
	}
	return err
}

// awaitLeader produces until the node leads its replicated partition.
func awaitLeader(ctx context.Context, node *adapter.Node, batch []byte) error {
	p := &inProcess{node: node, topic: raftTopic, batch: batch}
	for {
		err := p.produce(1, 1)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}
