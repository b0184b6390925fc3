package adapter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxConfigBytes is far above any real configuration.
const maxConfigBytes = 4 << 20

// LoadConfig reads and checks a configuration file. Its errors match ErrInput
// and name the file and, where there is one, the line.
func LoadConfig(file string) (Config, error) {
	f, err := os.Open(file)
	if err != nil {
		return Config{}, inputf("configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return Config{}, inputf("configuration: %w", err)
	}
	if len(b) > maxConfigBytes {
		return Config{}, inputf("%s: more than %d bytes are no configuration", file, maxConfigBytes)
	}
	c, err := ParseConfig(b)
	if err != nil {
		return Config{}, inputf("%s: %w", file, err)
	}
	if !filepath.IsAbs(c.Data) {
		c.Data = filepath.Join(filepath.Dir(file), c.Data)
	}
	return c, nil
}

// ParseConfig reads and checks a configuration. An unknown key is an error.
func ParseConfig(b []byte) (Config, error) {
	var c Config
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&c); errors.Is(err, io.EOF) {
		return Config{}, inputf("the file is empty")
	} else if err != nil {
		return Config{}, inputError{oneLine(err)}
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Config{}, inputf("only one document is allowed; remove what follows the second ---")
	}
	c.setDefaults()
	if err := c.Validate(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// unknownKey is how the YAML library tells of one.
var unknownKey = regexp.MustCompile(`^line (\d+): field (.+) not found in type (.+)$`)

// oneLine makes the YAML library's errors read well: the first one decides.
func oneLine(err error) error {
	var typed *yaml.TypeError
	if !errors.As(err, &typed) || len(typed.Errors) == 0 {
		return errors.New(strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n", " "))
	}
	first := typed.Errors[0]
	if m := unknownKey.FindStringSubmatch(first); m != nil {
		return fmt.Errorf("line %s: unknown key %q; the known ones here are %s", m[1], m[2], knownKeys(m[3]))
	}
	return errors.New(strings.ReplaceAll(first, "\n", " "))
}
