package server

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// complaints are what the browser said was wrong.
type complaints struct {
	mu    sync.Mutex
	texts []string
}

func (c *complaints) listen(ev any) {
	var text string
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError || ev.Entry.Level == log.EntryLevelWarning {
			text = fmt.Sprintf("%s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			var b strings.Builder
			for _, a := range ev.Args {
				b.WriteString(" " + string(a.Value) + a.Description)
			}
			text = "console:" + b.String()
		}
	case *runtime.EventExceptionThrown:
		text = fmt.Sprintf("exception: %+v", ev.ExceptionDetails)
	}
	if text != "" {
		c.mu.Lock()
		c.texts = append(c.texts, text)
		c.mu.Unlock()
	}
}

// take gives the complaints and forgets them.
func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.texts
	c.texts = nil
	return all
}

// watch makes violations of the content security policy console errors too.
const watch = `addEventListener("securitypolicyviolation", (e) => console.error("csp", e.violatedDirective, e.blockedURI, e.sourceFile, e.lineNumber, e.sample));`

// browser starts Chromium, or skips the test when there is none.
func browser(t *testing.T, lang string, flags ...chromedp.ExecAllocatorOption) (context.Context, *complaints) {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium here: install the package chromium to run the tests of the console in a browser")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("no-first-run", true), chromedp.Flag("lang", lang),
		chromedp.Flag("accept-lang", lang), chromedp.WindowSize(1440, 900), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))
	opts = append(opts, flags...)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	said := &complaints{}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	if err := chromedp.Listen(ctx, said.listen); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: watch}); err != nil {
		t.Fatal(err)
	}
	return ctx, said
}

// action is one step in the browser.
type action = chromedp.Action[chromedp.Void]

// step runs actions and fails the test with its name.
func step(ctx context.Context, t *testing.T, name string, actions ...action) {
	t.Helper()
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(limited, actions...); err != nil {
		where, _ := chromedp.Run(ctx, chromedp.Location())
		text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.activeElement.id + " " + document.getElementById("q")?.value + "\n" + document.body.innerText.slice(0, 600)`))
		t.Fatalf("%s: %v\nat %s\n%s", name, err, where, text)
	}
}

// get reads a value from the page.
func get[T any](ctx context.Context, t *testing.T, js string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js))
	if err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return v
}

// do runs a script.
func do(js string) action { return chromedp.Evaluate[chromedp.Void](js) }

// until waits for a condition in the page, over navigations.
func until(js string) action {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		holds := chromedp.Evaluate[bool]("document.readyState === 'complete' && !!(" + js + ")")
		for {
			if ok, err := holds(ctx, target); err == nil && ok {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s: %w", js, ctx.Err())
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
}

func TestConsoleInBrowser(t *testing.T) {
	srv := newServer(t, true)
	ctx, said := browser(t, "en")
	quiet := func(t *testing.T) {
		t.Helper()
		for _, c := range said.take() {
			t.Errorf("the browser complains: %s", c)
		}
	}

	t.Run("search", func(t *testing.T) {
		defer quiet(t)
		step(ctx, t, "open", chromedp.Navigate(srv.URL+"/"), until(`document.querySelector("#histogram[data-drawn] canvas")`))
		step(ctx, t, "type", chromedp.KeyEvent("/"), until(`document.activeElement.id === "q"`),
			// A key made by chromedp is two events: its character comes although the page took the key.
			do(`document.getElementById("q").value = ""`), chromedp.KeyEvent("eventName:Conso"),
			until(`[...document.querySelectorAll("#suggestions .name")].some((s) => s.textContent.includes("ConsoleLogin"))`))
		step(ctx, t, "complete", chromedp.KeyEvent(kb.Tab), until(`document.getElementById("q").value.startsWith("eventName:ConsoleLogin")`))
		step(ctx, t, "run", chromedp.KeyEvent(kb.Escape), chromedp.Submit("#ask"), until(`new URL(location).searchParams.get("q")?.startsWith("eventName:ConsoleLogin") && document.getElementById("total")?.textContent === "60 events"`))
	})
	t.Run("keys", func(t *testing.T) {
		defer quiet(t)
		step(ctx, t, "down, down, open", chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), until(`document.querySelectorAll("#hits tbody tr")[1].classList.contains("here")`),
			chromedp.KeyEvent(kb.Enter), until(`location.pathname === "/event" && document.querySelector("#record .line")`))
		step(ctx, t, "sources", chromedp.KeyEvent("g"), chromedp.KeyEvent("s"), until(`location.pathname === "/sources" && document.querySelector("table")`))
		step(ctx, t, "coverage", chromedp.KeyEvent("g"), chromedp.KeyEvent("c"), until(`location.pathname === "/coverage" && document.querySelectorAll("table.map rect.gap").length === 3 && document.querySelectorAll("table.map path.skipped").length === 1`))
		step(ctx, t, "help", chromedp.KeyEvent("?"), until(`document.getElementById("help").open`))
	})
	t.Run("brush", func(t *testing.T) {
		defer quiet(t)
		step(ctx, t, "open", chromedp.Navigate(srv.URL+"/search"), until(`document.querySelector("#histogram[data-drawn] .u-over")`))
		box := get[[]float64](ctx, t, `(() => { const r = document.querySelector(".u-over").getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()`)
		y := box[1] + box[3]/2
		step(ctx, t, "drag", chromedp.DragAndDropXY(box[0]+box[2]*0.2, y, box[0]+box[2]*0.5, y),
			until(`new URL(location).searchParams.get("from") && new URL(location).searchParams.get("to") && document.getElementById("total")`))
		total := get[string](ctx, t, `document.getElementById("total").textContent`)
		var n int
		if _, err := fmt.Sscanf(total, "%d events", &n); err != nil || n < 50 || n > 130 {
			t.Errorf("after narrowing to about 30 %% of the time: %q", total)
		}
	})
	t.Run("facet", func(t *testing.T) {
		defer quiet(t)
		facet := `[...document.querySelectorAll('.facet[data-field="api.operation"] .value')].find((v) => v.textContent.includes("ListBuckets"))`
		step(ctx, t, "include", chromedp.Navigate(srv.URL+"/search?source=cloudtrail"), until(facet), do(facet+`.querySelector(".include").click()`),
			until(`new URL(location).searchParams.get("q") === "api.operation:ListBuckets" && document.getElementById("total").textContent === "59 events"`))
		step(ctx, t, "exclude", do(facet+`.querySelector(".exclude").click()`),
			until(`new URL(location).searchParams.get("q") === "NOT api.operation:ListBuckets" && document.getElementById("total").textContent === "181 events"`))
	})
	t.Run("detail and pivot", func(t *testing.T) {
		defer quiet(t)
		step(ctx, t, "open", chromedp.Navigate(srv.URL+"/search?q=eventID:00000000-0000-4000-8000-000000000007"), until(`document.querySelector("#hits tbody td.when a")`),
			chromedp.Click("#hits tbody td.when a"), until(`document.querySelector("#record .line") && document.querySelector("#observables li")`))
		text := get[string](ctx, t, `document.getElementById("main").innerText`)
		for _, want := range []string{"REQ000007", "Not proved", "198.51.100.3", "111122223333_CloudTrail_us-east-1_20261001T0005Z_0123456789abcdef.json.gz", "AKIAIOSFODNN7EXAMPLE"} {
			if !strings.Contains(text, want) {
				t.Errorf("the page of the event lacks %q", want)
			}
		}
		line := `[...document.querySelectorAll("#record .line")].find((l) => l.textContent.includes("bucketName"))`
		step(ctx, t, "pivot", do(line+`.querySelector(".pivots a:nth-child(3)").click()`),
			until(`new URL(location).searchParams.get("q") === "requestParameters.bucketName:reports-bob" && document.getElementById("total")?.textContent === "80 events"`))
		step(ctx, t, "around", chromedp.Click("#hits tbody td.when a"), until(`document.querySelector(".tabs")`),
			do(`[...document.querySelectorAll(".tabs a")].find((a) => a.textContent === "Events around").click()`),
			until(`document.querySelectorAll("#hits tr").length > 10 && document.querySelectorAll("#hits tr.self").length === 1`))
		step(ctx, t, "same identity", do(`[...document.querySelectorAll(".by a")].find((a) => a.textContent === "same identity").click()`),
			until(`new URL(location).searchParams.get("by") === "actor" && document.querySelectorAll("#hits tr").length > 10`))
	})
	t.Run("saved search", func(t *testing.T) {
		defer quiet(t)
		step(ctx, t, "save", chromedp.Navigate(srv.URL+"/search?q=errorCode:AccessDenied&from=2026-10-01"), chromedp.Click("details.saved summary"),
			chromedp.SendKeys("#save-name", "denied <i>calls</i>"), chromedp.Click(`button[form=save]`),
			until(`document.querySelector("details.saved summary").textContent === "★ denied <i>calls</i>"`))
		step(ctx, t, "open", chromedp.Navigate(srv.URL+"/search"), chromedp.Click("details.saved summary"), chromedp.Click("details.saved li a"),
			until(`new URL(location).searchParams.get("q") === "errorCode:AccessDenied" && new URL(location).searchParams.get("from") === "2026-10-01"`))
		step(ctx, t, "delete", chromedp.Click("details.saved summary"), chromedp.Click("details.saved li button"),
			until(`document.readyState === "complete" && !document.querySelector("details.saved li")`))
	})
	t.Run("hostile", func(t *testing.T) {
		defer quiet(t)
		id := "00000000-0000-4000-8000-000000000100"
		for _, path := range []string{
			"/search?q=eventID:" + id, "/search?fields=userAgent,eventName&facets=userAgent&q=userAgent:*script*", "/event?id=" + id, "/event?view=raw&id=" + id,
			"/event?view=ocsf&id=" + id, "/event?view=native&id=" + id, "/event?view=around&id=" + id, "/sources",
			"/sql?sql=" + "SELECT+eventname,useragent+FROM+cloudtrail+WHERE+useragent+LIKE+'%25script%25'", "/search?q=" + "%3Cscript%3Ewindow.pwned=3%3C/script%3E",
		} {
			step(ctx, t, path, chromedp.Navigate(srv.URL+path), until(`document.getElementById("main")`), chromedp.Sleep(100*time.Millisecond))
			pwned, foreign := get[bool](ctx, t, `"pwned" in window`), get[int](ctx, t, `document.querySelectorAll("#main script, #main img, #main b, #main i").length`)
			if pwned || foreign > 0 {
				t.Errorf("%s: text of a record became part of the page (script ran: %v, elements: %d)", path, pwned, foreign)
			}
		}
		step(ctx, t, "bidi", chromedp.Navigate(srv.URL+"/event?id=00000000-0000-4000-8000-000000000101"), until(`document.getElementById("main")`))
		text := get[string](ctx, t, `document.getElementById("main").innerText`)
		if strings.ContainsAny(text, "\u202e\u200b") || !strings.Contains(text, "⟨U+202E⟩") {
			t.Error("characters that reorder or hide text are not shown as such")
		}
	})
	t.Run("sql", func(t *testing.T) {
		defer quiet(t)
		step(ctx, t, "run", chromedp.Navigate(srv.URL+"/sql"), chromedp.SendKeys("#sql", "SELECT count(*) AS n FROM cloudtrail"),
			chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)), until(`document.querySelector("#result td")?.textContent === "240"`))
	})
	t.Run("wrong query", func(t *testing.T) {
		step(ctx, t, "open", chromedp.Navigate(srv.URL+"/search?q=eventNam:x"), until(`document.querySelector(".failure .caret")?.textContent.includes("\n^")`))
		for _, c := range said.take() {
			if !strings.Contains(c, "status of 400") {
				t.Errorf("the browser complains: %s", c)
			}
		}
	})
}

func TestConsoleInJapanese(t *testing.T) {
	srv := newServer(t, true)
	ctx, said := browser(t, "ja")
	step(ctx, t, "open", chromedp.Navigate(srv.URL+"/search?q=eventName:ConsoleLogin"), until(`document.querySelector("#hits tbody tr")`))
	text, lang := get[string](ctx, t, "document.body.innerText"), get[string](ctx, t, "document.documentElement.lang")
	if lang != "ja" || !strings.Contains(text, "60 件") || !strings.Contains(text, "カバレッジ") {
		t.Errorf("the page is in %q, not Japanese:\n%.400s", lang, text)
	}
	step(ctx, t, "to English and kept", chromedp.Click(`.prefs a[hreflang=en]`), until(`document.documentElement.lang === "en"`),
		chromedp.Navigate(srv.URL+"/sources"), until(`document.documentElement.lang === "en"`))
	for _, c := range said.take() {
		t.Errorf("the browser complains: %s", c)
	}
}

// TestZoneOfTheBrowser holds that times on screen are those of the browser's
// zone, and say so.
func TestZoneOfTheBrowser(t *testing.T) {
	srv := newServer(t, true)
	ctx, said := browser(t, "en", chromedp.Env("TZ=Asia/Tokyo"))
	step(ctx, t, "open", chromedp.Navigate(srv.URL+"/search?q=eventID:00000000-0000-4000-8000-000000000000"),
		until(`document.documentElement.dataset.zone === "Asia/Tokyo" && document.querySelector("#hits time")?.textContent === "2026-10-01 09:00:00"`))
	step(ctx, t, "UTC", chromedp.Click(".zone a"), until(`document.querySelector("#hits time")?.textContent === "2026-10-01 00:00:00"`))
	for _, c := range said.take() {
		t.Errorf("the browser complains: %s", c)
	}
}
