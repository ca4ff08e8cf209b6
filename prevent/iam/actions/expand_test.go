package actions

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func names(t *Table, set Set) (list []string) {
	for id := range set.All() {
		list = append(list, t.Name(id))
	}
	return list
}

func TestExpand(t *testing.T) {
	tests := []struct {
		pattern string
		want    []string
	}{
		{"s3:GetObject", []string{"s3:GetObject"}},
		{"S3:getOBJECT", []string{"s3:GetObject"}},
		{"s3:GetObject?", nil},
		{"sts:assumerole*", []string{"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"}},
		{"iam:*PassR*", []string{"iam:PassRole"}},
		{"sts:AssumeRol?", []string{"sts:AssumeRole"}},
		{"iam:*AccessKey", []string{"iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:UpdateAccessKey"}},
		{"nosuch:Get*", nil},
		{"s3:NoSuchAction", nil},
	}
	for _, test := range tests {
		set, err := table(t).Expand(test.pattern)
		if diff := cmp.Diff(test.want, names(table(t), set)); err != nil || diff != "" {
			t.Errorf("%q: error %v (-want +got):\n%s", test.pattern, err, diff)
		}
	}
	for _, all := range []string{"*", "**", "*:*"} {
		if set, err := table(t).Expand(all); err != nil || set.Len() != table(t).Len() {
			t.Errorf("%q stands for %d actions of %d, error %v", all, set.Len(), table(t).Len(), err)
		}
	}
}

// TestExpandGrammar: what IAM would refuse stands for nothing and says so.
func TestExpandGrammar(t *testing.T) {
	for _, pattern := range []string{
		"", ":", "*:", ":*", "s3", "s3:", ":GetObject", "*:Get*", "s*:GetObject", "s3?:*", "?", "s3*",
		"s3:GetObject,PutObject", " s3:GetObject", "s3:GetObject ", "s3 :*", "s3:Get:Object", "s3:Gét*", "arn:aws:s3:::b", "*:*:*", "s3:a\x00*",
	} {
		set, err := table(t).Expand(pattern)
		if err == nil || set.Len() != 0 {
			t.Errorf("%q stands for %d actions, error %v", pattern, set.Len(), err)
		}
		if table(t).Check(pattern) == nil {
			t.Errorf("Check(%q) finds nothing wrong", pattern)
		}
	}
}

// TestExpandAgreesWithRegexp compares with a slow twin: a regular expression over
// every full name.
func TestExpandAgreesWithRegexp(t *testing.T) {
	tb := table(t)
	part := rapid.StringMatching(`(s3|S3|ec2|iam|kms|sts|sns|nosuch|a4b|xray):([GgDCLT*?aegtilosu]{1,3}|Get[A-Z*?]{0,3}|\*?(List|Tag|Role|Key|Object)s?\*?|[*?]{1,4})`)
	rapid.Check(t, func(t *rapid.T) {
		pattern := part.Draw(t, "pattern")
		slow := regexp.MustCompile("(?i)^" + strings.NewReplacer("*", ".*", "?", ".").Replace(pattern) + "$")
		set, err := tb.Expand(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for id := range ID(tb.Len()) {
			if name := tb.Name(id); slow.MatchString(name) != set.Has(id) {
				t.Fatalf("%q and %s: Expand says %v", pattern, name, set.Has(id))
			}
		}
	})
}

// TestStarsAreCheap would not end in time if stars were tried in all ways.
func TestStarsAreCheap(t *testing.T) {
	pattern := "ec2:" + strings.Repeat("*a", 2000) + "*b"
	if set, err := table(t).Expand(pattern); err != nil || set.Len() != 0 {
		t.Errorf("%d actions, error %v", set.Len(), err)
	}
}

func TestSet(t *testing.T) {
	tb := table(t)
	get, _ := tb.Expand("s3:Get*")
	put, _ := tb.Expand("s3:Put*")
	both := tb.NewSet()
	both.Add(get)
	both.Add(put)
	if both.Len() != get.Len()+put.Len() || get.Len() == 0 {
		t.Errorf("%d + %d actions make %d", get.Len(), put.Len(), both.Len())
	}
	for id := range both.All() {
		if get.Has(id) == put.Has(id) {
			t.Errorf("%s is in both or none of its parts", tb.Name(id))
		}
	}
	if both.Has(ID(tb.Len()+1000)) || Set(nil).Has(0) {
		t.Error("a set has an action beyond its end")
	}
	for range both.All() {
		break // Must stop.
	}
}

func TestCheckSuggests(t *testing.T) {
	tests := []struct{ pattern, kind, nearest string }{
		{"s3:GetObjct", "action", "s3:GetObject"},
		{"s3:ListObjectsV2", "action", ""},
		{"iam:PasRole", "action", "iam:PassRole"},
		{"iam:rolePass", "action", ""},
		{"s3:RunInstances", "action", "ec2:RunInstances"},
		{"ec2:RunInstance", "action", "ec2:RunInstances"},
		{"lamda:InvokeFunction", "service", "lambda"},
		{"monitoring:PutMetricData", "service", "cloudwatch"},
		{"dynamo:GetItem", "service", "dynamodb"},
		{"nosuchservice:DoNothingAtAll", "service", ""},
		{"nosuchservice:ListTasks", "service", ""},
		{"cloud9:ValidateEnvironmentName", "action", ""},
		{"s3:Lst*", "action", "s3:List*"},
		{"s3:Gett*", "action", "s3:Get*"},
		{"s3:*Nothing", "action", ""},
	}
	for _, test := range tests {
		var unknown *UnknownError
		if err := table(t).Check(test.pattern); !errors.As(err, &unknown) {
			t.Errorf("Check(%q) = %v", test.pattern, err)
			continue
		}
		if strings.HasSuffix(unknown.Nearest, ":") {
			t.Errorf("Check(%q) suggests no name but %q", test.pattern, unknown.Nearest)
		}
		if test.pattern == "nosuchservice:ListTasks" && unknown.Nearest != "" {
			t.Errorf("of many services with ListTasks, %q is suggested", unknown.Nearest)
		}
		if unknown.Kind != test.kind || test.nearest != "" && unknown.Nearest != test.nearest {
			t.Errorf("Check(%q): %v; want kind %s, nearest %q", test.pattern, unknown, test.kind, test.nearest)
		}
	}
	for name, prefix := range spoken {
		if _, ok := table(t).Service(prefix); !ok {
			t.Errorf("%s stands for %s, which is no service", name, prefix)
		}
		if _, ok := table(t).Service(name); ok {
			t.Errorf("%s is a service itself", name)
		}
	}
	for _, pattern := range []string{"*", "s3:*", "s3:Get*", "iam:PassRole"} {
		if err := table(t).Check(pattern); err != nil {
			t.Errorf("Check(%q) = %v", pattern, err)
		}
	}
	long := strings.Repeat("x", 1<<20)
	if err := table(t).Check("s3:" + long); err == nil || len(err.Error()) > 400 {
		t.Error("a long name gives no error, or a long one")
	}
}

func TestCheckKeySuggests(t *testing.T) {
	for name, nearest := range map[string]string{
		"aws:PrincipleArn":       "aws:PrincipalArn",
		"aws:SourceIP4":          "aws:SourceIp",
		"s3:prefx":               "s3:prefix",
		"kms:ViaServices":        "kms:ViaService",
		"nobody:KnowsThisOneYet": "",
	} {
		var unknown *UnknownError
		if err := table(t).CheckKey(name); !errors.As(err, &unknown) || unknown.Nearest != nearest {
			t.Errorf("CheckKey(%q) = %v, want nearest %q", name, err, nearest)
		}
	}
	if err := table(t).CheckKey("aws:RequestTag/x"); err != nil {
		t.Error(err)
	}
}

// TestDistance compares with the definition, written as a recursion.
func TestDistance(t *testing.T) {
	var slow func(a, b string) int
	slow = func(a, b string) int {
		if a == "" || b == "" {
			return len(a) + len(b)
		}
		d := min(slow(a[1:], b), slow(a, b[1:])) + 1
		if a[0] == b[0] {
			d = min(d, slow(a[1:], b[1:]))
		} else {
			d = min(d, slow(a[1:], b[1:])+1)
		}
		if len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] {
			d = min(d, slow(a[2:], b[2:])+1)
		}
		return d
	}
	word := rapid.StringMatching(`[abc]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, limit := word.Draw(t, "a"), word.Draw(t, "b"), rapid.IntRange(1, 8).Draw(t, "limit")
		if got, want := distance(a, b, limit), min(slow(a, b), limit); got != want {
			t.Fatalf("distance(%q, %q, %d) = %d, want %d", a, b, limit, got, want)
		}
	})
}
