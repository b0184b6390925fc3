package adapter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/status"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/env"
)

// Client is a live client: engine/client on a loop of its own, with blocking
// calls for programs that are not event-driven.
type Client struct {
	loop   *osenv.Loop
	conns  *rpc.Conns
	client *client.Client
	nodes  []engine.NodeInfo
}

// statusTimeout bounds the question to one server.
const statusTimeout = 3 * time.Second

// Connect learns the cluster's nodes from the first of the servers (host:port)
// that answers. If none does, the error matches ErrInput.
func Connect(ctx context.Context, servers []string, cfg client.Config) (*Client, error) {
	first, err := AnyStatus(ctx, servers)
	if err != nil {
		return nil, err
	}
	c := &Client{loop: osenv.NewLoop(0), nodes: first.Metadata.Nodes}
	if c.conns, err = rpc.NewConns(c.loop, c.nodes); err != nil {
		return nil, err
	}
	for _, n := range c.nodes {
		cfg.Nodes = append(cfg.Nodes, n.ID)
	}
	if err := cfg.Validate(); err != nil {
		return nil, inputError{err}
	}
	c.client = client.New(c.loop, c.conns, osenv.Entropy{}, cfg)
	c.loop.Start()
	return c, nil
}

// AnyStatus asks the servers in turn until one answers.
func AnyStatus(ctx context.Context, servers []string) (rpc.NodeStatus, error) {
	cause := errors.New("no server was named")
	for _, server := range servers {
		if err := checkAddress("server", server); err != nil {
			return rpc.NodeStatus{}, err
		}
		limited, cancel := context.WithTimeout(ctx, statusTimeout)
		s, err := rpc.Status(limited, server)
		cancel()
		if err == nil {
			return s, nil
		}
		cause = err
	}
	if ctx.Err() != nil {
		return rpc.NodeStatus{}, ctx.Err()
	}
	return rpc.NodeStatus{}, inputf("no node answers at %s: start one, or name others with --server (%s)",
		strings.Join(servers, ", "), shortCause(cause))
}

// shortCause is what a person wants to read of a gRPC error: the last part.
func shortCause(err error) string {
	text := strings.Trim(status.Convert(err).Message(), `"`)
	return strings.TrimSpace(text[strings.LastIndex(text, ":")+1:])
}

// Close ends all calls.
func (c *Client) Close() {
	c.loop.Stop()
	<-c.loop.Done()
	c.conns.Close()
}

// GiveUp ends all calls in flight as their timeouts would: with an outcome that
// says what may have been written.
func (c *Client) GiveUp() { c.loop.Submit(c.client.Close) }

// Nodes are the cluster's nodes.
func (c *Client) Nodes() []engine.NodeInfo { return c.nodes }

// errEnded is the answer of a client that was closed meanwhile.
var errEnded = errors.New("the client was closed")

// await runs ask on the loop and waits for its answer or the end of ctx.
func await[R any](ctx context.Context, c *Client, ask func(done func(R))) (R, error) {
	answers := make(chan R, 1)
	var none R
	if !c.loop.Submit(func() { ask(func(r R) { answers <- r }) }) {
		return none, errEnded
	}
	select {
	case r := <-answers:
		return r, nil
	case <-ctx.Done():
		return none, ctx.Err()
	case <-c.loop.Done():
		return none, errEnded
	}
}

// Produce appends one batch and waits for its outcome. An error means that ctx
// ended first, and an unknown outcome.
func (c *Client) Produce(ctx context.Context, topic string, partition int32, batch []byte, timeout time.Duration) (client.ProduceResult, error) {
	return await(ctx, c, func(done func(client.ProduceResult)) {
		c.client.Produce(topic, partition, batch, timeout, done)
	})
}

// Fetch reads batches.
func (c *Client) Fetch(ctx context.Context, r engine.FetchRequest, timeout time.Duration) (client.FetchResult, error) {
	return await(ctx, c, func(done func(client.FetchResult)) { c.client.Fetch(r, timeout, done) })
}

// ListOffsets asks for the end or the start of a partition.
func (c *Client) ListOffsets(ctx context.Context, topic string, partition int32, timestamp int64, timeout time.Duration) (client.ListOffsetsResult, error) {
	return await(ctx, c, func(done func(client.ListOffsetsResult)) {
		c.client.ListOffsets(topic, partition, timestamp, timeout, done)
	})
}

// DeleteRecords lets a partition begin at offset.
func (c *Client) DeleteRecords(ctx context.Context, topic string, partition int32, offset int64, timeout time.Duration) (client.DeleteRecordsResult, error) {
	return await(ctx, c, func(done func(client.DeleteRecordsResult)) {
		c.client.DeleteRecords(topic, partition, offset, timeout, done)
	})
}

// Partitions gives the numbers of a topic's partitions. An unknown topic
// matches ErrInput.
func (c *Client) Partitions(ctx context.Context, topic string, timeout time.Duration) ([]int32, error) {
	m, err := await(ctx, c, func(done func(client.MetadataResult)) {
		c.client.Metadata([]string{topic}, timeout, done)
	})
	if err != nil {
		return nil, err
	}
	if m.Err != engine.None {
		return nil, fmt.Errorf("metadata of topic %s: %v", topic, m.Err)
	}
	var numbers []int32
	for _, p := range m.Partitions {
		if p.Topic == topic && p.Err != engine.UnknownTopicOrPartition {
			numbers = append(numbers, p.Partition)
		}
	}
	if len(numbers) == 0 {
		return nil, inputf("there is no topic %q; status lists the topics", topic)
	}
	return numbers, nil
}

// ClusterStatus asks every node for its status, side by side. A node that does
// not answer is missing from the map.
func ClusterStatus(ctx context.Context, nodes []engine.NodeInfo) map[env.NodeID]rpc.NodeStatus {
	type answer struct {
		id     env.NodeID
		status rpc.NodeStatus
		err    error
	}
	answers := make(chan answer, len(nodes))
	limited, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	for _, n := range nodes {
		go func() {
			s, err := rpc.Status(limited, n.Address)
			answers <- answer{n.ID, s, err}
		}()
	}
	all := map[env.NodeID]rpc.NodeStatus{}
	for range nodes {
		if a := <-answers; a.err == nil {
			all[a.id] = a.status
		}
	}
	return all
}
