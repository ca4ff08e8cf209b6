package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/store"
)

// failure is an answer that says what is wrong, where, and what to do.
type failure struct {
	status           int
	code             string // stable; texts of the console go by it
	what, where, fix string
	query            *query.Error // set when a query is wrong
	param            string       // the parameter it stands in
	err              error        // cause, for the log
}

// Error gives what and where.
func (f *failure) Error() string {
	if f.where == "" {
		return f.what
	}
	return f.where + ": " + f.what
}

// Unwrap gives the cause.
func (f *failure) Unwrap() error { return f.err }

// bad is a request that is wrong.
func bad(param, what, fix string) *failure {
	return &failure{status: http.StatusBadRequest, code: "bad-parameter", what: what, where: "parameter " + param, fix: fix, param: param}
}

// queryFailure is a query, or a time, that is wrong.
func queryFailure(param, lang string, err error) error {
	var q *query.Error
	if !errors.As(err, &q) {
		return err
	}
	// The line and the caret; message and hint stand apart.
	lines := strings.SplitN(q.Text(lang), "\n", 3)
	return &failure{
		status: http.StatusBadRequest, code: q.Code, what: q.Message(lang), where: strings.Join(lines[:min(len(lines), 2)], "\n"), fix: q.Hint(lang),
		query: q, param: param,
	}
}

// explain turns any error into a failure.
func explain(err error) *failure {
	var f *failure
	var refused *lake.Refused
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &refused):
		return &failure{
			status: http.StatusBadRequest, code: "refused", what: refused.Reason, where: "sql",
			fix: "select from events or a source's view; only SELECT is allowed", err: err,
		}
	case errors.As(err, &tooLarge):
		return &failure{status: http.StatusRequestEntityTooLarge, code: "too-large", what: "the body is larger than 1 MiB", where: "body", fix: "send less", err: err}
	case errors.Is(err, lake.ErrNotFound):
		return &failure{
			status: http.StatusNotFound, code: "not-found", what: "the lake has no such event or object",
			fix: "retention may have removed it; see /sources for what is there", err: err,
		}
	case errors.Is(err, store.ErrNotFound):
		return &failure{status: http.StatusNotFound, code: "not-found", what: "there is no such saved search", fix: "list them with GET /api/v1/saved", err: err}
	case errors.Is(err, store.ErrExists):
		return &failure{status: http.StatusConflict, code: "name-taken", what: "a saved search of this name exists", where: "name", fix: "choose another name, or change that search", err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &failure{
			status: http.StatusGatewayTimeout, code: "timeout", what: "the answer took too long",
			fix: "narrow the time range or the query", err: err,
		}
	case errors.Is(err, context.Canceled):
		return &failure{status: 499, code: "canceled", what: "the request was given up", err: err}
	}
	return &failure{
		status: http.StatusInternalServerError, code: "internal", what: "the lake could not answer: " + err.Error(),
		fix: "run `yagura lake check`; the server's log says more", err: err,
	}
}

type errorBody struct {
	Error errorDetail `json:"error"`
}

type errorDetail struct {
	Code   string `json:"code"`
	What   string `json:"what"`
	Where  string `json:"where"`
	Fix    string `json:"fix"`
	Column int    `json:"column,omitempty"` // of a query, in characters from 1
}

func writeFailure(w http.ResponseWriter, f *failure) {
	body := errorBody{errorDetail{Code: f.code, What: f.what, Where: f.where, Fix: f.fix}}
	if f.query != nil {
		body.Error.Column = f.query.Column
	}
	writeJSON(w, f.status, body)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(true)
	_ = enc.Encode(v) // A reader that has gone cannot be told.
}
