package wal

import (
	"encoding/binary"
	"fmt"
)

// Kinds of commands, the first byte of an entry's data. Zero is reserved; kinds
// from firstForeignKind on belong to the engine's other layers and consume
// nothing here.
const (
	kindBatch        = 1
	kindSettings     = 2
	kindTrim         = 3
	firstForeignKind = 128
)

// settingsVersion is the encoding of a settings command's body.
const settingsVersion = 2

// Encoding of a trim command's body.
const (
	trimVersion = 1
	trimBytes   = 1 + 8
)

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

// AppendTrimCommand appends the entry data that lets the log begin at offset.
// Where it is applied an offset beyond either end of the log means that end.
func AppendTrimCommand(dst []byte, offset int64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, kindTrim, trimVersion), uint64(offset))
}

// parseTrimCommand reads the data of a trim command after its kind.
func parseTrimCommand(p []byte) (offset int64, err error) {
	if len(p) != trimBytes {
		return 0, fmt.Errorf("%w: %d bytes, want %d", ErrTrim, len(p), trimBytes)
	}
	if p[0] != trimVersion {
		return 0, fmt.Errorf("%w: encoding version %d, want %d", ErrTrim, p[0], trimVersion)
	}
	if offset = int64(binary.LittleEndian.Uint64(p[1:])); offset < 0 {
		return 0, fmt.Errorf("%w: offset %d", ErrTrim, offset)
	}
	return offset, nil
}
