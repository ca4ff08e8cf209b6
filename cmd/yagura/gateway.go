package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/server/extauthz"
	"github.com/yagura-sec/yagura/server/gateway"
)

// gatewayGC is how much the heap may grow between collections, in percent.
const gatewayGC = 50

func (p *program) gatewayCommand() *cobra.Command {
	var path string
	var check bool
	c := &cobra.Command{
		Use: "gateway", Short: p.say("short.gateway"), Long: p.say("long.gateway"),
		Example: "  yagura gateway --config gateway.yaml\n  yagura gateway --config gateway.yaml --check",
		Args:    p.arguments(0, 0, ""),
		// The gateway has a configuration of its own, and no lake.
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if p.lang != "en" && p.lang != "ja" {
				return p.wrong("bad-lang", p.lang)
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return p.gateway(c.Context(), path, check) },
	}
	c.Flags().StringVar(&path, "config", "", p.say("flag.gateway-config"))
	c.Flags().BoolVar(&check, "check", false, p.say("flag.gateway-check"))
	return c
}

// gateway runs the gateway until the context ends, or only checks that it could.
func (p *program) gateway(ctx context.Context, path string, check bool) error {
	if path == "" {
		return p.wrong("gateway-no-config")
	}
	gates := &gates{crs: map[string]inspect{}, warn: func(text string) { p.note("gateway-warning", text) }}
	deps := gateway.Deps{Compile: gates.compile, Log: slog.New(slog.NewTextHandler(p.stderr, nil))}
	deps.Listening = func(addresses []string, admin string) {
		for _, a := range addresses {
			fmt.Fprintln(p.stdout, p.say("gateway-listening", a))
		}
		if admin != "" {
			fmt.Fprintln(p.stdout, p.say("gateway-admin", "http://"+admin+"/metrics"))
		}
	}
	if check {
		if err := gateway.Check(ctx, path, deps); err != nil {
			return &codedError{exitUsage, err}
		}
		fmt.Fprintln(p.stdout, p.say("gateway-checked", path))
		return nil
	}
	g, err := gateway.New(ctx, path, deps)
	if err != nil {
		return &codedError{exitUsage, err}
	}
	// Compiled rules are few large objects, cheap to mark: collecting twice as often
	// costs some percent of the processor time and saves a quarter of the memory.
	debug.SetGCPercent(gatewayGC)
	debug.FreeOSMemory() // Compiling takes several times what compiled rules take.
	releasePages()
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	defer signal.Stop(hups)
	running, stop := context.WithCancel(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer stop()
	others.Go(func() {
		for {
			select {
			case <-hups:
				_ = g.Reload(running) // It has been logged; the old configuration serves.
			case <-running.Done():
				return
			}
		}
	})
	beside := make(chan error, 1)
	if addr := g.ExtAuthz(); addr != "" {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			return fmt.Errorf("ext_authz: %w", err)
		}
		s, err := extauthz.New(g.Guard)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		fmt.Fprintln(p.stdout, p.say("gateway-extauthz", l.Addr().String()))
		others.Go(func() {
			if err := s.Serve(running, l); err != nil {
				beside <- fmt.Errorf("ext_authz: %w", err)
				stop()
			}
		})
	}
	err = g.Run(running)
	select {
	case failed := <-beside:
		err = errors.Join(err, failed)
	default:
	}
	return err
}
