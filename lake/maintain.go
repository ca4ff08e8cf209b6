package lake

import (
	"context"
	"errors"
	"time"
)

// Maintain compacts closed and crowded days and removes days that are older
// than a source is to be kept (days by source name; none: for ever), now and
// then at every interval until the context ends. While another process writes
// it stands back until the next time. Failures are told and do not end it.
func (l *Lake) Maintain(ctx context.Context, every time.Duration, keep map[string]int, failed func(error)) {
	for {
		if ok, err := l.ready(ctx); err != nil {
			failed(err)
		} else if ok {
			if err := l.maintain(ctx, keep); err != nil && !errors.Is(err, ErrBusy) && ctx.Err() == nil {
				failed(err)
			}
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return
		}
	}
}

func (l *Lake) maintain(ctx context.Context, keep map[string]int) error {
	w, err := l.Write(ctx)
	if err != nil {
		return err
	}
	defer w.Close()
	for source, days := range keep {
		if s := l.schemas[source]; s != nil && days > 0 {
			if _, err := w.Retain(ctx, s, l.cfg.Now().AddDate(0, 0, -days)); err != nil {
				return err
			}
		}
	}
	return w.Compact(ctx, false, nil)
}
