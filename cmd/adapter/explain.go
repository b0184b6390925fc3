package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
)

// meaning says what a code tells a person, and what can be done.
func meaning(code engine.Code) string {
	var text string
	switch code {
	case engine.NotLeaderOrFollower, engine.LeaderNotAvailable:
		text = "no node leads the partition: more than half of its replicas are down, or an election goes on; " +
			`"adapter status" shows who is missing`
	case engine.NotEnoughReplicas, engine.NotEnoughReplicasAfterAppend:
		text = `fewer replicas are in sync than the topic's minISR; "adapter status" shows who is missing`
	case engine.RequestTimedOut:
		text = `no answer in time: nodes are down or cannot reach each other; "adapter status" shows who is missing`
	case engine.KafkaStorageError:
		text = `the replica there serves no more; "adapter status" says why`
	case engine.MessageTooLarge:
		text = "the batch is larger than the nodes allow; use a smaller --batch-bytes, or raise their tuning.maxBatchBytes"
	case engine.ThrottlingQuotaExceeded:
		text = "too many requests wait already; send fewer at once"
	case engine.UnknownTopicOrPartition:
		text = `the node does not have this partition; "adapter status" lists what there is`
	default:
		return code.String()
	}
	return fmt.Sprintf("%s (%v)", text, code)
}

// tried says how hard a client tried before it gave up.
func tried(out client.Outcome, since time.Time) string {
	attempts := "1 attempt"
	if out.Attempts != 1 {
		attempts = fmt.Sprintf("%d attempts", out.Attempts)
	}
	return fmt.Sprintf("gave up after %s in %v", attempts, time.Since(since).Round(100*time.Millisecond))
}

// oneTopic wants the one argument of produce and consume.
func oneTopic(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf(`%s wants one topic, as in "adapter %s demo"; %d were given`, cmd.Name(), cmd.Name(), len(args))
	}
	return nil
}

// flagError names the help of the command.
func flagError(cmd *cobra.Command, err error) error {
	return fmt.Errorf(`%w; see "%s --help"`, err, cmd.CommandPath())
}

// withUse tells whoever gave the wrong arguments what the command takes.
func withUse(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return fmt.Errorf("%w; use: %s", err, cmd.UseLine())
		}
		return nil
	}
}
