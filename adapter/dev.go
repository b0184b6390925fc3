package adapter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// DevConfig is a whole cluster on loopback, in one process.
type DevConfig struct {
	// Dir holds the nodes' data directories and their configurations, which
	// serve could be given too. It is made if need be; a second run on the same
	// one goes on with what is there.
	Dir string

	// Nodes of a new cluster; 0 means 3, or whatever is in Dir.
	Nodes int

	// Topics of a new cluster; none means "demo" with one partition, or whatever
	// is in Dir.
	Topics []TopicConfig

	// Port of the first node; the others follow, and then as many for
	// administration. 0 means 9101, or whatever is in Dir.
	Port int
}

// DefaultPort is the first node's port of a development cluster.
const DefaultPort = 9101

// MaxDevNodes is what one process may reasonably run.
const MaxDevNodes = 15

// Dev runs a cluster until ctx ends or a node stops itself. started is called
// once all nodes serve.
func Dev(ctx context.Context, d DevConfig, logTo io.Writer, started func([]Config)) (err error) {
	configs, err := prepareDev(d)
	if err != nil {
		return err
	}
	var nodes []*Node
	defer func() { err = errors.Join(err, stopAll(ctx, nodes)) }()
	for _, c := range configs {
		log, err := c.logger(logTo)
		if err != nil {
			return err
		}
		n, err := Start(c, log.With("node", c.Node))
		if err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	failed := make(chan error, len(nodes))
	for _, n := range nodes {
		go func() {
			select {
			case err := <-n.Failed():
				failed <- err
			case <-n.loop.Done():
			}
		}()
	}
	for _, n := range nodes {
		select {
		case <-n.Ready():
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
	started(configs)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// stopAll stops the nodes side by side: each stays a peer to the others as long
// as it can.
func stopAll(ctx context.Context, nodes []*Node) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	results := make(chan error)
	for _, n := range nodes {
		go func() { results <- n.Stop(limited) }()
	}
	var errs []error
	for range nodes {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

// prepareDev finds the cluster in the directory, or makes one. The first node's
// configuration is written last: with it the cluster is whole.
func prepareDev(d DevConfig) ([]Config, error) {
	first, err := LoadConfig(d.file(1))
	if err == nil {
		return d.reopen(first)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	configs, err := d.fresh()
	if err != nil {
		return nil, err
	}
	names, err := os.ReadDir(d.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, inputf("dev: %w", err)
	}
	if len(names) > 0 {
		return nil, inputf("dev: %s holds %s but no whole cluster: choose another directory, or empty this one", d.Dir, names[0].Name())
	}
	if err := tryPorts(configs); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(d.Dir, 0o755); err != nil {
		return nil, inputf("dev: %w", err)
	}
	for _, c := range slices.Backward(configs) {
		if err := d.make(c); err != nil {
			return nil, err
		}
	}
	return configs, nil
}

// tryPorts finds used ports before anything is written that names them.
func tryPorts(configs []Config) error {
	for _, c := range configs {
		for _, address := range []string{c.Listen, c.Admin} {
			l, err := listen("dev", address)
			if err != nil {
				return err
			}
			_ = l.Close() // it was only tried
		}
	}
	return nil
}

func (d *DevConfig) file(node uint64) string {
	return filepath.Join(d.Dir, "node-"+strconv.FormatUint(node, 10)+".yaml")
}

// reopen loads the other nodes, and refuses wishes that differ from what is
// there.
func (d *DevConfig) reopen(first Config) ([]Config, error) {
	if d.Nodes != 0 && d.Nodes != len(first.Nodes) {
		return nil, inputf("dev: %s holds a cluster of %d nodes; leave --nodes out or choose another directory", d.Dir, len(first.Nodes))
	}
	if d.Port != 0 && first.Listen != loopback(d.Port) {
		return nil, inputf("dev: the cluster in %s begins at %s; leave --port out or choose another directory", d.Dir, first.Listen)
	}
	for _, t := range d.Topics {
		if !slices.ContainsFunc(first.Topics, func(have TopicConfig) bool {
			return have.Name == t.Name && have.Partitions == t.Partitions
		}) {
			return nil, inputf("dev: the cluster in %s has no topic %s:%d and its topics are fixed; leave --topic out or choose another directory", d.Dir, t.Name, t.Partitions)
		}
	}
	configs := []Config{first}
	for _, n := range first.Nodes[1:] {
		c, err := LoadConfig(d.file(n.ID))
		if err != nil {
			return nil, err
		}
		configs = append(configs, c)
	}
	return configs, nil
}

// fresh makes the configurations of a new cluster.
func (d *DevConfig) fresh() ([]Config, error) {
	nodes, port, topics := d.Nodes, d.Port, d.Topics
	if nodes == 0 {
		nodes = 3
	}
	if port == 0 {
		port = DefaultPort
	}
	if len(topics) == 0 {
		topics = []TopicConfig{{Name: "demo", Partitions: 1}}
	}
	if nodes < 1 || nodes > MaxDevNodes {
		return nil, inputf("dev: %d nodes; use 1 to %d", nodes, MaxDevNodes)
	}
	if port < 1 || port+2*nodes-1 > 65535 {
		return nil, inputf("dev: port %d; %d ports from it on must lie within 1 and 65535", port, 2*nodes)
	}
	var all []NodeConfig
	for i := range nodes {
		all = append(all, NodeConfig{ID: uint64(i + 1), Address: loopback(port + i)})
	}
	cluster := uint64(time.Now().Unix())
	var configs []Config
	for i, n := range all {
		c := Config{
			Cluster: cluster, Node: n.ID, Data: filepath.Join(d.Dir, fmt.Sprintf("node-%d", n.ID)),
			Admin: loopback(port + nodes + i), Log: "warn", Nodes: all, Topics: slices.Clone(topics),
		}
		c.setDefaults()
		if err := c.Validate(); err != nil {
			return nil, err
		}
		configs = append(configs, c)
	}
	return configs, nil
}

// make formats a node's data directory, then writes its configuration.
func (d *DevConfig) make(c Config) error {
	if err := Format(context.Background(), c, false); err != nil {
		return err
	}
	c.Data = filepath.Base(c.Data)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(c); err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	if err := os.WriteFile(d.file(c.Node), b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	return nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
