package world

import (
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/gameday/world/seed"
)

// Address ranges by use. The addresses drawn from them are invented: no statement about their real holders is meant.
var (
	homeNets   = []string{"126.", "118.", "153.", "60.", "133.", "219.", "180."}
	mobileNets = []string{"106.", "49.", "1."}
	foreign    = []netOf{{"73.", "US"}, {"86.", "GB"}, {"114.", "TW"}, {"121.", "KR"}, {"92.", "FR"}, {"24.", "CA"}}
	scanNets   = []netOf{{"185.", "NL"}, {"45.", "US"}, {"193.", "RU"}, {"80.", "GB"}, {"89.", "BG"}, {"103.", "SG"}, {"162.", "US"}, {"167.", "US"}, {"198.", "US"}, {"141.", "DE"}}
	hosting    = []netOf{{"139.", "JP"}, {"172.105.", "JP"}, {"95.", "NL"}, {"64.", "US"}, {"159.", "SG"}}
	ciNets     = []string{"20.", "40.", "52."}
	s3Nets     = []string{"52.219.", "3.5."}
	apiNets    = []string{"52.119.", "54.240.", "99.77."}
)

type netOf struct{ net, country string }

// publicIP completes one of the prefixes to an address outside private and documentation ranges.
func publicIP(r *seed.Rand, nets []string) string {
	for {
		ip := nets[r.IntN(len(nets))]
		for strings.Count(ip, ".") < 3 {
			ip += strconv.Itoa(r.Between(1, 254)) + "."
		}
		ip += strconv.Itoa(r.Between(2, 253))
		if !reserved(ip) {
			return ip
		}
	}
}

func reserved(ip string) bool {
	p := strings.Split(ip, ".")
	a, _ := strconv.Atoi(p[0])
	b, _ := strconv.Atoi(p[1])
	c, _ := strconv.Atoi(p[2])
	switch {
	case a == 10, a == 127, a >= 224, a == 169 && b == 254, a == 192 && b == 168, a == 100 && b >= 64 && b < 128:
		return true
	case a == 172 && b >= 16 && b < 32, a == 198 && (b == 18 || b == 19):
		return true
	case a == 203 && b == 0 && c == 113, a == 198 && b == 51 && c == 100, a == 192 && b == 0:
		return true
	}
	return false
}

func (s *site) newBuckets(o *org, r *seed.Rand) {
	names := []string{"app-assets:public", "order-documents:internal", "member-exports:personal", "build-artifacts:internal", "access-logs:log"}
	if s.account.env == "security" {
		names = []string{"log-archive:log", "audit-reports:internal"}
	}
	if s.region != regions[0] {
		names = names[:2]
	}
	for i, n := range names {
		base, class, _ := strings.Cut(n, ":")
		b := &bucket{class: class, name: strings.ToLower(o.name) + "-" + s.account.name + "-" + base + "-" + s.region}
		if class != "public" {
			b.kms = s.pool["kms"][i%len(s.pool["kms"])]
		}
		count := 160
		if class == "personal" {
			count = 400
		}
		for k := range count {
			b.keys = append(b.keys, newObject(r, class, k))
		}
		s.buckets = append(s.buckets, b)
		s.pool["bucket"] = append(s.pool["bucket"], b.name)
	}
}

func newObject(r *seed.Rand, class string, k int) object {
	switch class {
	case "public":
		return object{key: "static/img/" + string(r.Hex(nil, 10)) + ".webp", size: int64(r.LogNorm(38000, 1.1)) + 300}
	case "personal":
		y, m := 2024+k/200, 1+k/17%12
		return object{key: "members/dt=" + strconv.Itoa(y) + "-" + two(m) + "/part-" + strconv.Itoa(10000 + k)[1:] + "-" + string(r.Hex(nil, 8)) + ".csv.gz", size: int64(r.LogNorm(3.1e6, 0.7)) + 2000}
	case "log":
		return object{key: "alb/" + string(r.Hex(nil, 12)) + ".log.gz", size: int64(r.LogNorm(90000, 1.3)) + 200}
	}
	return object{key: "orders/2026/" + two(1+k%10) + "/受注_" + string(r.Upper(nil, 8)) + ".pdf", size: int64(r.LogNorm(210000, 1.0)) + 900}
}

func two(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}
