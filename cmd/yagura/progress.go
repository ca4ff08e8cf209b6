package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress is a bar on standard error, and nothing when that is no terminal.
type progress struct {
	bars *mpb.Progress
	bar  *mpb.Bar
	line atomic.Pointer[string] // what stands behind the bar

	doing string // phase
}

// progress begins a bar; the key names what is being done.
func (p *program) progress(key string) *progress {
	b := &progress{}
	f, ok := terminal(p.stderr)
	if !ok {
		return b
	}
	name := p.say(key)
	b.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(80))
	b.bar = b.bars.New(0, mpb.BarStyle(),
		mpb.BarWidth(20),
		mpb.PrependDecorators(decor.Name(name+" "), decor.Percentage(decor.WC{W: 5})),
		mpb.AppendDecorators(
			decor.AverageETA(decor.ET_STYLE_GO),
			decor.Any(func(decor.Statistics) string {
				if s := b.line.Load(); s != nil {
					return " " + *s
				}
				return ""
			}),
		),
	)
	return b
}

func (b *progress) shown() bool { return b.bar != nil }

// total sets what is to be done in all.
func (b *progress) total(n int64) {
	if b.bar != nil {
		b.bar.SetTotal(n, false)
	}
}

// at sets what is done.
func (b *progress) at(n int64) {
	if b.bar != nil {
		b.bar.SetCurrent(n)
	}
}

// say sets the text behind the bar.
func (b *progress) say(text string) {
	if b.bar != nil {
		b.line.Store(&text)
	}
}

// phase begins the estimate of the time left anew when the phase is another.
func (b *progress) phase(name string) {
	if b.bar != nil && b.doing != name {
		b.doing = name
		_ = b.bar.DecoratorAverageAdjust(time.Now()) // fails only when the bar has ended
	}
}

// end removes the bar.
func (b *progress) end() {
	if b.bar != nil {
		b.bar.Abort(true)
		b.bars.Wait()
	}
}

// rate writes an amount per second in the unit that suits it.
func rate(n float64, unit string) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.1f M%s/s", n/1e6, unit)
	case n >= 1e3:
		return fmt.Sprintf("%.0f k%s/s", n/1e3, unit)
	}
	return fmt.Sprintf("%.0f %s/s", n, unit)
}
