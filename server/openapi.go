package server

import (
	_ "embed"
	"net/http"
)

//go:embed openapi.json
var document []byte

// apiDocument serves the description of the API.
func (d *desk) apiDocument(c *call) error {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(http.StatusOK)
	_, err := c.w.Write(document)
	return err
}
