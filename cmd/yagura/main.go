// Command yagura keeps, searches and proves AWS logs.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &program{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		home: os.Getenv("HOME"), dataHome: os.Getenv("XDG_DATA_HOME"),
		locale:  firstSet("LC_ALL", "LC_MESSAGES", "LANG"),
		desktop: firstSet("DISPLAY", "WAYLAND_DISPLAY") != "" && os.Geteuid() != 0,
		now:     time.Now, zone: time.Local,
	}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func firstSet(names ...string) string {
	for _, n := range names {
		if v := os.Getenv(n); v != "" {
			return v
		}
	}
	return ""
}
