package adapter

import (
	"log/slog"
	"net"
	"regexp"
	"strconv"
)

// Limits of a configuration.
const (
	maxNodes      = 1000
	maxPartitions = 100_000 // of all topics
)

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

func (c *Config) setDefaults() {
	for i := range c.Topics {
		t := &c.Topics[i]
		if t.Partitions == 0 {
			t.Partitions = 1
		}
		if t.Replicas == 0 && t.Unreplicated {
			t.Replicas = 1
		}
		if t.Replicas == 0 {
			t.Replicas = min(3, len(c.Nodes))
		}
		if t.MinISR == 0 {
			t.MinISR = t.Replicas/2 + 1
		}
	}
	if c.Listen == "" {
		c.Listen = c.address(c.Node)
	}
	if c.Log == "" {
		c.Log = "info"
	}
}

// address of a node, empty if it is not listed.
func (c *Config) address(node uint64) string {
	for _, n := range c.Nodes {
		if n.ID == node {
			return n.Address
		}
	}
	return ""
}

// Validate says what is wrong first, and what to do. Its errors match ErrInput.
func (c *Config) Validate() error {
	switch {
	case c.Cluster == 0:
		return inputf("cluster: choose an id, any number but 0, the same on all nodes")
	case c.Node == 0:
		return inputf("node: say which of the nodes this one is")
	case c.Data == "":
		return inputf("data: name the data directory")
	}
	if err := c.checkNodes(); err != nil {
		return err
	}
	if err := c.checkTopics(); err != nil {
		return err
	}
	if err := checkAddress("listen", c.Listen); err != nil {
		return err
	}
	if c.Admin != "" {
		if err := checkAddress("admin", c.Admin); err != nil {
			return err
		}
	}
	if _, err := c.logLevel(); err != nil {
		return err
	}
	return c.checkTuning()
}

func (c *Config) checkNodes() error {
	if len(c.Nodes) == 0 || len(c.Nodes) > maxNodes {
		return inputf("nodes: list all nodes of the cluster, 1 to %d", maxNodes)
	}
	ids, addresses := map[uint64]bool{}, map[string]bool{}
	for _, n := range c.Nodes {
		if n.ID == 0 || ids[n.ID] {
			return inputf("nodes: id %d is 0 or listed twice; give each node a number of its own", n.ID)
		}
		if err := checkAddress("nodes: address of "+strconv.FormatUint(n.ID, 10), n.Address); err != nil {
			return err
		}
		if addresses[n.Address] {
			return inputf("nodes: address %s is listed twice", n.Address)
		}
		ids[n.ID], addresses[n.Address] = true, true
	}
	if !ids[c.Node] {
		return inputf("node: %d is not among the nodes; add it there or name one of them", c.Node)
	}
	return nil
}

func (c *Config) checkTopics() error {
	names, partitions := map[string]bool{}, 0
	for _, t := range c.Topics {
		switch {
		case !topicName.MatchString(t.Name) || t.Name == "." || t.Name == "..":
			return inputf("topics: name %q: use 1 to 249 letters, digits, dots, underscores and hyphens", t.Name)
		case names[t.Name]:
			return inputf("topics: %s is listed twice", t.Name)
		case t.Partitions < 1 || t.Partitions > maxPartitions:
			return inputf("topics: %s: partitions is %d; use 1 to %d", t.Name, t.Partitions, maxPartitions)
		case t.Replicas < 1 || t.Replicas > len(c.Nodes):
			return inputf("topics: %s: replicas is %d; use 1 to the number of nodes, %d", t.Name, t.Replicas, len(c.Nodes))
		case t.Unreplicated && t.Replicas != 1:
			return inputf("topics: %s: unreplicated with replicas %d; leave replicas out, or unreplicated", t.Name, t.Replicas)
		case t.MinISR < 1 || t.MinISR > t.Replicas:
			return inputf("topics: %s: minISR is %d; use 1 to the number of replicas, %d", t.Name, t.MinISR, t.Replicas)
		}
		if t.RetentionBytes < 0 || t.Retention < 0 {
			return inputf("topics: %s: retention is negative; leave it out to keep records for ever", t.Name)
		}
		names[t.Name] = true
		partitions += t.Partitions
	}
	if partitions > maxPartitions {
		return inputf("topics: %d partitions in all; use up to %d", partitions, maxPartitions)
	}
	return nil
}

func (c *Config) checkTuning() error {
	t := &c.Tuning
	for _, v := range []struct {
		key   string
		value int64
	}{
		{"tick", int64(t.Tick)},
		{"electionTicks", int64(t.ElectionTicks)},
		{"isrLag", int64(t.ISRLag)},
		{"produceTimeout", int64(t.ProduceTimeout)},
		{"maxBatchBytes", int64(t.MaxBatchBytes)},
		{"maxFetchBytes", int64(t.MaxFetchBytes)},
		{"maxWaiters", int64(t.MaxWaiters)},
		{"checkpointBytes", t.CheckpointBytes},
		{"checkpointFiles", int64(t.CheckpointFiles)},
		{"segmentBytes", t.SegmentBytes},
		{"journalFileBytes", t.JournalFileBytes},
		{"logTailBytes", int64(t.LogTailBytes)},
		{"logTailsBytes", t.LogTailsBytes},
		{"requestBytes", t.RequestBytes},
		{"answerBytes", t.AnswerBytes},
		{"sendQueueBytes", int64(t.SendQueueBytes)},
		{"journalRetainBytes", t.JournalRetainBytes},
		{"journalMaxBytes", t.JournalMaxBytes},
		{"backlogBytes", t.BacklogBytes},
		{"fetchBytes", t.FetchBytes},
		{"outboxBytes", int64(t.OutboxBytes)},
		{"maxOpenFiles", int64(t.MaxOpenFiles)},
		{"idleClose", int64(t.IdleClose)},
		{"shipSendBytes", t.ShipSendBytes},
		{"shipReceiveBytes", t.ShipReceiveBytes},
		{"stageBytes", t.StageBytes},
		{"scrubEvery", int64(t.ScrubEvery)},
		{"retentionEvery", int64(t.RetentionEvery)},
	} {
		if v.value < 0 {
			return inputf("tuning: %s is negative; leave it out for the default", v.key)
		}
	}
	if t.ZeroBytes < -1 {
		return inputf("tuning: zeroBytes is %d; use -1 for none, or leave it out for the default", t.ZeroBytes)
	}
	e := c.Engine()
	for _, err := range []error{e.Validate(), e.Journal.Validate(), e.Log.Validate()} {
		if err != nil {
			return inputf("tuning: %w", err)
		}
	}
	return nil
}

// checkAddress wants host:port.
func checkAddress(key, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return inputf("%s: %q is no host:port, as in 127.0.0.1:9101", key, address)
	}
	return nil
}

func (c *Config) logLevel() (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log)); err != nil {
		return 0, inputf("log: %q is no level; use debug, info, warn or error", c.Log)
	}
	return level, nil
}
