package adapter

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/engine/env"
)

// metrics collects a node's numbers when it is asked for them: counters of the
// event stream, of clients' requests, of the network and of the disk, and gauges
// of each partition.
type metrics struct {
	node *Node
	all  []*prometheus.Desc

	events, written, ackedBatches, ackedRecords *prometheus.Desc
	requests, producedBytes, fetchedBytes       *prometheus.Desc

	sent, sentBytes, received, receivedBytes *prometheus.Desc
	dropped, sessions, refused               *prometheus.Desc

	reads, readBytes, writes, writeBytes *prometheus.Desc
	syncs, diskFailures                  *prometheus.Desc

	ready, leader, epoch, isr, minISR, replicas *prometheus.Desc
	highWatermark, logStart, applied, serves    *prometheus.Desc

	storage storageMetrics
}

func newMetrics(n *Node) *metrics {
	m := &metrics{node: n}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		d := prometheus.NewDesc("lockstep_"+name, help, labels, nil)
		m.all = append(m.all, d)
		return d
	}
	m.events = desc("events_total", "Events of the engine, by kind.", "kind")
	m.written = desc("journal_written_bytes_total", "Bytes of log entries and states handed to the journal.")
	m.ackedBatches = desc("produce_acknowledged_batches_total", "Record batches that this node, as leader, acknowledged.")
	m.ackedRecords = desc("produce_acknowledged_records_total", "Records that this node, as leader, acknowledged.")
	m.requests = desc("client_requests_total", "Requests of clients that were answered, by kind and by error code, NONE for success.", "request", "code")
	m.producedBytes = desc("client_produced_bytes_total", "Bytes of record batches that clients produced with success.")
	m.fetchedBytes = desc("client_fetched_bytes_total", "Bytes of record batches that clients fetched.")

	m.sent = desc("network_sent_frames_total", "Frames handed to peers' sockets, by lane.", "lane")
	m.sentBytes = desc("network_sent_bytes_total", "Bytes of frames handed to peers' sockets, by lane.", "lane")
	m.received = desc("network_received_frames_total", "Frames received from peers, by lane.", "lane")
	m.receivedBytes = desc("network_received_bytes_total", "Bytes of frames received from peers, by lane.", "lane")
	m.dropped = desc("network_dropped_frames_total", "Frames that were not sent or not taken, by reason.", "reason")
	m.sessions = desc("network_sessions_total", "Sessions toward peers that were accepted, reconnects included.")
	m.refused = desc("network_refused_streams_total", "Streams of peers that this node refused.")

	m.reads = desc("disk_reads_total", "Reads of files, by directory.", "directory")
	m.readBytes = desc("disk_read_bytes_total", "Bytes read from files, by directory.", "directory")
	m.writes = desc("disk_writes_total", "Writes to files, by directory.", "directory")
	m.writeBytes = desc("disk_written_bytes_total", "Bytes written to files, by directory; the preparation of empty journal files included.", "directory")
	m.syncs = desc("disk_sync_seconds", "How long syncs of files and directories took, by directory.", "directory")
	m.diskFailures = desc("disk_failures_total", "Operations on files that the operating system failed, for want of space too, by directory.", "directory")

	m.ready = desc("ready", "1 if the node serves.")
	partition := []string{"topic", "partition"}
	m.leader = desc("partition_leader", "1 if this node leads the partition.", partition...)
	m.epoch = desc("partition_leader_epoch", "Leader epoch (raft term) as this node knows it.", partition...)
	m.isr = desc("partition_in_sync_replicas", "Size of the in-sync set as this node knows it.", partition...)
	m.minISR = desc("partition_min_in_sync_replicas", "Replicas a record must be durable on before it is acknowledged.", partition...)
	m.replicas = desc("partition_replicas", "Replicas of the partition.", partition...)
	m.highWatermark = desc("partition_high_watermark", "End offset of what is committed and applied on this node.", partition...)
	m.logStart = desc("partition_log_start_offset", "First offset that this node keeps.", partition...)
	m.applied = desc("partition_applied_index", "Raft index that this node has applied.", partition...)
	m.storage.describe(desc)
	m.serves = desc("partition_replica_serves", "1 if the replica on this node serves, 0 if it was taken out of service.", partition...)
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
	for kind := env.EventBooted; kind < env.EventKinds; kind++ {
		counter(out, m.events, t.events[kind].Load(), eventName(kind))
	}
	counter(out, m.written, t.written.Load())
	counter(out, m.ackedBatches, t.events[env.EventProduceAcked].Load())
	counter(out, m.ackedRecords, t.records.Load())
	m.collectServed(out, m.node.service.Served())
	m.collectNetwork(out, m.node.network.Stats())
	for dir, s := range m.node.disk.Stats() {
		m.collectDisk(out, dir, &s)
	}
	m.storage.collect(out, m.node)
	if s, ok := m.node.status(); ok {
		gauge(out, m.ready, flag(s.Ready))
		node := uint64(s.Metadata.Node)
		for i := range s.Metadata.Partitions {
			p := partitionStatus(&s.Metadata.Partitions[i])
			m.collectPartition(out, node, &p)
		}
	}
}

func (m *metrics) collectServed(out chan<- prometheus.Metric, s rpc.Served) {
	for a, n := range s.Requests {
		counter(out, m.requests, n, a.Request, a.Code.String())
	}
	counter(out, m.producedBytes, s.ProducedBytes)
	counter(out, m.fetchedBytes, s.FetchedBytes)
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

func (m *metrics) collectDisk(out chan<- prometheus.Metric, dir string, s *osenv.DirStats) {
	counter(out, m.reads, s.Reads, dir)
	counter(out, m.readBytes, s.ReadBytes, dir)
	counter(out, m.writes, s.Writes, dir)
	counter(out, m.writeBytes, s.WriteBytes, dir)
	counter(out, m.diskFailures, s.Failed, dir)
	buckets, upTo := map[float64]uint64{}, uint64(0)
	for i, bound := range osenv.SyncBounds {
		upTo += s.SyncBuckets[i]
		buckets[bound.Seconds()] = upTo
	}
	out <- prometheus.MustNewConstHistogram(m.syncs, s.Syncs, s.SyncTime.Seconds(), buckets, dir)
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
	gauge(out, m.replicas, float64(len(p.Replicas)), labels...)
	gauge(out, m.highWatermark, float64(p.HighWatermark), labels...)
	gauge(out, m.logStart, float64(p.LogStart), labels...)
	gauge(out, m.applied, float64(p.applied), labels...)
	gauge(out, m.serves, flag(p.Fenced == ""), labels...)
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
