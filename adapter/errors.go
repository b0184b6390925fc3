package adapter

import (
	"errors"
	"fmt"
)

// ErrInput marks errors that only the user can mend.
var ErrInput = errors.New("bad input")

// inputError is an ErrInput that does not say so in its text.
type inputError struct{ error }

// Is makes the error match ErrInput.
func (inputError) Is(target error) bool { return target == ErrInput }

// Unwrap gives the cause.
func (e inputError) Unwrap() error { return e.error }

// inputf makes an ErrInput.
func inputf(format string, args ...any) error { return inputError{fmt.Errorf(format, args...)} }
