package server

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestFindingsInBrowser(t *testing.T) {
	base := findingServer(t)
	ctx, said := browser(t, "en", chromedp.Env("TZ=Asia/Tokyo"))
	quiet := func(t *testing.T) {
		t.Helper()
		for _, c := range said.take() {
			t.Errorf("the browser complains: %s", c)
		}
	}

	t.Run("keys", func(t *testing.T) {
		defer quiet(t)
		step(ctx, t, "from the search to the list", chromedp.Navigate(base+"/search"), until(`document.querySelector("#histogram[data-drawn] canvas")`),
			chromedp.KeyEvent("g"), chromedp.KeyEvent("f"), until(`location.pathname === "/findings" && document.querySelectorAll("#hits tbody tr").length === 4`))
		step(ctx, t, "the first tab stop skips the navigation", chromedp.KeyEvent(kb.Tab), until(`document.activeElement.className === "skip"`))
		step(ctx, t, "down, down, open", chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), until(`document.querySelectorAll("#hits tbody tr")[1].classList.contains("here")`),
			chromedp.KeyEvent(kb.Enter), until(`location.pathname === "/findings/aa01" && document.querySelector("#events")`))
		step(ctx, t, "to its event and back", chromedp.KeyEvent("j"), chromedp.KeyEvent(kb.Enter), until(`location.pathname === "/event" && document.querySelector("#citing a")`),
			chromedp.Click(`#citing a[href^="/findings/aa01"]`), until(`location.pathname === "/findings/aa01"`))
		step(ctx, t, "up to the list", chromedp.KeyEvent("u"), until(`location.pathname === "/findings"`))
	})
	t.Run("severity is a word and the zone is told", func(t *testing.T) {
		defer quiet(t)
		step(ctx, t, "open", chromedp.Navigate(base+"/findings"), until(`document.documentElement.dataset.zone === "Asia/Tokyo" && document.querySelector("#hits")`))
		rows := get[[]string](ctx, t, `[...document.querySelectorAll("#hits tbody tr")].map((r) => r.innerText)`)
		for i, want := range []string{"Critical", "High", "Medium", "Low"} {
			if !strings.HasPrefix(rows[i], want) {
				t.Errorf("row %d begins %.20q, not with %s", i, rows[i], want)
			}
		}
		// The event of ten past one in UTC.
		if !strings.Contains(rows[1], "2026-10-01 10:10:00") || !strings.Contains(get[string](ctx, t, `document.querySelector("#hits thead").innerText`), "Asia/Tokyo") {
			t.Errorf("not the time of the browser's zone, or it is not named: %q", rows[1])
		}
	})
	t.Run("filters", func(t *testing.T) {
		defer quiet(t)
		step(ctx, t, "suppressed too", chromedp.Click(`input[name=all]`), chromedp.Click(`form.range button`),
			until(`new URL(location).searchParams.get("all") === "true" && document.querySelectorAll("#hits tbody tr").length === 6 && document.querySelector(".hushed")`))
		step(ctx, t, "high", do(`[...document.querySelectorAll(".severities a")].find((a) => a.innerText.startsWith("High")).click()`),
			until(`new URL(location).searchParams.get("severity") === "high" && new URL(location).searchParams.get("all") === "true" && document.querySelectorAll("#hits tbody tr").length === 3`))
		step(ctx, t, "one subject", chromedp.Click(`#hits td.who a`), until(`new URL(location).searchParams.get("subject")?.endsWith("user/bob") && document.querySelectorAll("#hits tbody tr").length === 3`))
	})
	t.Run("sequence", func(t *testing.T) {
		defer quiet(t)
		step(ctx, t, "open", chromedp.Navigate(base+"/findings/aa07"), until(`document.querySelectorAll(".steps li").length === 2`))
		step(ctx, t, "first step", chromedp.Click(`.steps a`), until(`location.pathname === "/findings/aa01" && document.querySelector(".warning a")?.pathname === "/findings/aa07"`))
	})
	t.Run("hostile", func(t *testing.T) {
		defer quiet(t)
		for _, path := range []string{"/findings?all=true&severity=informational", "/findings/aa01", "/findings/aa02", "/findings/aa02?lang=ja", "/findings/aa03", "/findings?subject=" + url.QueryEscape(scripted)} {
			step(ctx, t, path, chromedp.Navigate(base+path), until(`document.getElementById("main")`), chromedp.Sleep(100*time.Millisecond))
			pwned, foreign := get[bool](ctx, t, `"pwned" in window`), get[int](ctx, t, `document.querySelectorAll("#main script, #main img, #main b, #main i, a[href^=javascript]").length`)
			if pwned || foreign > 0 {
				t.Errorf("%s: text of a finding became part of the page (script ran: %v, elements: %d)", path, pwned, foreign)
			}
			if text := get[string](ctx, t, `document.body.innerText + document.title`); strings.ContainsAny(text, "\u202e\u200b\x1b") {
				t.Errorf("%s: characters that reorder or hide text are not shown as such", path)
			}
		}
	})
	t.Run("narrow", func(t *testing.T) {
		defer quiet(t)
		for _, path := range []string{"/findings?all=true&lang=en", "/findings?all=true&lang=ja", "/findings/aa01?lang=en", "/findings/aa02?lang=en", "/findings/aa07?lang=ja", "/findings?severity=critical&rule=none&lang=en"} {
			step(ctx, t, path, chromedp.EmulateViewport(360, 740), chromedp.Navigate(base+path), until(`document.getElementById("main")`))
			if w := get[int](ctx, t, `Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)`); w > 360 {
				wide := get[[]string](ctx, t, `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 361 && !e.closest(".scroll, .top nav")).map((e) => e.outerHTML.slice(0, 120))`)
				t.Errorf("%s: the page is %d pixels wide on a screen of 360: %q", path, w, wide)
			}
		}
	})
}
