package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/engine"
)

func deleteRecordsCommand() *cobra.Command {
	var servers []string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "delete-records TOPIC PARTITION OFFSET",
		Short: "Let a partition begin later, for good",
		Long: `Let a partition begin at OFFSET: the records before it are deleted on all
replicas. "end" as OFFSET deletes all that is there. It may be repeated.`,
		Args: withUse(cobra.ExactArgs(3)),
		RunE: working(func(cmd *cobra.Command, args []string) error {
			partition, err := strconv.ParseInt(args[1], 10, 32)
			if err != nil || partition < 0 {
				return usage{fmt.Errorf("partition %q is no number from 0 on", args[1])}
			}
			offset := engine.AllRecords
			if args[2] != "end" {
				if offset, err = strconv.ParseInt(args[2], 10, 64); err != nil || offset < 0 {
					return usage{fmt.Errorf("offset %q is no number from 0 on; \"end\" deletes all", args[2])}
				}
			}
			c, err := adapter.Connect(cmd.Context(), servers, clientConfig(timeout))
			if err != nil {
				return err
			}
			defer c.Close()
			r, err := c.DeleteRecords(cmd.Context(), args[0], int32(partition), offset, timeout)
			switch {
			case err != nil:
				return err
			case r.Unknown:
				return fmt.Errorf("delete-records %s/%d: %v: it may have been done, or may yet be; repeat it", args[0], partition, r.Err)
			case r.Err != engine.None:
				return refusedTrim(r.Err, args[0], partition, args[2])
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s/%d begins at %d\n", args[0], partition, r.LogStart)
			return nil
		}),
	}
	serverFlag(cmd, &servers)
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "give up after this `time`")
	return cmd
}

// refusedTrim says what was refused, and what helps.
func refusedTrim(code engine.Code, topic string, partition int64, offset string) error {
	what := fmt.Sprintf("delete-records %s/%d, offset %s: %v", topic, partition, offset, code)
	if code == engine.OffsetOutOfRange {
		return fmt.Errorf(`%s: an offset up to the high watermark is needed, "adapter status" shows it; "end" deletes all`, what)
	}
	if code == engine.UnknownTopicOrPartition {
		return fmt.Errorf(`%s: "adapter status" shows the topics and their partitions`, what)
	}
	return errors.New(what)
}
