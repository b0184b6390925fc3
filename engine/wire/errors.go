package wire

import "errors"

// Errors of Decode, to be matched with errors.Is. In all cases the frame is
// dropped; there is nothing to repair.
var (
	ErrTruncated = errors.New("frame is cut short")
	ErrChecksum  = errors.New("frame checksum mismatch")
	ErrVersion   = errors.New("frame of an unknown version")
	ErrMalformed = errors.New("malformed frame")
)
