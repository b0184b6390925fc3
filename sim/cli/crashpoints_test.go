package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCrashPointsAreTried(t *testing.T) {
	got := run(t, t.TempDir(), "crashpoints", "--only", "append,recycle,adopt", "--every", "331", "--json")
	if got.code != 0 {
		t.Fatalf("exit %d: %s%s", got.code, got.out, got.errors)
	}
	var report struct {
		Points    int `json:"points"`
		Failed    int `json:"failed"`
		Workloads []struct {
			Workload           string `json:"workload"`
			Operations, Points int
		} `json:"workloads"`
	}
	if err := json.Unmarshal([]byte(got.out), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Workloads) != 3 || report.Failed != 0 {
		t.Fatalf("%+v", report)
	}
	for _, w := range report.Workloads {
		if want := (w.Operations*15 + 330) / 331; w.Operations < 100 || w.Points != want {
			t.Errorf("%s: %d points of %d operations, want %d", w.Workload, w.Points, w.Operations, want)
		}
	}
}

func TestCrashPointsRefuseBadFlags(t *testing.T) {
	for want, args := range map[string][]string{
		`no workload "apend"; there are append`: {"--only", "apend"},
		"--every 0":                             {"--every", "0"},
	} {
		got := run(t, t.TempDir(), append([]string{"crashpoints"}, args...)...)
		if got.code != 2 || !strings.Contains(got.errors, want) {
			t.Errorf("%v: exit %d: %s", args, got.code, got.errors)
		}
	}
}
