package wal

import "fmt"

// Kinds of commands, the first byte of an entry's data. Zero is reserved; kinds
// from firstForeignKind on belong to the engine's other layers and consume
// nothing here.
const (
	kindBatch        = 1
	kindSettings     = 2
	firstForeignKind = 128
)

// settingsVersion is the encoding of a settings command's body.
const settingsVersion = 1

// AppendBatchCommand appends the entry data that carries one record batch.
func AppendBatchCommand(dst, batch []byte) []byte {
	return append(append(dst, kindBatch), batch...)
}

// AppendSettingsCommand appends the entry data that changes the settings.
// Invalid ones are rejected when the entry is applied.
func AppendSettingsCommand(dst []byte, s Settings) []byte {
	return appendSettings(append(dst, kindSettings, settingsVersion), s)
}

// parseSettingsCommand reads the data of a settings command after its kind.
func parseSettingsCommand(p []byte) (Settings, error) {
	if len(p) != 1+settingsBytes {
		return Settings{}, fmt.Errorf("%w: command of %d bytes, want %d", ErrSettings, len(p), 1+settingsBytes)
	}
	if p[0] != settingsVersion {
		return Settings{}, fmt.Errorf("%w: encoding version %d, want %d", ErrSettings, p[0], settingsVersion)
	}
	return parseSettings(p[1:])
}
