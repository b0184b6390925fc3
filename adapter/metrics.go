package adapter

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/engine/env"
)

// metrics collects a node's numbers when it is asked for them: counters of the
// event stream and of the network, gauges of each partition.
type metrics struct {
	node *Node
	all  []*prometheus.Desc

	events, written                     *prometheus.Desc
	sent, sentBytes, received, dropped  *prometheus.Desc
	receivedBytes, sessions, refused    *prometheus.Desc
	ready, leader, isr, highWatermark   *prometheus.Desc
	logStart, epoch, minISR, hasReplica *prometheus.Desc
}

func newMetrics(n *Node) *metrics {
	var all []*prometheus.Desc
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		d := prometheus.NewDesc("lockstep_"+name, help, labels, nil)
		all = append(all, d)
		return d
	}
	partition := []string{"topic", "partition"}
	m := &metrics{
		node:          n,
		events:        desc("events_total", "Events of the engine, by kind.", "kind"),
		written:       desc("journal_written_bytes_total", "Bytes handed to the journal."),
		sent:          desc("network_sent_frames_total", "Frames handed to peers' sockets.", "lane"),
		sentBytes:     desc("network_sent_bytes_total", "Bytes of frames handed to peers' sockets.", "lane"),
		received:      desc("network_received_frames_total", "Frames received.", "lane"),
		receivedBytes: desc("network_received_bytes_total", "Bytes of frames received.", "lane"),
		dropped:       desc("network_dropped_frames_total", "Frames dropped, by reason.", "reason"),
		sessions:      desc("network_sessions_total", "Sessions that peers accepted."),
		refused:       desc("network_refused_streams_total", "Streams of peers that were refused."),
		ready:         desc("ready", "1 if the node serves."),
		leader:        desc("partition_leader", "1 if this node leads the partition.", partition...),
		epoch:         desc("partition_leader_epoch", "Raft term as this node knows it.", partition...),
		isr:           desc("partition_in_sync_replicas", "Size of the in-sync set as this node knows it.", partition...),
		minISR:        desc("partition_min_in_sync_replicas", "Replicas that must be in sync for a produce.", partition...),
		highWatermark: desc("partition_high_watermark", "End offset of what is committed and applied here.", partition...),
		logStart:      desc("partition_log_start", "First offset kept here.", partition...),
		hasReplica:    desc("partition_replica_serves", "1 if the replica here serves, 0 if it is fenced.", partition...),
	}
	m.all = all
	return m
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range m.all {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	t := m.node.tracer
	for kind := env.EventBooted; kind <= env.EventStopped; kind++ {
		counter(out, m.events, t.events[kind].Load(), eventName(kind))
	}
	counter(out, m.written, t.written.Load())
	m.collectNetwork(out, m.node.network.Stats())
	if s, ok := m.node.status(); ok {
		gauge(out, m.ready, flag(s.Ready))
		for i := range s.Partitions {
			m.collectPartition(out, s.Node, &s.Partitions[i])
		}
	}
}

func (m *metrics) collectNetwork(out chan<- prometheus.Metric, s rpc.Stats) {
	var full uint64
	for lane := range env.Lanes {
		counter(out, m.sent, s.Sent[lane], lane.String())
		counter(out, m.sentBytes, s.SentBytes[lane], lane.String())
		counter(out, m.received, s.Received[lane], lane.String())
		counter(out, m.receivedBytes, s.ReceivedBytes[lane], lane.String())
		full += s.DroppedFull[lane]
	}
	counter(out, m.dropped, full, "queue_full")
	counter(out, m.dropped, s.DroppedUnknown, "unknown_peer")
	counter(out, m.dropped, s.DroppedDown, "peer_down")
	counter(out, m.dropped, s.DroppedTooLarge, "too_large")
	counter(out, m.dropped, s.DroppedEarly, "early")
	counter(out, m.sessions, s.Sessions)
	counter(out, m.refused, s.Refused)
}

func (m *metrics) collectPartition(out chan<- prometheus.Metric, node uint64, p *PartitionStatus) {
	labels := []string{p.Topic, strconv.Itoa(int(p.Partition))}
	if p.HighWatermark < 0 {
		return // no replica here, or none yet
	}
	gauge(out, m.leader, flag(p.Leader == node), labels...)
	gauge(out, m.epoch, float64(p.LeaderEpoch), labels...)
	gauge(out, m.isr, float64(len(p.ISR)), labels...)
	gauge(out, m.minISR, float64(p.MinISR), labels...)
	gauge(out, m.highWatermark, float64(p.HighWatermark), labels...)
	gauge(out, m.logStart, float64(p.LogStart), labels...)
	gauge(out, m.hasReplica, flag(p.Fenced == ""), labels...)
}

func counter(out chan<- prometheus.Metric, d *prometheus.Desc, v uint64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
