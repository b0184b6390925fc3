package adapter

import (
	"reflect"
	"strings"
)

// knownKeys lists the keys of a configuration type, by its Go name.
func knownKeys(name string) string {
	for _, t := range []reflect.Type{
		reflect.TypeFor[Config](), reflect.TypeFor[NodeConfig](),
		reflect.TypeFor[TopicConfig](), reflect.TypeFor[TuningConfig](),
	} {
		if t.String() != name {
			continue
		}
		var keys []string
		for f := range t.Fields() {
			key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			keys = append(keys, key)
		}
		return strings.Join(keys, ", ")
	}
	panic("adapter: no configuration type is called " + name)
}
