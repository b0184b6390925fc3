package metadata

import (
	"math"
	"strconv"
	"strings"
)

// Key names a setting of a topic. The numbers are part of the encodings.
type Key uint8

// The settings of a topic, with Kafka's names.
const (
	MinISR          Key = 1 // min.insync.replicas
	RetentionBytes  Key = 2 // retention.bytes; Forever keeps everything
	RetentionMs     Key = 3 // retention.ms; Forever keeps everything
	SegmentBytes    Key = 4 // segment.bytes
	MaxMessageBytes Key = 5 // max.message.bytes: the largest record batch
	LagMs           Key = 6 // replica.lag.time.max.ms: behind for so long leaves the ISR

	lastKey = LagMs
)

// Forever is the value of a retention without end.
const Forever int64 = -1

// Most of the ranges are those of package wal, which the values reach in the end.
const (
	maxRetention   = 1 << 53
	maxBytes       = 1 << 30
	minBatchBytes  = 61
	maxLagMs       = 24 * 60 * 60 * 1000
	defaultSegment = 64 << 20
	defaultMessage = 1 << 20
	defaultLagMs   = 10_000
)

type configRule struct {
	name        string
	least, most int64
	forever     bool // Forever is allowed too
	value       int64
}

var configRules = [lastKey + 1]configRule{
	MinISR:          {"min.insync.replicas", 1, MaxFactor, false, 1},
	RetentionBytes:  {"retention.bytes", 1, maxRetention, true, Forever},
	RetentionMs:     {"retention.ms", 1, maxRetention, true, Forever},
	SegmentBytes:    {"segment.bytes", 1, maxBytes, false, defaultSegment},
	MaxMessageBytes: {"max.message.bytes", minBatchBytes, maxBytes, false, defaultMessage},
	LagMs:           {"replica.lag.time.max.ms", 1, maxLagMs, false, defaultLagMs},
}

// Keys lists all settings.
func Keys() []Key {
	return []Key{MinISR, RetentionBytes, RetentionMs, SegmentBytes, MaxMessageBytes, LagMs}
}

func (k Key) known() bool { return k >= 1 && k <= lastKey }

// String gives Kafka's name of the setting.
func (k Key) String() string {
	if !k.known() {
		return "setting " + strconv.Itoa(int(k))
	}
	return configRules[k].name
}

// Setting is a value for a key: bytes, milliseconds or a number of replicas.
type Setting struct {
	Key   Key
	Value int64
}

// ParseSetting reads a setting from Kafka's name and a decimal number. A failure
// is an *Error with InvalidConfig.
func ParseSetting(name, text string) (Setting, error) {
	for _, k := range Keys() {
		if configRules[k].name != name {
			continue
		}
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return Setting{}, reject(InvalidConfig, "%s is %q, which is no whole number: give a decimal number", name, text)
		}
		s := Setting{k, v}
		if bad := s.check(math.MaxInt64); bad != nil {
			return Setting{}, bad
		}
		return s, nil
	}
	return Setting{}, reject(InvalidConfig, "topics have no setting %q: the settings are %s", name, keyNames())
}

func keyNames() string {
	var names []string
	for _, k := range Keys() {
		names = append(names, k.String())
	}
	return strings.Join(names, ", ")
}

// check finds a value out of its range. maxMessage is the cluster's bound.
func (s Setting) check(maxMessage int64) *Error {
	if !s.Key.known() {
		return reject(InvalidConfig, "topics have no %s: the settings are %s", s.Key, keyNames())
	}
	r := configRules[s.Key]
	if s.Key == MaxMessageBytes {
		r.most = min(r.most, maxMessage)
	}
	switch {
	case r.forever && s.Value == Forever:
		return nil
	case s.Value >= r.least && s.Value <= r.most:
		return nil
	case r.forever:
		return reject(InvalidConfig, "%s is %d: give %d to %d, or %d for ever", r.name, s.Value, r.least, r.most, Forever)
	default:
		return reject(InvalidConfig, "%s is %d: give %d to %d", r.name, s.Value, r.least, r.most)
	}
}

// checkSettings checks a list of settings that belong to one topic.
func checkSettings(list []Setting, unset []Key, maxMessage int64) *Error {
	var seen [lastKey + 1]bool
	for _, s := range list {
		if bad := s.check(maxMessage); bad != nil {
			return bad
		}
		if seen[s.Key] {
			return reject(InvalidRequest, "%s is given twice: give it once", s.Key)
		}
		seen[s.Key] = true
	}
	for _, k := range unset {
		if !k.known() {
			return reject(InvalidConfig, "topics have no %s: the settings are %s", k, keyNames())
		}
		if seen[k] {
			return reject(InvalidRequest, "%s is given twice: give it once", k)
		}
		seen[k] = true
	}
	return nil
}

// Configs are values of settings. The zero value has none. It is comparable.
type Configs struct {
	values [lastKey + 1]int64 // 0: not set; no setting's range holds 0
}

// Get finds a value; ok tells whether there is one.
func (c Configs) Get(k Key) (value int64, ok bool) {
	if !k.known() {
		return 0, false
	}
	return c.values[k], c.values[k] != 0
}

// List gives the values that are set, by key.
func (c Configs) List() (list []Setting) {
	for _, k := range Keys() {
		if v, ok := c.Get(k); ok {
			list = append(list, Setting{k, v})
		}
	}
	return list
}

// with gives the values after a change that was checked.
func (c Configs) with(set []Setting, unset []Key) Configs {
	for _, s := range set {
		c.values[s.Key] = s.Value
	}
	for _, k := range unset {
		c.values[k] = 0
	}
	return c
}

// over gives c's values, and those of base where c has none.
func (c Configs) over(base Configs) Configs {
	return base.with(c.List(), nil)
}

func builtinConfigs() (c Configs) {
	for _, k := range Keys() {
		c.values[k] = configRules[k].value
	}
	return c
}
