package world

import (
	"strings"

	"github.com/yagura-sec/yagura/gameday/world/seed"
)

// person is somebody who works with AWS: a role in the company, hours, tools and networks.
type person struct {
	key     seed.Key
	name    string // given.family
	team    string
	account int // index of the account they mostly work in
	second  int
	iamUser bool // signs in as an IAM user instead of Identity Center
	mfa     bool
	noon    float64 // UTC hour of the middle of the working day
	rate    float64 // bursts in a busy hour
	home    string  // address at home
	mobile  string
	office  string
	agents  []string // browser and tools; the last ones come with the upgrade in mid-run
	travels string   // country code of it
	travel  string   // address while travelling, empty for those who do not
	joined  int64    // unix seconds of the first working day
	idsID   string   // Identity Store user id
}

var (
	given    = []string{"haruka", "kenji", "yui", "takumi", "sakura", "daichi", "mei", "ryo", "aoi", "shota", "nana", "kaito", "emi", "yuto", "rin", "satoshi", "mika", "jun", "akira", "hina", "sota", "maria", "liam", "chen", "minh"}
	family   = []string{"sato", "suzuki", "takahashi", "tanaka", "ito", "yamamoto", "nakamura", "kobayashi", "kato", "yoshida", "yamada", "sasaki", "inoue", "kimura", "hayashi", "saito", "shimizu", "mori", "abe", "ikeda", "hashimoto", "nguyen", "santos", "li", "park"}
	browsers = []string{
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
		"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
	}
	upgraded = []string{"Chrome/142.0.0.0", "Firefox/145.0"}
	tools    = []string{
		"aws-cli/2.31.14 md/awscrt#0.27.6 ua/2.1 os/macos#24.6.0 md/arch#arm64 lang/python#3.13.7 md/pyimpl#CPython m/E,b cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#",
		"aws-cli/2.28.3 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0-64-generic md/arch#x86_64 lang/python#3.13.4 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/distrib#ubuntu.24 md/prompt#off md/command#",
		"Boto3/1.40.55 md/Botocore#1.40.55 ua/2.1 os/macos#24.6.0 md/arch#arm64 lang/python#3.12.11 md/pyimpl#CPython m/D,b cfg/retry-mode#legacy Botocore/1.40.55",
		"aws-cli/1.42.4 md/Botocore#1.40.4 ua/2.1 os/windows#10 md/arch#amd64 lang/python#3.11.9 md/pyimpl#CPython cfg/retry-mode#legacy botocore/1.40.4",
	}
	terraform = "APN/1.0 HashiCorp/1.0 Terraform/1.13.4 (+https://www.terraform.io) terraform-provider-aws/6.17.0 aws-sdk-go-v2/1.39.3 ua/2.1 os/linux lang/go#1.24.8 md/GOOS#linux md/GOARCH#amd64 api/"
	sdks      = []string{
		"aws-sdk-go-v2/1.39.2 ua/2.1 os/linux lang/go#1.24.7 md/GOOS#linux md/GOARCH#arm64 api/s3#1.88.4 m/E,g",
		"aws-sdk-java/2.34.8 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.153-175.280.amzn2023.x86_64 lang/java#21.0.8 md/OpenJDK_64-Bit_Server_VM#21.0.8+9-LTS md/vendor#Amazon.com_Inc. exec-env/AWS_ECS_FARGATE m/D,N",
		"aws-sdk-nodejs/2.1692.0 linux/v22.19.0 exec-env/AWS_Lambda_nodejs22.x promise",
		"Boto3/1.40.4 md/Botocore#1.40.4 ua/2.1 os/linux#5.10.244-261.1018.amzn2.x86_64 md/arch#x86_64 lang/python#3.13.5 md/pyimpl#CPython exec-env/AWS_Lambda_python3.13 m/D,b Botocore/1.40.4",
		"aws-sdk-php/3.356.38 ua/2.1 OS/Linux#6.1.150-174.273.amzn2023.x86_64 lang/php#8.4.11 GuzzleHttp/7",
		"aws-sdk-ruby3/3.233.0 ua/2.1 api/s3#1.199.1 os/linux md/x86_64 lang/ruby#3.4.5 md/3.4.5",
	}
)

func (o *org) newPerson(i int) *person {
	key := o.key.Sub("person").At(int64(i))
	r := key.Rand()
	p := &person{key: key, team: teams[i%len(teams)], account: 0, second: 1 % len(o.accounts)}
	p.name = given[(i*7+r.IntN(2))%len(given)] + "." + family[(i*11+3)%len(family)]
	if n := len(o.accounts); n > 3 {
		p.account, p.second = i%n, r.IntN(n)
	} else {
		p.account, p.second = []int{0, 1, 1, 0, 2, 1}[i%6]%n, []int{1, 0, 0, 2, 0, 0}[i%6]%n
	}
	p.iamUser = i%5 == 3
	p.mfa = !p.iamUser || r.Bool(0.7)
	p.noon = 4 + r.Norm()*0.9 // 13:00 in Tokyo
	if i%9 == 8 {
		p.noon = 12 // works from Europe
	}
	p.rate = r.LogNorm(1.3, 0.6)
	p.home, p.mobile, p.office = publicIP(r, homeNets), publicIP(r, mobileNets), o.offices[r.IntN(len(o.offices))]
	b := browsers[r.IntN(len(browsers))]
	p.agents = []string{b, tools[r.IntN(len(tools))], upgrade(b)}
	if i%7 == 2 {
		f := foreign[r.IntN(len(foreign))]
		p.travel, p.travels = publicIP(r, []string{f.net}), f.country
	}
	p.joined = o.from - 86400*int64(r.Between(30, 900))
	if i%11 == 10 { // the new hire of the week
		p.joined = o.from + 86400
	}
	p.idsID = string(r.UUID(nil))
	return p
}

// upgrade is the browser string after the automatic update in the middle of the generated time.
func upgrade(agent string) string {
	for _, u := range upgraded {
		name, _, _ := strings.Cut(u, "/")
		if i := strings.Index(agent, name+"/"); i >= 0 {
			end := i + strings.IndexAny(agent[i:]+" ", " ")
			return agent[:i] + u + agent[end:]
		}
	}
	return agent
}

// busy is the expected number of bursts of a person in an hour: two humps around lunch, little at night and at weekends, on-call calls.
func (p *person) busy(hour int64) float64 {
	if hour*3600 < p.joined {
		return 0
	}
	h := float64(hour%24) + 0.5
	d := h - p.noon
	if d > 12 {
		d -= 24
	}
	if d < -12 {
		d += 24
	}
	day := (hour/24 + 4) % 7 // 0 is Sunday
	w := 0.0
	switch {
	case d > -4.5 && d < -0.6, d > 0.5 && d < 5:
		w = 1
	case d >= -0.6 && d <= 0.5:
		w = 0.35
	case d >= 5 && d < 8:
		w = 0.18
	default:
		w = 0.012
	}
	if day == 0 || day == 6 {
		w *= 0.07
	}
	// Some days are meetings only: humans are away most hours.
	if p.key.Sub("away").At(hour).Rand().Bool(0.45) {
		w *= 0.04
	}
	return w * p.rate
}

// where returns the address of a person at t, which depends on the day's plan and not on the call.
func (p *person) where(o *org, t int64) string {
	day := t / 86400
	r := p.key.Sub("place").At(day).Rand()
	if p.travel != "" && (day-o.from/86400)%7 >= 2 && (day-o.from/86400)%7 <= 3 {
		return p.travel
	}
	h := t % 86400 / 3600
	plan := r.Float()
	switch {
	case h >= 10 && h < 22 && plan < 0.8:
		return p.home
	case plan < 0.45:
		return p.office
	case plan < 0.55 && h%5 == 2:
		return p.mobile
	}
	return p.home
}

// browser returns the browser of a person at t; updates arrive on different days.
func (p *person) browser(o *org, t int64) string {
	at := o.from + int64(p.key.Sub("update").Rand().Float()*float64(o.to-o.from))
	if t > at {
		return p.agents[2]
	}
	return p.agents[0]
}
