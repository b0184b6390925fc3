package cli

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// badFlag says what was wanted where a flag's value cannot be read.
func badFlag(c *cobra.Command, err error) error {
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	wanted := ""
	if ok {
		wanted = map[string]string{
			"uint64": "a whole number from 0 to 18446744073709551615", "int": "a whole number", "int64": "a whole number",
			"duration": "a time as 90s or 5m", "bool": "true or false",
		}[invalid.GetFlag().Value.Type()]
	}
	if wanted == "" {
		return badInput("%w (see %s --help)", err, c.CommandPath())
	}
	return badInput("--%s %q: give %s", invalid.GetFlag().Name, invalid.GetValue(), wanted)
}

// unreadable says what is wrong with an input file, and what makes a good one.
func unreadable(what, path, remedy string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return badInput("%s: %s: no such file; %s writes one", what, path, remedy)
	}
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return badInput("%s: %s: %w", what, path, fmt.Errorf("it cannot be read: %w", failed.Err))
	}
	return badInput("%s: %s: %w; %s writes a good one", what, path, err, remedy)
}
