package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/query"
)

// The exit codes, besides 0.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitFound   = 3
	exitStopped = 130
)

// codedError is an error with an exit code; one without a message has been told
// already.
type codedError struct {
	code int
	err  error
}

// Error gives the message.
func (e *codedError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap gives the cause.
func (e *codedError) Unwrap() error { return e.err }

// wrong is a wrong usage, told by a message of the catalogue.
func (p *program) wrong(key string, args ...any) error {
	return &codedError{exitUsage, errors.New(p.say(key, args...))}
}

// failed is a failure, told by a message of the catalogue.
func (p *program) failed(key string, args ...any) error {
	return &codedError{exitFailed, errors.New(p.say(key, args...))}
}

// ended is an exit code for which everything has been said.
func ended(code int) error { return &codedError{code: code} }

// exit tells an error and gives its exit code.
func (p *program) exit(err error) int {
	if err == nil {
		return 0
	}
	var bad *query.Error
	var coded *codedError
	code := exitFailed
	switch {
	case errors.As(err, &coded):
		code = coded.code
	case errors.As(err, &bad):
		fmt.Fprint(p.stderr, "yagura: "+p.say("bad-query")+"\n"+bad.Text(p.lang))
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(p.stderr, "yagura: "+p.say("stopped"))
		return exitStopped
	}
	if msg := strings.TrimRight(err.Error(), "\n"); msg != "" {
		fmt.Fprintln(p.stderr, "yagura: "+plainLines(msg))
	}
	if advice := p.advice(err); advice != "" {
		fmt.Fprintln(p.stderr, advice)
	}
	return code
}

// advice says what to do about an error that comes from outside.
func (p *program) advice(err error) string {
	switch {
	case errors.Is(err, lake.ErrBusy):
		return p.say("advice-busy")
	case errors.Is(err, syscall.ENOSPC):
		return p.say("advice-full")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return p.say("advice-permission", p.data)
	}
	return ""
}
