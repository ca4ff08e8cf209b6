package crs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Ordinary traffic: what people and programs send to sites that nobody attacks. All
// texts are written for this test; a seed chooses among them and varies them.

var englishSentences = []string{
	"I ordered two of these last week; they arrived on Tuesday, and I couldn't be happier.",
	"The battery doesn't last as long as they said it would, but the screen is lovely!",
	"Don't select this size if you're between sizes - the fit is tight from the shoulder down.",
	"My daughter's room is warm now, and she says: \"it's the best present ever\".",
	"Please update my address from 12 Mill Lane to 7 Station Road, thanks.",
	"We'd like to join the tour on Friday where lunch is included, or the one on Sunday.",
	"Would you drop the table off at the back door? There's a step, so bring two people.",
	"A union of teachers and parents will select the new head from three people.",
	"Is it true that 1 = 1? My son asked this and I had no answer; maths isn't my thing...",
	"The manual says \"insert into the slot\" but there are no slots on mine.",
	"Great value & quick delivery. 10/10 would buy again (and again, and again).",
	"He said that he'd have it fixed by Monday, yet it's Thursday and nothing's happened.",
	"Delete the old app first, then install the new one, or it won't start.",
	"Having tried all the others, I'd say this one's the most comfortable by far.",
	"Order by phone if you can: the queue's shorter before 9 and after 17.",
	"What is the price for groups of 20-30? We have about $500, i.e. £400.",
	"Execute the plan, not the team: that's what our coach always says.",
	"The concert (see https://tickets.example.org/e/2211?ref=mail&lang=en) was sold out in 3 minutes.",
	"Cats > dogs, and I will not be taking questions; dogs are <3 too though.",
	"Set the oven to 180C/350F; bake for 25-30 min; let it cool; serve with cream.",
	"I wouldn't recommend this to anyone with small children or a cat, or both!",
	"From now on we'll create a report where each region is grouped by month.",
	"Let me know if there's anything else you need. Kind regards, Anna O'Brien",
	"The update was released on 2024-11-03 at 14:05, wasn't it? Mine still shows v2.3.1.",
	"If the cost is more than 50% of the price, then let's look for another one.",
	"There are 3 things I like: the colour, the size, and the way it's packed.",
}

var japaneseSentences = []string{
	"先週注文した靴が届きました。とても軽くて、歩きやすいです。",
	"サイズが少し小さかったので、交換をお願いできますか？",
	"配送が早くて助かりました！また利用したいと思います。",
	"説明書には「電源を入れる」とありますが、ボタンが見つかりません。",
	"値段は3,980円（税込）で、この品質なら満足です。",
	"子どもの誕生日プレゼントに購入しました。喜んでくれて嬉しいです♪",
	"来週の火曜日、午後2時から会議室Bで打ち合わせを行います。",
	"お世話になっております。株式会社サンプルの田中です。",
	"資料を添付しましたので、ご確認のほどよろしくお願いいたします。",
	"色は写真より少し濃いめ；でも気に入っています。",
	"質問があります。100個以上の注文で、割引はありますか？",
	"アプリを更新したら、起動しなくなりました……どうすればいいでしょうか。",
	"京都の紅葉は11月下旬が見頃です。早めの予約をおすすめします。",
	"駅から徒歩5分、バス停「中央公園前」のすぐ近くです。",
	"ログインできない場合は、パスワードの再設定をお試しください。",
	"「また来たい」と思える、温かい雰囲気のお店でした。",
	"ﾊﾝｶｸの文字も使えますか？ＡＢＣや①②③も表示されません。",
	"データの出力形式はCSVとExcel(.xlsx)の両方に対応しています。",
}

var snippets = map[string][]string{
	"go": {
		"package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() {\n\tif len(os.Args) < 2 {\n\t\tfmt.Println(\"usage: count FILE\")\n\t\tos.Exit(2)\n\t}\n\tfor i, a := range os.Args[1:] {\n\t\tfmt.Printf(\"%d: %s\\n\", i, a)\n\t}\n}\n",
		"rows, err := db.Query(`SELECT id, name FROM users WHERE age > $1 ORDER BY name`, 18)\nif err != nil {\n\treturn nil, fmt.Errorf(\"users: %w\", err)\n}\ndefer rows.Close()\n",
		"cmd := exec.Command(\"ls\", \"-l\", \"/tmp\")\nout, err := cmd.Output()\n",
	},
	"python": {
		"import os\nfrom pathlib import Path\n\ndef sizes(folder):\n    for path in Path(folder).rglob('*.txt'):\n        yield path.name, os.path.getsize(path)\n\nif __name__ == '__main__':\n    print(dict(sizes('notes')))\n",
		"df = pd.read_csv('sales.csv')\ndf['total'] = df['qty'] * df['price']\nprint(df.groupby('region').sum())\n",
		"import subprocess\nresult = subprocess.run(['git', 'status'], capture_output=True, text=True)\nprint(eval('1 + 1'), result.stdout)\n",
	},
	"sql": {
		"SELECT c.name, COUNT(*) AS orders\nFROM customers c\nJOIN orders o ON o.customer_id = c.id\nWHERE o.created_at >= '2024-01-01'\nGROUP BY c.name\nHAVING COUNT(*) > 5\nORDER BY orders DESC;\n",
		"CREATE TABLE products (\n  id SERIAL PRIMARY KEY,\n  name TEXT NOT NULL,\n  price NUMERIC(10, 2) DEFAULT 0\n);\nINSERT INTO products (name, price) VALUES ('lamp', 19.95), ('mug', 7.50);\n",
		"SELECT id FROM a UNION ALL SELECT id FROM b; -- both lists\nDROP TABLE IF EXISTS temp_ids;\n",
	},
	"html": {
		"<!doctype html>\n<html lang=\"en\">\n<head><title>Hello</title><script src=\"app.js\"></script></head>\n<body onload=\"start()\"><p>Hello</p><img src=\"a.png\" alt=\"A\"></body>\n</html>\n",
		"<form action=\"/search\" method=\"get\"><input name=\"q\" type=\"search\"><button>Go</button></form>\n<iframe src=\"https://maps.example.org/embed\"></iframe>\n",
		"<style>p { color: red }</style>\n<a href=\"javascript:void(0)\" onclick=\"show('more')\">more</a>\n",
	},
	"shell": {
		"#!/bin/bash\nset -euo pipefail\nfor f in *.log; do\n  gzip -9 \"$f\" && echo \"done: $f\"\ndone\n",
		"curl -fsSL https://get.example.org/install.sh | sh\nexport PATH=\"$HOME/bin:$PATH\"\n",
		"cat /etc/passwd | cut -d: -f1 | sort > users.txt\nsudo apt-get update && sudo apt-get install -y nginx\n",
		"docker run --rm -v \"$PWD\":/src -w /src alpine sh -c 'ls -la; id'\n",
	},
}

var markdowns = []string{
	"# Release notes\n\n* fixed: the list didn't scroll\n* new: **dark mode**\n\nSee [the guide](https://docs.example.org/guide?id=7#setup).\n",
	"## How to build\n\n1. Install `make` and `gcc`.\n2. Run:\n\n```sh\nmake all\n./bin/app --help\n```\n\n> Note: it won't work on Windows.\n",
	"| name | price |\n|---|---|\n| lamp | 19.95 |\n| mug | 7.50 |\n\n![photo](/img/lamp.png)\n\n---\n",
	"### 議事録\n\n- 日時：2024年11月5日\n- 参加者：田中、鈴木\n\n次回は[こちら](https://example.jp/予定)を参照。\n",
	"Use `SELECT * FROM logs LIMIT 10` to look at the table; then `WHERE level = 'error'`.\n\n<details><summary>More</summary>\n\nText.\n\n</details>\n",
}

// world makes ordinary requests.
type world struct {
	r *rand.Rand
	n int
}

func choose[T any](w *world, list []T) T { return list[w.r.IntN(len(list))] }

func (w *world) prose(sentences []string) string {
	var b strings.Builder
	for i := range 1 + w.r.IntN(5) {
		if i > 0 {
			_, _ = b.WriteString(choose(w, []string{" ", " ", "\n", "\r\n\r\n"}))
		}
		_, _ = b.WriteString(choose(w, sentences))
	}
	return b.String()
}

func (w *world) base64(n int) string {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(w.r.IntN(256))
	}
	return base64.RawURLEncoding.EncodeToString(p)
}

func (w *world) uuid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", w.r.Uint32(), w.r.IntN(1<<16), w.r.IntN(1<<12), w.r.IntN(1<<12), w.r.Uint64()&(1<<48-1))
}

func (w *world) jwt() string {
	claims := fmt.Sprintf(`{"sub":"%s","iat":%d,"scope":"read write"}`, w.uuid(), 1700000000+w.r.IntN(1<<24))
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + w.base64(64)
}

func (w *world) date() string {
	return fmt.Sprintf("2024-%02d-%02dT%02d:%02d:%02d.%03dZ", 1+w.r.IntN(12), 1+w.r.IntN(28), w.r.IntN(24), w.r.IntN(60), w.r.IntN(60), w.r.IntN(1000))
}

func (w *world) request(method, uri, kind string, body []byte, more ...yagura.Header) *yagura.Request {
	w.n++
	headers := append([]yagura.Header{}, browser...)
	headers[len(headers)-1].Value = fmt.Sprintf("session=%s; theme=dark; _ga=GA1.2.%d.%d; consent=%s", w.base64(24), w.r.Uint32(), w.r.Uint32(), url.QueryEscape(`{"ads":false,"stats":true}`))
	headers = append(headers, more...)
	if method != "GET" {
		headers = append(headers, yagura.Header{Name: "Content-Type", Value: kind}, yagura.Header{Name: "Content-Length", Value: fmt.Sprint(len(body))},
			yagura.Header{Name: "Origin", Value: "https://shop.example.com"})
	}
	return &yagura.Request{
		ID: fmt.Sprint("ordinary-", w.n), Method: method, URI: uri, Version: "HTTP/1.1", Client: netip.MustParseAddr("192.0.2.10"),
		Headers: headers, Body: body, BodySize: int64(len(body)),
	}
}

func (w *world) form(path string, pairs ...string) *yagura.Request {
	var parts []string
	for i := 0; i+1 < len(pairs); i += 2 {
		parts = append(parts, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
	}
	return w.request("POST", path, "application/x-www-form-urlencoded", []byte(strings.Join(parts, "&")))
}

func (w *world) json(path string, value any) *yagura.Request {
	text, _ := json.Marshal(value) // Maps and texts.
	return w.request("POST", path, "application/json", text, yagura.Header{Name: "Authorization", Value: "Bearer " + w.jwt()})
}

type object = map[string]any

// ordinary are the kinds of traffic.
var ordinary = map[string]func(w *world) *yagura.Request{
	"comment, English": func(w *world) *yagura.Request {
		return w.form("/articles/12/comments", "name", choose(w, []string{"Anna O'Brien", "J. D'Angelo", "Li Wei", "Zoë"}), "email", "anna@example.org", "comment", w.prose(englishSentences), "csrf_token", w.base64(32))
	},
	"comment, Japanese": func(w *world) *yagura.Request {
		return w.form("/articles/12/comments", "name", choose(w, []string{"田中 太郎", "さくら", "ｼﾞｮﾝ"}), "email", "taro@example.jp", "comment", w.prose(japaneseSentences), "csrf_token", w.base64(32))
	},
	"review": func(w *world) *yagura.Request {
		return w.json("/api/reviews", object{"product": w.r.IntN(99999), "stars": 1 + w.r.IntN(5), "title": choose(w, englishSentences), "text": w.prose(englishSentences), "photos": []string{}, "at": w.date()})
	},
	"review, Japanese": func(w *world) *yagura.Request {
		return w.json("/api/reviews", object{"product": w.r.IntN(99999), "stars": 5, "title": choose(w, japaneseSentences), "text": w.prose(japaneseSentences), "at": w.date()})
	},
	"e-mail": func(w *world) *yagura.Request {
		return w.form("/mail/send", "to", "\"Tanaka, Taro\" <taro@example.jp>, anna@example.org", "subject", "Re: "+choose(w, englishSentences), "body",
			"Hi Taro,\r\n\r\n"+w.prose(englishSentences)+"\r\n\r\nOn Mon, 4 Nov 2024 at 10:12, Taro wrote:\r\n> "+choose(w, englishSentences)+"\r\n>\r\n> "+choose(w, japaneseSentences)+"\r\n\r\n-- \r\nAnna")
	},
	"code in a wiki": func(w *world) *yagura.Request {
		language := choose(w, []string{"go", "python", "sql", "html", "shell"})
		return w.form("/wiki/edit/"+language, "title", "Notes on "+language, "content", w.prose(englishSentences)+"\n\n"+choose(w, snippets[language]), "summary", "an example")
	},
	"code by an API": func(w *world) *yagura.Request {
		language := choose(w, []string{"go", "python", "sql", "html", "shell"})
		return w.json("/api/wiki/pages", object{"title": language, "format": "markdown", "content": "```" + language + "\n" + choose(w, snippets[language]) + "```\n", "tags": []string{language, "howto"}})
	},
	"Markdown": func(w *world) *yagura.Request {
		return w.form("/wiki/edit/notes", "title", "Notes", "content", choose(w, markdowns)+"\n"+w.prose(englishSentences), "summary", choose(w, englishSentences))
	},
	"Markdown by an API": func(w *world) *yagura.Request {
		return w.json("/api/wiki/pages", object{"title": "議事録", "content": choose(w, markdowns) + w.prose(japaneseSentences), "parent": w.uuid()})
	},
	"GraphQL": func(w *world) *yagura.Request {
		return w.json("/graphql", object{
			"operationName": "Orders", "variables": object{"first": 20, "after": w.base64(18), "filter": object{"status": []string{"OPEN", "PAID"}, "q": choose(w, englishSentences)}},
			"query": "query Orders($first: Int!, $after: String, $filter: OrderFilter) {\n  orders(first: $first, after: $after, filter: $filter) {\n    edges { node { id total { amount currency } items { sku qty } } }\n    pageInfo { hasNextPage endCursor }\n  }\n}\n",
		})
	},
	"API": func(w *world) *yagura.Request {
		return w.json("/api/v2/events", object{
			"id": w.uuid(), "at": w.date(), "token": w.jwt(), "callback": "https://partner.example.org/hooks/" + w.base64(9) + "?v=2&sig=" + w.base64(32),
			"payload": base64.StdEncoding.EncodeToString([]byte(w.prose(englishSentences))), "nested": object{"a": []any{1, 2.5, nil, true, object{"deep": object{"er": []string{w.uuid(), w.uuid()}}}}},
			"agent": "MyApp/3.2 (iPhone; iOS 18.1)", "geo": []float64{35.6812, 139.7671}, "path": "images/2024/11/" + w.uuid() + ".jpg",
		})
	},
	"PATCH": func(w *world) *yagura.Request {
		r := w.json("/api/users/"+w.uuid(), []object{{"op": "replace", "path": "/profile/name", "value": "O'Neil & Söhne"}, {"op": "add", "path": "/tags/-", "value": choose(w, englishSentences)}})
		return r
	},
	"upload": (*world).upload,
	"search": func(w *world) *yagura.Request {
		q := choose(w, []string{
			"blue shoes -leather", "\"exact phrase\" site:example.org", "c++ map insert", "rock'n'roll t-shirt", "price < 50", "what's new in 2024", "select or drop down menu",
			"union jack flag", "AND OR NOT", "女の子 靴 16cm", "カフェ＆レストラン 東京", "how to delete a table in word", "50% off", "a=b", "node.js vs. go", "o'reilly book: sql for beginners", "men's XL (tall)", "3/8 inch bolt", "$100 gift",
		})
		return w.request("GET", "/search?q="+url.QueryEscape(q)+"&page="+fmt.Sprint(1+w.r.IntN(9))+"&sort=-created_at&filter%5Bcolor%5D%5B%5D=red&filter%5Bprice%5D=10..50", "", nil)
	},
	"OAuth": func(w *world) *yagura.Request {
		if w.r.IntN(2) == 0 {
			return w.request("GET", "/oauth/authorize?response_type=code&client_id="+w.uuid()+"&redirect_uri="+url.QueryEscape("https://app.example.com/callback?next=/home")+"&scope="+url.QueryEscape("openid profile email offline_access")+"&state="+w.base64(24)+"&code_challenge="+w.base64(32)+"&code_challenge_method=S256&nonce="+w.base64(16), "", nil)
		}
		return w.request("GET", "/callback?code="+w.base64(48)+"&state="+w.base64(24)+"&iss="+url.QueryEscape("https://login.example.com/realms/main")+"&session_state="+w.uuid(), "", nil)
	},
	"beacon": func(w *world) *yagura.Request {
		if w.r.IntN(2) == 0 {
			return w.request("GET", "/collect?v=1&tid=UA-12345-6&cid="+fmt.Sprint(w.r.Uint32())+"&t=pageview&dl="+url.QueryEscape("https://shop.example.com/catalogue/shoes?page=2&utm_source=mail&utm_campaign=spring_sale")+"&dt="+url.QueryEscape("Shoes | Shop")+"&sr=1920x1080&vp=1200x800&je=0&_u=AACAAEABAAAAACAAI~&z="+fmt.Sprint(w.r.Uint32()), "", nil)
		}
		return w.json("/rum", object{"type": "vitals", "lcp": 1234.5, "cls": 0.01, "url": "https://shop.example.com/?gclid=" + w.base64(40), "error": "TypeError: Cannot read properties of undefined (reading 'length')", "stack": "at render (https://shop.example.com/static/app.3f2a.js:1:2345)\n    at Object.next"})
	},
	"Japanese path": func(w *world) *yagura.Request {
		return w.request("GET", "/"+url.PathEscape(choose(w, []string{"商品", "お知らせ", "カテゴリー"}))+"/"+url.PathEscape(choose(w, []string{"靴・ブーツ", "秋冬コレクション", "よくある質問"}))+"?"+url.QueryEscape("並び順")+"="+url.QueryEscape("新着順")+"&q="+url.QueryEscape(choose(w, japaneseSentences)), "", nil)
	},
	"form with a password": func(w *world) *yagura.Request {
		return w.form("/login", "username", choose(w, []string{"anna", "taro@example.jp"}), "password", choose(w, []string{"S3cure!pass#2024", "correct horse; battery 'staple'", "p@$$w0rd&more", "x)Y(z|9", "パスワード123"}), "next", "/account?tab=orders", "remember", "on")
	},
	"page": func(w *world) *yagura.Request {
		return w.request("GET", choose(w, []string{"/", "/static/js/app.3f2a.min.js?v=3.2.1", "/img/lamp@2x.png", "/docs/v1.2/guide.html", "/feed.xml", "/users/anna.obrien/settings", "/a/b/c/d?x=1&y=2&z=a,b,c", "/robots.txt"}), "", nil)
	},
}

// upload is a multipart form with files.
func (w *world) upload() *yagura.Request {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	_ = m.SetBoundary("----WebKitFormBoundary" + strings.NewReplacer("-", "a", "_", "b").Replace(w.base64(12)))
	_ = m.WriteField("title", choose(w, englishSentences))
	_ = m.WriteField("folder", "2024/11/写真")
	heads := []struct{ name, kind, start string }{
		{"photo.png", "image/png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"},
		{"見積書_2024年11月.pdf", "application/pdf", "%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"},
		{"写真 (1).jpg", "image/jpeg", "\xff\xd8\xff\xe0\x00\x10JFIF"},
		{"backup-2024.zip", "application/zip", "PK\x03\x04\x14\x00\x00\x00\x08\x00"},
		{"Anna O'Brien CV (final).docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "PK\x03\x04\x14\x00\x06\x00"},
		{"data.csv", "text/csv", "id,name,price\n1,lamp,19.95\n2,\"mug; large\",7.5\n"},
	}
	f := choose(w, heads)
	part, _ := m.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="` + f.name + `"`}, "Content-Type": {f.kind}})
	_, _ = part.Write([]byte(f.start))
	if f.kind != "text/csv" {
		data := make([]byte, 500+w.r.IntN(3000))
		for i := range data {
			data[i] = byte(w.r.IntN(256))
		}
		_, _ = part.Write(data)
	}
	_ = m.Close()
	return w.request("POST", "/upload", m.FormDataContentType(), body.Bytes())
}
