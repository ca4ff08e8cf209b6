package threat

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
)

// shared is the space of carriers, RFC 6598, which is private too.
var shared = netip.MustParsePrefix("100.64.0.0/10")

func private(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

// addressKind says what stands as the source: aws-service, private, public or
// none.
func addressKind(ev *ocsf.Event) string {
	if ev.Src.IP != "" {
		if a := ev.Src.Addr(); a.IsValid() && private(a) {
			return "private"
		}
		return "public"
	}
	if isService(ev.Src.Name) || ev.Src.Name == "AWS Internal" {
		return "aws-service"
	}
	return "none"
}

// network gives the /24 or /48 of an address.
func network(ip string) string {
	if ip == "" {
		return ""
	}
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	return block(a).String()
}

func block(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, _ := a.Prefix(bits) // The bits suit the family.
	return p
}

func (f *Fields) place(ev *ocsf.Event) intel.Place {
	if f.cfg.Places == nil || ev.Src.IP == "" {
		return intel.Place{}
	}
	a := ev.Src.Addr()
	if !a.IsValid() || private(a) {
		return intel.Place{}
	}
	return f.cfg.Places.Find(a)
}

func asn(p intel.Place) string {
	if p.ASN == 0 {
		return ""
	}
	return "AS" + strconv.FormatInt(p.ASN, 10)
}

// lists names the threat lists that hold the source address by their kind and,
// but for Tor, as "threat"; the operator's own as "custom:NAME".
func (f *Fields) lists(ev *ocsf.Event) (out []string) {
	for _, m := range f.held(ev) {
		if m.List.Trusted() {
			continue
		}
		switch m.List.Kind {
		case "tor":
			out = append(out, "tor")
		case "custom":
			out = append(out, "custom:"+m.List.Name)
		case "threat":
			out = append(out, "threat")
		default:
			out = append(out, "threat", m.List.Kind)
		}
	}
	return out
}

// held gives the lists that hold the source address.
func (f *Fields) held(ev *ocsf.Event) []intel.Match {
	if f.cfg.Lists == nil || ev.Src.IP == "" {
		return nil
	}
	lists, a := f.cfg.Lists(), ev.Src.Addr()
	if lists == nil || !a.IsValid() || !lists.Has(a) {
		return nil
	}
	return lists.Address(a)
}

// signatures are names of attack tools and of systems made for attackers, as
// they stand in user agents, in lower case.
var signatures = []struct{ text, tool string }{
	{"kali", "kali"},
	{"parrot", "parrot"},
	{"pentoo", "pentoo"},
	{"blackarch", "blackarch"},
	{"stratus-red-team", "stratus-red-team"},
	{"pacu", "pacu"},
	{"cloudfox", "cloudfox"},
	{"trufflehog", "trufflehog"},
	{"scoutsuite", "scoutsuite"},
	{"scout suite", "scoutsuite"},
	{"prowler", "prowler"},
	{"cloudsplaining", "cloudsplaining"},
	{"cloudmapper", "cloudmapper"},
	{"enumerate-iam", "enumerate-iam"},
	{"pmapper", "pmapper"},
	{"weirdaal", "weirdaal"},
	{"nimbostratus", "nimbostratus"},
	{"s3scanner", "s3scanner"},
	{"bucket-stream", "bucket-stream"},
	{"aws_consoler", "aws-consoler"},
	{"aws-consoler", "aws-consoler"},
	{"cloud_enum", "cloud-enum"},
	{"quiet-riot", "quiet-riot"},
	{"cloudhunter", "cloudhunter"},
	{"leonidas", "leonidas"},
	{"metasploit", "metasploit"},
	{"sqlmap", "sqlmap"},
	{"nuclei", "nuclei"},
	{"s3 browser", "s3-browser"},
	{"gitleaks", "gitleaks"},
	{"peirates", "peirates"},
	{"derf-attack", "derf"},
}

// maxAgent bounds how much of a user agent is read.
const maxAgent = 2 << 10

func cutAgent(agent string) string { return agent[:min(len(agent), maxAgent)] }

// tools gives the attack tools whose name stands in a user agent as a word of
// its own, digits and versions aside: "5.10.0-kali9-amd64" is kali, "Kalinka"
// is not.
func tools(agent string) []string {
	if agent == "" || harmless(agent) {
		return nil
	}
	low := strings.ToLower(cutAgent(agent))
	var out []string
	for _, s := range signatures {
		for from := 0; ; {
			i := strings.Index(low[from:], s.text)
			if i < 0 {
				break
			}
			i += from
			from = i + len(s.text)
			if (i == 0 || !letter(low[i-1])) && (from == len(low) || !letter(low[from])) {
				out = append(out, s.tool)
				break
			}
		}
	}
	return out
}

// harmless knows the user agents of AWS itself without a search.
func harmless(agent string) bool { return agent == "AWS Internal" || isService(agent) }

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// agent folds a user agent to product and system without versions, so that an
// update does not make it a new one: "aws-cli/2.15.0 Python/3.11 Darwin/22" is
// "aws-cli darwin".
func agent(ua string) string {
	ua = strings.Trim(cutAgent(ua), "[] ")
	if ua == "" {
		return ""
	}
	low := strings.ToLower(ua)
	if isService(low) || low == "aws internal" {
		return low
	}
	out := product(low)
	for _, s := range systems {
		if strings.Contains(low, s.text) {
			return out + " " + s.name
		}
	}
	return out
}

var systems = []struct{ text, name string }{
	{"android", "android"},
	{"iphone", "ios"},
	{"ipad", "ios"},
	{"darwin", "darwin"},
	{"macos", "darwin"},
	{"mac os x", "darwin"},
	{"windows", "windows"},
	{"linux", "linux"},
}

// products are those that are not named by the first word, the most telling
// first.
var products = []struct{ text, name string }{
	{"amazon-ssm-agent", "amazon-ssm-agent"},
	{"terraform", "terraform"}, // also when an attack tool drives it
	{"stratus-red-team", "stratus-red-team"},
	{"pulumi", "pulumi"},
	{"opentofu", "opentofu"},
	{"aws-cdk", "aws-cdk"},
	{"firefox/", "firefox"},
	{"edg/", "edge"},
	{"opr/", "opera"},
	{"chrome/", "chrome"},
	{"safari/", "safari"},
	{" console, aws-internal", "aws console"},
}

func product(low string) string {
	for _, p := range products {
		if strings.Contains(low, p.text) {
			return p.name
		}
	}
	word := low
	if i := strings.IndexAny(word, "/ (,;"); i > 0 {
		word = word[:i]
	}
	if i := strings.IndexByte(word, '_'); i > 0 && strings.ContainsAny(word[i:], "0123456789") {
		word = word[:i] // an id of the run, such as a UUID
	}
	return word[:min(len(word), 64)]
}
