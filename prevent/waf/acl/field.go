package acl

import "strings"

var fieldKinds = []string{
	"SingleHeader", "SingleQueryArgument", "AllQueryArguments", "UriPath", "QueryString", "Body", "Method",
	"JsonBody", "Headers", "Cookies", "HeaderOrder", "JA3Fingerprint", "JA4Fingerprint", "UriFragment",
}

// field reads a FieldToMatch.
func (r *record) field() *Field {
	f := &Field{Pos: r.here()}
	for _, kind := range fieldKinds {
		c := r.child(kind)
		if c == nil {
			continue
		}
		if f.Kind != "" {
			r.fail(r.n, r.path, "%s stands beside %s; a field is one", kind, f.Kind)
		}
		f.Kind, f.Pos = kind, c.here()
		c.fieldDetails(f)
		c.done()
	}
	if f.Kind == "" {
		r.fail(r.n, r.path, "no field; want one of %s", strings.Join(fieldKinds, ", "))
		f.Kind = "Method"
	}
	r.done()
	return f
}

func (r *record) fieldDetails(f *Field) {
	oversize := func(required bool) string {
		return r.enum("OversizeHandling", required, "CONTINUE", "MATCH", "NO_MATCH")
	}
	switch f.Kind {
	case "SingleHeader", "SingleQueryArgument":
		f.Name = r.must("Name")
	case "Body":
		f.Oversize = oversize(false)
	case "HeaderOrder":
		f.Oversize = oversize(true)
	case "JA3Fingerprint", "JA4Fingerprint":
		f.Fallback = r.enum("FallbackBehavior", true, "MATCH", "NO_MATCH")
	case "UriFragment":
		f.Fallback = r.enum("FallbackBehavior", false, "MATCH", "NO_MATCH")
	case "JsonBody":
		f.Oversize = oversize(false)
		f.Scope = r.enum("MatchScope", true, "ALL", "KEY", "VALUE")
		f.Fallback = r.enum("InvalidFallbackBehavior", false, "MATCH", "NO_MATCH", "EVALUATE_AS_STRING")
		p := r.need("MatchPattern")
		f.Paths, _ = p.strings("IncludedPaths")
		p.allOr(len(f.Paths) > 0)
		for _, path := range f.Paths {
			if path != "" && !strings.HasPrefix(path, "/") {
				p.fail(p.n, p.path, "%q is no JSON pointer; it begins with /", cut(path))
			}
		}
	case "Headers", "Cookies":
		f.Oversize = oversize(true)
		f.Scope = r.enum("MatchScope", true, "ALL", "KEY", "VALUE")
		p := r.need("MatchPattern")
		f.Include, _ = p.strings("Included" + f.Kind)
		f.Exclude, _ = p.strings("Excluded" + f.Kind)
		if len(f.Include) > 0 && len(f.Exclude) > 0 {
			p.fail(p.n, p.path, "both included and excluded names")
		}
		p.allOr(len(f.Include)+len(f.Exclude) > 0)
	}
}

// allOr reads All, which stands where nothing is named.
func (r *record) allOr(named bool) {
	if all := r.has("All"); all == named {
		r.fail(r.n, r.path, "want either All or names")
	}
	r.done()
}

var rateKinds = []string{
	"Header", "Cookie", "QueryArgument", "QueryString", "UriPath", "HTTPMethod", "IP", "ForwardedIP",
	"LabelNamespace", "ASN", "JA3Fingerprint", "JA4Fingerprint",
}

// rateKey reads one of the custom keys of a rate-based statement.
func (r *record) rateKey() (k RateKey) {
	for _, kind := range rateKinds {
		c := r.child(kind)
		if c == nil && kind == "ASN" {
			c = r.child("Asn")
		}
		if c == nil {
			continue
		}
		if k.Kind != "" {
			r.fail(r.n, r.path, "%s stands beside %s; a key is one", kind, k.Kind)
		}
		k.Kind = kind
		switch kind {
		case "Header", "Cookie", "QueryArgument":
			k.Name, k.Transforms = c.must("Name"), c.transforms()
		case "QueryString", "UriPath":
			k.Transforms = c.transforms()
		case "LabelNamespace":
			k.Name = c.must("Namespace")
		case "JA3Fingerprint", "JA4Fingerprint":
			k.Fallback = c.enum("FallbackBehavior", true, "MATCH", "NO_MATCH")
		}
		c.done()
	}
	if k.Kind == "" {
		r.fail(r.n, r.path, "no key; want one of %s", strings.Join(rateKinds, ", "))
		k.Kind = "IP"
	}
	r.done()
	return k
}
