package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/server"
	"github.com/yagura-sec/yagura/source"
	"github.com/yagura-sec/yagura/store"
)

// defaultAddress is where the console is.
const defaultAddress = "127.0.0.1:7654"

// maintenance is how often a running console compacts and retains in the
// background.
const maintenance = 10 * time.Minute

func (p *program) serveCommand() *cobra.Command {
	var addr string
	var browse bool
	c := &cobra.Command{
		Use: "serve", Short: p.say("short.serve"), Long: p.say("long.serve"),
		Example: "  yagura serve --open\n  yagura serve --addr 127.0.0.1:0",
		Args:    p.arguments(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return p.serve(c.Context(), addr, browse) },
	}
	c.Flags().StringVar(&addr, "addr", defaultAddress, p.say("flag.addr"))
	c.Flags().BoolVar(&browse, "open", false, p.say("flag.open"))
	return c
}

// serve serves the console until the context ends.
func (p *program) serve(ctx context.Context, addr string, browse bool) error {
	return p.reading(ctx, func(l *lake.Lake) (err error) {
		s, err := store.Open(ctx, p.data)
		if err != nil {
			return err
		}
		defer func() {
			if cerr := s.Close(); err == nil {
				err = cerr
			}
		}()
		docs, err := p.documentsInForce()
		if err != nil {
			return err
		}
		ctx, stop := context.WithCancel(ctx)
		var tended sync.WaitGroup
		tended.Go(func() {
			l.Maintain(ctx, maintenance, p.settings.Retention, func(err error) { fmt.Fprintln(p.stderr, "yagura: "+err.Error()) })
		})
		defer tended.Wait()
		defer stop()
		err = server.Serve(ctx, server.Config{
			Lake: l, Store: s, Schemas: source.Schemas(), Documents: docs, Language: p.lang, Zone: p.zone, Now: p.now,
			Listening: func(url string) {
				fmt.Fprintln(p.stdout, p.say("serving", url))
				if browse {
					p.browse(ctx, url)
				}
			},
		}, addr)
		if errors.Is(err, server.ErrNotLocal) {
			return &codedError{exitUsage, err}
		}
		return err
	})
}

// documentsInForce reads the rules that findings are explained with. One that
// cannot be read is told, and does not keep the console from being served.
func (p *program) documentsInForce() ([]*sigma.Document, error) {
	docs, problems, err := p.documents(arms{})
	problems = slices.DeleteFunc(problems, func(x sigma.Problem) bool { return x.Warning })
	if len(problems) > 0 {
		p.note("rule-problems", len(problems), problems[0].Error())
	}
	return docs, err
}

// browse opens the address in the owner's browser. Root's browser would be the
// wrong one, and without a screen there is none; the address stands there
// anyway.
func (p *program) browse(ctx context.Context, url string) {
	opener := "xdg-open"
	if runtime.GOOS == "darwin" {
		opener = "open"
	} else if !p.desktop {
		return
	}
	cmd := exec.CommandContext(ctx, opener, url)
	if err := cmd.Start(); err != nil {
		p.note("no-browser")
		return
	}
	go func() {
		if cmd.Wait() != nil && ctx.Err() == nil {
			p.note("no-browser")
		}
	}()
}
