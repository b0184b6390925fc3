// Package membership is the replicated membership of one raft group.
package membership
