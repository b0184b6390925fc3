package explore

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// peakBytes is the most memory this process has held resident; 0 where the
// system does not tell.
func peakBytes() int64 { return statusBytes("self", "VmHWM:") }

// residentBytes is what a process holds resident now; 0 where the system does
// not tell.
func residentBytes(pid int) int64 { return statusBytes(strconv.Itoa(pid), "VmRSS:") }

// statusBytes reads a size from /proc/PID/status.
func statusBytes(pid, field string) int64 {
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(b, []byte(field))
	var kib int64
	if _, err := fmt.Sscan(string(rest), &kib); err != nil {
		return 0
	}
	return kib << 10
}
