package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// clusterStatus is what status --json prints.
type clusterStatus struct {
	Cluster    uint64                    `json:"cluster"`
	Nodes      []nodeState               `json:"nodes"`
	Partitions []adapter.PartitionStatus `json:"partitions"`
}

type nodeState struct {
	ID       uint64 `json:"id"`
	Address  string `json:"address"`
	Up       bool   `json:"up"`    // it answers
	Ready    bool   `json:"ready"` // it serves
	UptimeMs int64  `json:"uptimeMs"`
}

func statusCommand() *cobra.Command {
	var servers []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show nodes, partitions, leaders, in-sync replicas and high watermarks",
		Args:  cobra.NoArgs,
		RunE: working(func(cmd *cobra.Command, _ []string) error {
			first, err := adapter.AnyStatus(cmd.Context(), servers)
			if err != nil {
				return err
			}
			nodes := first.Metadata.Nodes
			s := combine(first.Metadata.Cluster, nodes, adapter.ClusterStatus(cmd.Context(), nodes))
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(s)
			}
			return s.print(cmd.OutOrStdout())
		}),
	}
	serverFlag(cmd, &servers)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// combine takes each partition from the node that should know it best: its
// leader, else who saw the highest term.
func combine(cluster uint64, nodes []engine.NodeInfo, answers map[env.NodeID]rpc.NodeStatus) clusterStatus {
	s := clusterStatus{Cluster: cluster, Nodes: []nodeState{}, Partitions: []adapter.PartitionStatus{}}
	best := map[uint64]adapter.PartitionStatus{}
	from := map[uint64]uint64{}
	for _, n := range nodes {
		answer, up := answers[n.ID]
		s.Nodes = append(s.Nodes, nodeState{
			ID: uint64(n.ID), Address: n.Address, Up: up, Ready: answer.Ready, UptimeMs: answer.Uptime.Milliseconds(),
		})
		for _, p := range adapter.NewStatus(answer).Partitions {
			old, known := best[p.Group]
			if !known || better(&p, uint64(n.ID), &old, from[p.Group]) {
				best[p.Group], from[p.Group] = p, uint64(n.ID)
			}
		}
	}
	for _, group := range slices.Sorted(maps.Keys(best)) {
		s.Partitions = append(s.Partitions, best[group])
	}
	return s
}

func better(p *adapter.PartitionStatus, node uint64, old *adapter.PartitionStatus, oldNode uint64) bool {
	leads := func(p *adapter.PartitionStatus, node uint64) int {
		if p.Leader == node {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(p.LeaderEpoch, old.LeaderEpoch), cmp.Compare(leads(p, node), leads(old, oldNode)),
		cmp.Compare(p.HighWatermark, old.HighWatermark)) > 0
}

func (s *clusterStatus) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "CLUSTER %d\n\nNODE\tADDRESS\tSTATE\tUPTIME\n", s.Cluster)
	for _, n := range s.Nodes {
		state, uptime := "no answer", "-"
		if n.Up {
			state, uptime = "recovering", (time.Duration(n.UptimeMs) * time.Millisecond).Round(time.Second).String()
		}
		if n.Ready {
			state = "serves"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", n.ID, n.Address, state, uptime)
	}
	fmt.Fprintf(w, "\nTOPIC\tPARTITION\tLEADER\tTERM\tREPLICAS\tIN SYNC\tMIN ISR\tHIGH WATERMARK\tNOTE\n")
	for i := range s.Partitions {
		p := &s.Partitions[i]
		leader, note := strconv.FormatUint(p.Leader, 10), p.Fenced
		if p.Leader == 0 {
			leader = "none"
		}
		if note == "" {
			note = p.Error
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\t%s\t%d\t%d\t%s\n", p.Topic, p.Partition, leader, p.LeaderEpoch,
			list(p.Replicas), list(p.ISR), p.MinISR, p.HighWatermark, note)
	}
	return w.Flush()
}

// list writes ids as 1,2,3.
func list(ids []uint64) string {
	words := make([]string, 0, len(ids))
	for _, id := range ids {
		words = append(words, strconv.FormatUint(id, 10))
	}
	return strings.Join(words, ",")
}
