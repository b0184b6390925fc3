package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/adapter"
)

func statusCommand() *cobra.Command {
	var servers []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show nodes, partitions, leaders, in-sync replicas and high watermarks",
		Args:  withUse(cobra.NoArgs),
		RunE: working(func(cmd *cobra.Command, _ []string) error {
			s, err := adapter.AskStatus(cmd.Context(), servers)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(s)
			}
			return printStatus(cmd.OutOrStdout(), &s)
		}),
	}
	serverFlag(cmd, &servers)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// printStatus prints two tables.
func printStatus(out io.Writer, s *adapter.Status) error {
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
		if n.Full {
			state = "disk full"
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
	if err := w.Flush(); err != nil {
		return err
	}
	return printUnwell(out, s)
}

// printUnwell prints a line for each replica that is not whole.
func printUnwell(out io.Writer, s *adapter.Status) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	begun := false
	for i := range s.Partitions {
		p := &s.Partitions[i]
		for k := range p.Held {
			r := &p.Held[k]
			if r.Whole() {
				continue
			}
			if !begun {
				begun = true
				fmt.Fprintf(w, "\nTOPIC\tPARTITION\tNODE\tREPLICA\tSTATE\tNOTE\n")
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\n", p.Topic, p.Partition, r.Node, r.Replica, stateOf(r), noteOf(r))
		}
	}
	return w.Flush()
}

func stateOf(r *adapter.ReplicaStatus) string {
	if r.Learner && r.State == "serving" {
		return "learner"
	}
	return r.State
}

// noteOf says what is wrong, damaged offsets first.
func noteOf(r *adapter.ReplicaStatus) string {
	var words []string
	for _, d := range r.Damaged {
		text := fmt.Sprintf("offsets %d to %d are damaged", d.Base, d.End-1)
		if d.Everywhere {
			text += " on every replica"
		}
		words = append(words, text)
	}
	if r.Why != "" {
		words = append(words, r.Why)
	}
	return strings.Join(words, "; ")
}

// list writes ids as 1,2,3.
func list(ids []uint64) string {
	words := make([]string, 0, len(ids))
	for _, id := range ids {
		words = append(words, strconv.FormatUint(id, 10))
	}
	return strings.Join(words, ",")
}
