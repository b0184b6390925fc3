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
		Args: cobra.ExactArgs(3),
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
				return fmt.Errorf("%v: it may have been done, or may yet be; repeat it", r.Err)
			case r.Err != engine.None:
				return errors.New(r.Err.String())
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s/%d begins at %d\n", args[0], partition, r.LogStart)
			return nil
		}),
	}
	serverFlag(cmd, &servers)
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "give up after this `time`")
	return cmd
}
