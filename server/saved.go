package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/store"
)

// savedBody is a saved search in JSON.
type savedBody struct {
	ID      int64      `json:"id,omitempty"`
	Name    string     `json:"name"`
	Query   string     `json:"query"`
	From    string     `json:"from"`
	To      string     `json:"to"`
	Sources []string   `json:"sources"`
	Fields  []string   `json:"fields"`
	Created *time.Time `json:"created,omitempty"`
	Updated *time.Time `json:"updated,omitempty"`
}

func savedOf(s store.Search) savedBody {
	return savedBody{s.ID, s.Name, s.Query, s.From, s.To, orEmpty(s.Sources), orEmpty(s.Fields), &s.Created, &s.Updated}
}

func orEmpty(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

// valid checks what is to be saved: a search that cannot run is not kept.
func (d *desk) valid(c *call, b savedBody) (store.Search, error) {
	s := store.Search{Name: strings.TrimSpace(b.Name), Query: b.Query, From: b.From, To: b.To, Sources: b.Sources, Fields: b.Fields}
	if s.Name == "" || utf8.RuneCountInString(s.Name) > 120 || !utf8.ValidString(s.Name) {
		return s, bad("name", "a name has 1 to 120 characters", "give it a short name")
	}
	if _, err := query.Parse(s.Query); err != nil {
		return s, queryFailure("query", c.lang, err)
	}
	if _, _, err := c.span(s.From, s.To); err != nil {
		return s, err
	}
	for _, name := range s.Sources {
		if d.schemas[name] == nil {
			return s, bad("sources", fmt.Sprintf("there is no source %q", name), "the sources are: "+strings.Join(d.sourceNames(), ", "))
		}
	}
	if len(s.Fields) > 50 || slices.ContainsFunc(s.Fields, func(f string) bool { return f == "" || len(f) > 500 || strings.Contains(f, ",") }) {
		return s, bad("fields", "a name of a field is missing, too long or has a comma, or there are more than 50", "give an array of names")
	}
	return s, nil
}

func (d *desk) apiSavedList(c *call) error {
	all, err := d.Store.Searches(c.ctx())
	if err != nil {
		return err
	}
	out := []savedBody{}
	for _, s := range all {
		out = append(out, savedOf(s))
	}
	return c.reply(map[string]any{"saved": out})
}

func (d *desk) apiSavedAdd(c *call) error {
	var b savedBody
	if err := c.body(&b); err != nil {
		return err
	}
	s, err := d.valid(c, b)
	if err != nil {
		return err
	}
	if s, err = d.Store.AddSearch(c.ctx(), s, c.now); err != nil {
		return err
	}
	c.w.Header().Set("Location", "/api/v1/saved/"+strconv.FormatInt(s.ID, 10))
	writeJSON(c.w, http.StatusCreated, savedOf(s))
	return nil
}

func (c *call) savedID() (int64, error) {
	id, err := strconv.ParseInt(c.r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, store.ErrNotFound
	}
	return id, nil
}

func (d *desk) apiSavedGet(c *call) error {
	id, err := c.savedID()
	if err != nil {
		return err
	}
	s, err := d.Store.Search(c.ctx(), id)
	if err != nil {
		return err
	}
	return c.reply(savedOf(s))
}

func (d *desk) apiSavedPut(c *call) error {
	id, err := c.savedID()
	if err != nil {
		return err
	}
	var b savedBody
	if err := c.body(&b); err != nil {
		return err
	}
	s, err := d.valid(c, b)
	if err != nil {
		return err
	}
	s.ID = id
	if s, err = d.Store.ReplaceSearch(c.ctx(), s, c.now); err != nil {
		return err
	}
	return c.reply(savedOf(s))
}

func (d *desk) apiSavedDelete(c *call) error {
	id, err := c.savedID()
	if err != nil {
		return err
	}
	if err := d.Store.DeleteSearch(c.ctx(), id); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// pageSave keeps the search of the page's form.
func (d *desk) pageSave(c *call) error {
	if err := c.r.ParseForm(); err != nil {
		return bad("body", "the form cannot be read", "use the form of the search page")
	}
	form := c.r.PostForm
	split := func(name string) []string {
		return slices.DeleteFunc(strings.Split(form.Get(name), ","), func(s string) bool { return s == "" })
	}
	s, err := d.valid(c, savedBody{
		Name: form.Get("name"), Query: form.Get("q"), From: form.Get("from"), To: form.Get("to"), Sources: split("source"), Fields: split("fields"),
	})
	if err != nil {
		return err
	}
	if s, err = d.Store.AddSearch(c.ctx(), s, c.now); err != nil {
		return err
	}
	where := state{url.Values{}}.set("q", s.Query, "from", s.From, "to", s.To, "source", strings.Join(s.Sources, ","), "fields", strings.Join(s.Fields, ","))
	http.Redirect(c.w, c.r, where.with(), http.StatusSeeOther)
	return nil
}

// pageForget deletes a saved search and goes back to the search page.
func (d *desk) pageForget(c *call) error {
	if err := c.r.ParseForm(); err != nil {
		return bad("body", "the form cannot be read", "use the form of the search page")
	}
	id, err := strconv.ParseInt(c.r.PostForm.Get("id"), 10, 64)
	if err != nil {
		return store.ErrNotFound
	}
	if err := d.Store.DeleteSearch(c.ctx(), id); err != nil {
		return err
	}
	back := "/search"
	if u, err := url.Parse(c.r.PostForm.Get("back")); err == nil && u.Path == "/search" {
		back = link("/search", u.Query()) // Only the path of this page, whatever else was sent.
	}
	http.Redirect(c.w, c.r, back, http.StatusSeeOther)
	return nil
}
