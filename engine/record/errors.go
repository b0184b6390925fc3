package record

import "errors"

// Errors of this package, to be matched with errors.Is; what is returned adds
// where and what. The package comment sorts them into two classes.
var (
	ErrTruncated     = errors.New("record batch is cut short")
	ErrTrailing      = errors.New("bytes follow the record batch")
	ErrMagic         = errors.New("record batch is not of format 2")
	ErrChecksum      = errors.New("record batch checksum mismatch")
	ErrTooLarge      = errors.New("record batch is too large")
	ErrCount         = errors.New("record count is wrong")
	ErrOffset        = errors.New("record offsets are out of range")
	ErrRecord        = errors.New("malformed record")
	ErrControl       = errors.New("control batch")
	ErrTransactional = errors.New("transactional batch")
	ErrCodec         = errors.New("unknown compression codec")
	ErrCompressed    = errors.New("records are compressed")
)
