package world

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/gameday/world/api"
	"github.com/yagura-sec/yagura/gameday/world/seed"
)

// regions are those in use; the first is home. Every organisation also has regions where only sweeps and service roles are seen.
var regions = []string{"ap-northeast-1", "us-east-1", "ap-northeast-3", "us-west-2", "eu-west-1"}

var regionWeight = []float64{0.60, 0.22, 0.06, 0.07, 0.05}

const globalRegion = "us-east-1"

// org is the whole organisation, complete before the first record is written.
type org struct {
	key      seed.Key
	from, to int64 // unix seconds, the generated time
	name     string
	domain   string
	id       string // o-xxxxxxxxxx
	accounts []*account
	people   []*person
	offices  []string // public addresses of offices and the company VPN
	scanners []source // the internet's steady noise
	vendor   string   // account id of the monitoring vendor
	partner  string   // account id of the partner that reads one bucket
	owner    string   // canonical id of the bucket owner
	table    []*api.Call
	by       map[byte][]*api.Call            // calls by kind of client
	pages    map[byte]map[string][]*api.Call // and by service
	services map[byte][]string
	call     map[string]*api.Call // "ec2:DescribeInstances"
}

type source struct{ ip, country string }

// account is one AWS account.
type account struct {
	id    string
	num   uint64
	name  string
	env   string // prod, dev, security
	key   seed.Key
	sites []*site // by region, in the order of regions
	share float64 // of the organisation's activity
	roles map[string]*role
	idps  string // Identity Center role suffix
}

// role is an IAM role or user: a name with its unique id.
type role struct{ name, id, arn string }

// site is what an account holds in one region.
type site struct {
	account   *account
	region    string
	key       seed.Key
	pool      map[string][]string // resources by variable name of the call table
	instances []*instance
	hosts     int
	nat       string // public address of the NAT gateway
	natENI    string
	vpce      string
	buckets   []*bucket
	balancer  *balancer
}

type bucket struct {
	name  string
	class string // public, internal, personal, log
	kms   string // key id, empty for SSE-S3
	keys  []object
}

type object struct {
	key  string
	size int64
}

// instance is one EC2 instance with its life.
type instance struct {
	id, eni, ip, public string
	service             string
	role                *role
	born, died          int64
	db                  bool
	managed             bool
}

func (i *instance) alive(t int64) bool { return t >= i.born && t < i.died }

// balancer is the public entrance of a site.
type balancer struct {
	name, id, group, acl, host string
	nodes                      []node
}

type node struct{ ip, public, eni string }

var (
	companyHead = []string{"Minato", "Kagami", "Hoshi", "Asagiri", "Tsubame", "Kawara", "Shirase", "Akane", "Mizuho", "Utsugi"}
	companyTail = []string{"dori", "kaze", "gawa", "hara", "saki", "mori"}
	apps        = []string{"storefront", "checkout", "catalog", "payment", "member", "inventory", "shipping", "search", "notify", "reports", "coupon", "media"}
	teams       = []string{"platform", "sre", "commerce", "data", "security", "corp-it"}
	extraNames  = []string{"log-archive", "staging", "network", "shared-services", "analytics", "sandbox", "media-prod", "payments-prod", "payments-stg", "ml-prod", "ml-dev", "backup", "partner-gw", "mobile-prod", "mobile-dev", "legacy", "crm-prod"}
)

// newOrg derives the organisation from the seed.
func newOrg(key seed.Key, accounts int, from, to int64) (*org, error) {
	table, err := api.Table()
	if err != nil {
		return nil, err
	}
	r := key.Sub("company").Rand()
	o := &org{key: key, from: from, to: to, table: table, call: map[string]*api.Call{}}
	o.name = companyHead[r.IntN(len(companyHead))] + companyTail[r.IntN(len(companyTail))]
	o.domain = strings.ToLower(o.name) + "-" + string(r.Hex(nil, 2)) + ".jp"
	o.id = "o-" + strings.ToLower(string(r.Upper(nil, 10)))
	o.owner = string(r.Hex(nil, 64))
	o.vendor, o.partner = accountID(r), accountID(r)
	for range 3 {
		o.offices = append(o.offices, publicIP(r, homeNets))
	}
	for i := range 40 {
		n := scanNets[i%len(scanNets)]
		o.scanners = append(o.scanners, source{ip: publicIP(r, []string{n.net}), country: n.country})
	}
	o.index()
	for i := range accounts {
		o.accounts = append(o.accounts, o.newAccount(i, accounts))
	}
	for i := range max(10, accounts*3) {
		o.people = append(o.people, o.newPerson(i))
	}
	return o, nil
}

func (o *org) index() {
	o.by = map[byte][]*api.Call{}
	o.pages = map[byte]map[string][]*api.Call{}
	o.services = map[byte][]string{}
	for _, c := range o.table {
		o.call[c.Service+":"+c.Name] = c
	}
	for _, use := range []byte("cia") {
		o.pages[use] = map[string][]*api.Call{}
		for _, c := range o.table {
			if !c.By(use) {
				continue
			}
			if o.pages[use][c.Service] == nil {
				o.services[use] = append(o.services[use], c.Service)
			}
			o.by[use] = append(o.by[use], c)
			o.pages[use][c.Service] = append(o.pages[use][c.Service], c)
		}
	}
}

func accountID(r *seed.Rand) string {
	return strconv.Itoa(100000000000 + int(r.Uint64()%899999999999))
}

func (o *org) newAccount(i, of int) *account {
	key := o.key.Sub("account").At(int64(i))
	r := key.Rand()
	a := &account{key: key, id: accountID(r), roles: map[string]*role{}, idps: string(r.Hex(nil, 16))}
	a.num, _ = strconv.ParseUint(a.id, 10, 64)
	switch i {
	case 0:
		a.name, a.env, a.share = "prod", "prod", 0.55
	case 1:
		a.name, a.env, a.share = "dev", "dev", 0.30
	case 2:
		a.name, a.env, a.share = "security", "security", 0.15
	default:
		a.name, a.env = extraNames[(i-3)%len(extraNames)], "prod"
		a.share = 0.5 / float64(i)
		if strings.HasSuffix(a.name, "dev") || strings.HasSuffix(a.name, "stg") || a.name == "sandbox" || a.name == "staging" {
			a.env = "dev"
		}
	}
	if i >= len(extraNames)+3 {
		a.name = fmt.Sprintf("%s-%d", a.name, i)
	}
	for n, region := range regions {
		a.sites = append(a.sites, o.newSite(a, region, n))
	}
	_ = of
	return a
}

// role returns the account's role of that name, with the unique id it has had since before the data began.
func (a *account) role(name string) *role { return a.principal("role", "AROA", name) }

// user returns the account's IAM user of that name.
func (a *account) user(name string) *role { return a.principal("user", "AIDA", name) }

func (a *account) principal(kind, prefix, name string) *role {
	r := a.key.Sub(kind, name).Rand()
	return &role{name: name, id: r.KeyID(prefix, a.num), arn: "arn:aws:iam::" + a.id + ":" + kind + "/" + name}
}

func (a *account) site(region string) *site {
	for _, s := range a.sites {
		if s.region == region {
			return s
		}
	}
	return a.sites[0]
}

// hourOf numbers hours since the epoch.
func hourOf(t int64) int64 { return t / 3600 }
