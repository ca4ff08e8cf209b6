package server

import (
	"net/url"

	"github.com/yagura-sec/yagura/lake/ask"
)

// eventURL gives the page of a hit, which remembers the search it came from. An
// id may name several events; the cursor says which.
func eventURL(c *call, h *ask.Hit) string {
	v := c.state().set("id", h.ID(), "at", cursor(h.Key())).params
	return link("/event", v)
}

// exportParams are the parameters of an export of what the page shows.
func exportParams(c *call, format string) url.Values {
	return c.state().set("format", format, "sort", "", "facets", "").params
}
