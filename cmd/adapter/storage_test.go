package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A cluster in this machine, then its files: what is deleted is gone, what is
// intact says so, what is not is named, and a lost disk is made anew.
func TestRecordsAreDeletedAndFilesInspected(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a cluster")
	}
	nodes := cluster(t, nil)
	server := nodes[0].address
	awaitLeader(t, server, nil)
	if code, _, errs := execute("a\nb\nc\nd\n", "produce", "text", "--server", server); code != 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"text 0 2", 0, "text/0 begins at 2"},
		{"text 0 1", 0, "text/0 begins at 2"},
		{"text 0 5", 1, "OFFSET_OUT_OF_RANGE"},
		{"text 0 end", 0, "text/0 begins at 4"},
		{"text x 2", 2, "is no number"},
		{"text 0 -2", 2, "unknown shorthand flag"},
	} {
		code, out, errs := execute("", append([]string{"delete-records", "--server", server}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("delete-records %s: exit %d, %q, %q; want %d and %q", c.args, code, out, errs, c.code, c.says)
		}
	}

	victim := nodes[1]
	if code, _, errs := execute("", "format", "--config", victim.file); code != 2 {
		t.Errorf("format of a running node: exit %d, %s", code, errs)
	}
	victim.stop(t)
	files := []string{
		one(t, victim.data+"/journal/j-*"), one(t, victim.data+"/journal.witness"), one(t, victim.data+"/groups/1/checkpoint-*"),
	}
	for _, file := range files {
		if code, out, errs := execute("", "inspect", file); code != 0 || !strings.Contains(out, "intact") {
			t.Errorf("inspect %s: exit %d, %s%s", file, code, out, errs)
		}
	}
	flip(t, files[2])
	if code, _, errs := execute("", "inspect", filepath.Dir(victim.file)); code != 2 {
		t.Errorf("inspect of a directory: exit %d, %s", code, errs)
	}
	if code, _, errs := execute("", "inspect", victim.file); code != 2 || !strings.Contains(errs, "no file of a node") {
		t.Errorf("inspect of a configuration: exit %d, %s", code, errs)
	}

	if err := os.RemoveAll(victim.data); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := execute("", "format", "--config", victim.file); code != 2 || !strings.Contains(errs, "--replace") {
		t.Errorf("format of a lost disk as a new one: exit %d, %s", code, errs)
	}
	if code, _, errs := execute("", "format", "--replace", "--config", victim.file); code != 0 {
		t.Fatal(errs)
	}
	victim.start(t)
	s := awaitStatus(t, server, "whole", whole)
	for _, r := range s.Partitions[0].Held {
		if r.Node == uint64(victim.id) && r.Replica <= 3 {
			t.Errorf("the new disk's replica has the old id %d", r.Replica)
		}
	}
}
