package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/sarif"
)

func testLinter(t testing.TB, kind string) *Linter {
	t.Helper()
	table, err := actions.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return &Linter{Table: table, Kind: kind}
}

// lintCodesOf returns "level CODE", each once, sorted.
func lintCodesOf(findings []LintFinding) []string {
	codes := []string{}
	for _, f := range findings {
		codes = append(codes, f.Level+" "+f.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// TestLintStatements gives each check a statement that breaks it and nothing else.
func TestLintStatements(t *testing.T) {
	const allow = `"Effect":"Allow",`
	tests := []struct {
		kind, statement string
		want            []string
	}{
		{"", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, nil},
		{"", allow + `"Action":"s3:GetObjct","Resource":"*"`, []string{"error INVALID_ACTION"}},
		{"", allow + `"Action":"s3:GetObject,PutObject","Resource":"*"`, []string{"error INVALID_ACTION"}},
		{"", allow + `"Action":"lamda:InvokeFunction","Resource":"*"`, []string{"error INVALID_SERVICE_IN_ACTION"}},
		{"", allow + `"Action":[],"Resource":"*"`, []string{"suggestion EMPTY_ARRAY_ACTION"}},
		{"", allow + `"Action":["s3:Get*","s3:GetObject"],"Resource":"*"`, []string{"suggestion REDUNDANT_ACTION"}},
		{"", allow + `"Action":["s3:getobject","s3:GetObject"],"Resource":"*"`, []string{"suggestion REDUNDANT_ACTION"}},
		{"", allow + `"NotAction":"iam:*","Resource":"*"`, []string{"warning ALLOW_WITH_NOT_ACTION"}},
		{"", allow + `"NotAction":"s3:*","Resource":"*"`, []string{"security_warning PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION", "warning ALLOW_WITH_NOT_ACTION", "warning CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION"}},
		{"", allow + `"NotAction":"s3:*","NotResource":"arn:aws:s3:::b"`, []string{"security_warning PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE", "warning ALLOW_WITH_NOT_ACTION", "warning CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE"}},
		{"", allow + `"Action":"iam:P*","NotResource":"arn:aws:iam::123456789012:role/admin"`, []string{"security_warning PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE"}},
		{"", `"Effect":"Deny","NotAction":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/a":"b"}}`, []string{"security_warning DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"}},
		{"", allow + `"Action":"s3:${aws:username}","Resource":"*"`, []string{"error VARIABLE_UNSUPPORTED_IN_ELEMENT"}},
		{"", allow + `"Action":"sqs:SendMessage","Resource":"arn:aws:sqs::123456789012:q"`, []string{"error MISSING_ARN_REGION"}},
		{"resource", `"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::${aws:PrincipalAccount}:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, []string{"error VARIABLE_UNSUPPORTED_IN_ELEMENT"}},
		{"resource", `"Effect":"Deny","Principal":{"Aws":"123456789012"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, []string{"error INVALID_PRINCIPAL_KEY"}},
		{"", `"Effect":"Deny","NotAction":"iam:*","Resource":"*"`, nil},
		{"scp", allow + `"NotAction":"iam:*","Resource":"*"`, nil},
		{"", allow + `"Action":"iam:PassRole","Resource":"*"`, []string{"security_warning PASS_ROLE_WITH_STAR_IN_RESOURCE"}},
		{"", allow + `"Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/*"`, []string{"security_warning PASS_ROLE_WITH_STAR_IN_RESOURCE"}},
		{"", allow + `"Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/app"`, nil},
		{"", allow + `"Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}`, nil},
		{"", allow + `"Action":"iam:PassRole","Resource":"*","Condition":{"StringLike":{"iam:PassedToService":"*"}}`, []string{"security_warning PASS_ROLE_WITH_STAR_IN_RESOURCE"}},
		{"", allow + `"Action":"*","Resource":"*"`, []string{"security_warning PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", "warning CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE"}},
		{"", allow + `"Action":"iam:PassRole","NotResource":"arn:aws:iam::123456789012:role/admin"`, []string{"security_warning PASS_ROLE_WITH_NOT_RESOURCE"}},
		{"", allow + `"Action":"iam:CreateServiceLinkedRole","Resource":"*"`, []string{"warning CREATE_SLR_WITH_STAR_IN_RESOURCE"}},
		{"", allow + `"Action":"s3:ListBucket","Resource":"s3:::b"`, []string{"error INVALID_ARN_PREFIX"}},
		{"", allow + `"Action":"s3:ListBucket","Resource":"arn:aws:s3:b"`, []string{"error MISSING_ARN_FIELD"}},
		{"", allow + `"Action":"s3:ListBucket","Resource":"arn:azs:s3:::b"`, []string{"error INVALID_PARTITION"}},
		{"", allow + `"Action":"sqs:SendMessage","Resource":"arn:aws:SQS:us-east-1:123456789012:q"`, []string{"error INVALID_ARN_SERVICE_CASE", "warning RESOURCE_MISMATCH"}},
		{"", allow + `"Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:12345:q"`, []string{"error INVALID_ARN_ACCOUNT"}},
		{"", allow + `"Action":"iam:GetRole","Resource":"arn:aws:iam:us-east-1:123456789012:role/r"`, []string{"error ARN_REGION_NOT_ALLOWED", "warning RESOURCE_MISMATCH"}},
		{"", allow + `"Action":"s3:ListBucket","Resource":"arn:aws:s3::123456789012:b"`, []string{"error ARN_ACCOUNT_NOT_ALLOWED", "warning RESOURCE_MISMATCH"}},
		{"", allow + `"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:123456789012:fonction:f"`, []string{"error INVALID_ARN_RESOURCE", "warning RESOURCE_MISMATCH"}},
		{"", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket"`, []string{"warning RESOURCE_MISMATCH"}},
		{"", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket*"`, nil},
		{"", allow + `"Action":"s3:*","Resource":"arn:aws:s3:::bucket"`, nil},
		{"", `"Effect":"Deny","Action":"s3:ListAllMyBuckets","Resource":"arn:aws:s3:::b"`, []string{"security_warning ACTION_WITHOUT_RESOURCES"}},
		{"", allow + `"Action":"s3:ListAllMyBuckets","Resource":"arn:aws:s3:::*"`, nil},
		{"", allow + `"Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:123456789012:api/prod/GET/*"`, nil},
		{"", allow + `"Action":"s3:GetObject","Resource":["arn:aws:s3:::b/*","arn:aws:s3:::b/*"]`, []string{"suggestion REDUNDANT_RESOURCE"}},
		{"", allow + `"Action":"s3:GetObject","Resource":[]`, []string{"suggestion EMPTY_ARRAY_RESOURCE", "warning RESOURCE_MISMATCH"}},
		{"", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}/*"`, nil},
		{"", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username/*"`, []string{"error MISSING_BRACE_IN_VARIABLE"}},
		{"", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${ aws:username}/*"`, []string{"error UNSUPPORTED_SPACE_IN_VARIABLE"}},
		{"", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${}/*"`, []string{"error EMPTY_VARIABLE"}},
		{"", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username, x}/*"`, []string{"error MISSING_QUOTE_IN_VARIABLE"}},
		{"", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username, 'x'}/*"`, nil},
		{"", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:TagKeys}/*"`, []string{"error MULTI_VALUED_VARIABLE"}},
		{"", `"Sid":"",` + allow + `"Action":"s3:GetObject","Resource":"*"`, []string{"suggestion EMPTY_SID_VALUE"}},
		{"", `"Sid":"a b",` + allow + `"Action":"s3:GetObject","Resource":"*"`, []string{"error UNSUPPORTED_SID"}},
		{"resource", `"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::123456789012:role/a*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, []string{"error UNSUPPORTED_WILDCARD_IN_PRINCIPAL"}},
		{"resource", `"Effect":"Deny","Principal":{"AWS":"alice"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, []string{"error INVALID_PRINCIPAL_FORMAT"}},
		{"resource", `"Effect":"Deny","Principal":{"AWS":["123456789012","arn:aws:iam::123456789012:root","arn:aws:sts::123456789012:assumed-role/r/s"]},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, nil},
		{"resource", allow + `"Principal":{"AWS":"AROACKCEVSQ6C2EXAMPLE"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, []string{"warning INVALID_ROLE_REFERENCE"}},
		{"resource", allow + `"Principal":{"Service":"lambda"},"Action":"sts:AssumeRole"`, []string{"error INVALID_SERVICE_PRINCIPAL_FORMAT"}},
		{"resource", allow + `"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"`, nil},
		{"resource", allow + `"Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, []string{"security_warning PUBLIC_PRINCIPAL"}},
		{"resource", allow + `"NotPrincipal":{"AWS":"123456789012"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, []string{"security_warning ALLOW_WITH_NOT_PRINCIPAL"}},
		{"resource", allow + `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, []string{"error MISSING_PRINCIPAL"}},
		{"resource", allow + `"Principal":{},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`, []string{"suggestion EMPTY_OBJECT_PRINCIPAL"}},
		{"rcp", `"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"`, nil},
		{"rcp", allow + `"Principal":"*","Action":"s3:*","Resource":"*"`, []string{"error RCP_SYNTAX_ERROR_ALLOW"}},
		{"rcp", `"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"`, []string{"error RCP_SYNTAX_ERROR_ACTION_WILDCARD"}},
		{"rcp", `"Effect":"Deny","Principal":"*","NotAction":"s3:*","Resource":"*"`, []string{"error RCP_SYNTAX_ERROR_NOT_ACTION"}},
		{"rcp", `"Effect":"Deny","Principal":{"AWS":"123456789012"},"Action":"s3:*","Resource":"*"`, []string{"error RCP_SYNTAX_ERROR_PRINCIPAL"}},
		{"rcp", `"Effect":"Deny","Principal":"*","Action":"iam:*","Resource":"*"`, []string{"security_warning RCP_UNSUPPORTED_SERVICE"}},
	}
	for _, test := range tests {
		findings := lintStatement(t, test.kind, test.statement)
		if test.want == nil {
			test.want = []string{}
		}
		if diff := cmp.Diff(test.want, lintCodesOf(findings)); diff != "" {
			t.Errorf("%s {%s} (-want +got):\n%s%+v", test.kind, test.statement, diff, findings)
		}
	}
}

func lintStatement(t *testing.T, kind, statement string) []LintFinding {
	t.Helper()
	findings, err := testLinter(t, kind).Lint("p.json", []byte(`{"Version":"2012-10-17","Statement":{`+statement+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.File != "p.json" || f.Line != 1 || f.Column < 1 || f.Message == "" || strings.ContainsAny(f.Message, "\n\x1b") {
			t.Errorf("odd finding %+v", f)
		}
	}
	return findings
}

func TestLintConditions(t *testing.T) {
	tests := []struct {
		effect, action, condition string
		want                      []string
	}{
		{"Allow", "s3:ListBucket", `"StringEquals":{"s3:prefix":"a"}`, nil},
		{"Allow", "s3:ListBucket", `"StringEqual":{"s3:prefix":"a"}`, []string{"error INVALID_CONDITION_OPERATOR"}},
		{"Allow", "s3:ListBucket", `"ForSomeValues:StringEquals":{"s3:prefix":"a"}`, []string{"error INVALID_CONDITION_OPERATOR"}},
		{"Allow", "s3:ListBucket", `"StringEquals":{"aws:PrincipleOrgID":"o-1"}`, []string{"error INVALID_GLOBAL_CONDITION_KEY"}},
		{"Allow", "s3:ListBucket", `"StringEquals":{"s3:prefx":"a"}`, []string{"error INVALID_SERVICE_CONDITION_KEY"}},
		{"Allow", "s3:ListBucket", `"StringEquals":{"prefix":"a"}`, []string{"error INVALID_CONDITION_KEY_FORMAT"}},
		{"Allow", "s3:ListBucket", `"StringEquals":{"oidc.example.com/id/1:sub":"a","SAML:aud":"b"}`, nil},
		{"Allow", "s3:ListBucket", `"StringEquals":{"s3:prefix":"a","S3:Prefix":"b"}`, []string{"error DUPLICATE_KEYS_WITH_DIFFERENT_CASE"}},
		{"Allow", "s3:ListBucket", `"StringEquals":{"s3:prefix":[]}`, []string{"suggestion EMPTY_ARRAY_CONDITION"}},
		{"Allow", "s3:ListBucket", `"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-1"}`, []string{"security_warning FORALLVALUES_WITH_SINGLE_VALUED_KEY"}},
		{"Allow", "s3:ListBucket", `"ForAnyValue:StringEquals":{"aws:PrincipalOrgID":"o-1"}`, []string{"warning FORANYVALUE_WITH_SINGLE_VALUED_KEY"}},
		{"Allow", "s3:ListBucket", `"StringLike":{"aws:PrincipalOrgPaths":"o-1/*"}`, []string{"error MISSING_QUALIFIER"}},
		{"Allow", "s3:ListBucket", `"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-1/*"}`, nil},
		{"Allow", "s3:ListBucket", `"NullIfExists":{"s3:prefix":"true"}`, []string{"error NULL_WITH_IF_EXISTS"}},
		{"Allow", "s3:ListBucket", `"ForAnyValue:Null":{"s3:prefix":"true"}`, []string{"suggestion NULL_WITH_QUALIFIER"}},
		{"Allow", "s3:ListBucket", `"StringEquals":{"s3:max-keys":"10"}`, []string{"warning TYPE_MISMATCH"}},
		{"Allow", "s3:ListBucket", `"NumericLessThan":{"s3:max-keys":"ten"}`, []string{"warning TYPE_MISMATCH_NUMBER"}},
		{"Allow", "s3:ListBucket", `"NumericLessThan":{"s3:max-keys":[10,20]}`, []string{"suggestion REDUNDANT_CONDITION_VALUE_NUM"}},
		{"Allow", "s3:ListBucket", `"Bool":{"aws:SecureTransport":"yes"}`, []string{"warning TYPE_MISMATCH_BOOLEAN"}},
		{"Allow", "s3:ListBucket", `"Bool":{"aws:SecureTransport":[true,false]}`, []string{"error INVALID_CONDITION_MULTIPLE_BOOLEAN"}},
		{"Allow", "s3:ListBucket", `"DateLessThan":{"aws:CurrentTime":"tomorrow"}`, []string{"warning TYPE_MISMATCH_DATE"}},
		{"Allow", "s3:ListBucket", `"DateLessThan":{"aws:CurrentTime":"2026-01-31T12:00:00Z"},"NumericLessThan":{"aws:EpochTime":1769860800}`, nil},
		{"Allow", "s3:ListBucket", `"DateLessThan":{"aws:EpochTime":1769860800}`, []string{"warning INVALID_DATE_VALUE"}},
		{"Allow", "s3:ListBucket", `"NumericLessThan":{"s3:max-keys":"${aws:username}"}`, []string{"error INVALID_VARIABLE_FOR_OPERATOR"}},
		{"Allow", "s3:ListBucket", `"StringEquals":{"aws:PrincipalTag":"a"}`, []string{"error MISSING_TAG_KEY_IN_CONDITION"}},
		{"Allow", "s3:ListBucket", `"ArnLike":{"aws:ARN":"arn:aws:iam::123456789012:role/r"}`, []string{"error UNSUPPORTED_GLOBAL_CONDITION_KEY"}},
		{"Allow", "s3:ListBucket", `"StringEquals":{"s4:prefix":"a"}`, []string{"error INVALID_SERVICE"}},
		{"Allow", "s3:ListBucket", `"ForAllValues:StringEquals":{"aws:TagKeys":[]}`, []string{"suggestion EMPTY_ARRAY_CONDITION_FORALLVALUES"}},
		{"Allow", "s3:ListBucket", `"ForAnyValue:StringEquals":{"aws:PrincipalOrgPaths":[]}`, []string{"suggestion EMPTY_ARRAY_CONDITION_FORANYVALUE"}},
		{"Allow", "s3:ListBucket", `"StringEqualsIfExists":{"s3:prefix":[]}`, []string{"suggestion EMPTY_ARRAY_CONDITION_IFEXISTS"}},
		{"Allow", "s3:ListBucket", `"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}`, []string{"error PRIVATE_NOT_IP_ADDRESS"}},
		{"Allow", "s3:ListBucket", `"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"}`, []string{"security_warning MISSING_PAIRED_CONDITION_KEYS"}},
		{"Allow", "s3:ListBucket", `"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"},"StringEquals":{"aws:SourceVpc":"vpc-1"}`, nil},
		{"Allow", "s3:ListBucket", `"BinaryEquals":{"s3:prefix":"%"}`, []string{"warning TYPE_MISMATCH", "warning TYPE_MISMATCH_STRING"}},
		{"Allow", "s3:ListBucket", `"IpAddress":{"aws:SourceIp":"203.0.113.0/33"}`, []string{"warning TYPE_MISMATCH_IP_RANGE"}},
		{"Allow", "s3:ListBucket", `"IpAddress":{"aws:SourceIp":"203.0.113.7/24"}`, []string{"suggestion IMPROVE_IP_RANGE"}},
		{"Allow", "s3:ListBucket", `"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`, []string{"error PRIVATE_IP_ADDRESS"}},
		{"Allow", "s3:ListBucket", `"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}`, []string{"suggestion PRIVATE_IP_ADDRESS_SUBSET"}},
		{"Allow", "s3:ListBucket", `"StringEquals":{"s3:prefix":"home/*"}`, []string{"warning WILDCARD_WITHOUT_LIKE_OPERATOR"}},
		{"Allow", "s3:ListBucket", `"StringLike":{"s3:prefix":"home/${aws:username}/*"}`, nil},
		{"Allow", "s3:GetObject", `"StringEquals":{"s3:prefix":"a"}`, []string{"warning CONDITION_KEY_NOT_PROVIDED"}},
		{"Deny", "s3:GetObject", `"StringEquals":{"s3:prefix":"a"}`, []string{"security_warning CONDITION_KEY_NOT_PROVIDED"}},
		{"Deny", "s3:GetObject", `"StringEqualsIfExists":{"s3:prefix":"a"}`, nil},
		{"Deny", "sts:GetCallerIdentity", `"StringEquals":{"aws:ResourceTag/team":"a"}`, []string{"security_warning DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"}},
		{"Allow", "sts:GetCallerIdentity", `"StringEquals":{"aws:ResourceTag/team":"a"}`, []string{"suggestion ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"}},
	}
	for _, test := range tests {
		findings := lintStatement(t, "identity", fmt.Sprintf(`"Effect":%q,"Action":%q,"Resource":"*","Condition":{%s}`, test.effect, test.action, test.condition))
		if test.want == nil {
			test.want = []string{}
		}
		if diff := cmp.Diff(test.want, lintCodesOf(findings)); diff != "" {
			t.Errorf("%s %s {%s} (-want +got):\n%s%+v", test.effect, test.action, test.condition, diff, findings)
		}
	}
}

// TestLintDocument shows whole documents, with positions.
func TestLintDocument(t *testing.T) {
	tests := []struct {
		kind, doc string
		want      []string
	}{
		{"", "{\n  \"Statement\": {\"Effect\": \"Allow\",\n    \"Action\": [\"s3:GetObject\",\n      \"s3:PutObjct\"], \"Resource\": \"*\"}}", []string{
			"1:1 warning MISSING_VERSION", "4:7 error INVALID_ACTION Statement[0].Action[1]",
		}},
		{"", "{\"Version\": \"2012-10-17\", \"Statement\": [}", []string{"1:41 error JSON_SYNTAX_ERROR"}},
		{"", "", []string{"1:1 error JSON_SYNTAX_ERROR"}},
		{"", `{"Version":"2012-10-17"}`, []string{"1:1 error MISSING_STATEMENT"}},
		{"", `{"Version":"2012","Statement":{"Effect":"allow","Action":1,"NotAction":"*","Resources":"*"}}`, []string{
			"1:12 error INVALID_VERSION Version", "1:31 error MISSING_RESOURCE Statement",
			"1:41 error INVALID_EFFECT Statement.Effect",
			"1:58 error DATA_TYPE_MISMATCH Statement.Action", "1:72 error UNSUPPORTED_ELEMENT_COMBINATION Statement", "1:76 error INVALID_POLICY_ELEMENT Statement",
		}},
		{"scp", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`, []string{"1:66 error SCP_SYNTAX_ERROR_PRINCIPAL Statement"}},
		{"", `{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Deny","Action":"s3:*","Resource":"*"},{"Sid":"A","Effect":"Deny","Action":"ec2:*","Resource":"*"}]}`, []string{"1:104 error UNIQUE_SIDS_REQUIRED Statement[1].Sid"}},
		{"", `{"Version":"2008-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}"}}`, []string{"1:81 error VARIABLE_UNSUPPORTED_IN_VERSION Statement[0].Resource[0]"}},
		{"", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":["` + strings.Repeat("arn:aws:s3:::bucket/x", 300) + `"]}}`, []string{"1:1 warning POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA"}},
		{"", `{"Version":"2012-10-17","Statement":{}}` + strings.Repeat(" ", maxLintSize), []string{"1:1 error DOCUMENT_TOO_BIG"}},
	}
	for _, test := range tests {
		findings, err := testLinter(t, test.kind).Lint("p.json", []byte(test.doc))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, f := range findings {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%d:%d %s %s %s", f.Line, f.Column, f.Level, f.Code, f.Path)))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%.200s (-want +got):\n%s%+v", test.doc, diff, findings)
		}
	}
	if _, err := testLinter(t, "bucket").Lint("", nil); err == nil {
		t.Error("an unknown kind is taken")
	}
}

func TestLintSuggestsNames(t *testing.T) {
	for statement, want := range map[string]string{
		`"Effect":"Deny","Action":"s3:GetObjct","Resource":"*"`:                                                    `"s3:GetObject"`,
		`"Effect":"Deny","Action":"lamda:InvokeFunction","Resource":"*"`:                                           `"lambda"`,
		`"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipleOrgID":"o-1"}}`: `"aws:PrincipalOrgID"`,
	} {
		findings := lintStatement(t, "", statement)
		if len(findings) != 1 || !strings.Contains(findings[0].Message, "did you mean "+want) {
			t.Errorf("{%s}: %+v; want the suggestion %s", statement, findings, want)
		}
	}
}

func TestLintLevels(t *testing.T) {
	f := LintFinding{Level: lintSecurity}
	for level, want := range map[string]bool{"error": false, "security-warning": true, "SECURITY_WARNING": true, "warning": true, "suggestion": true} {
		if got, err := f.AtLeast(level); err != nil || got != want {
			t.Errorf("AtLeast(%s) = %v, %v", level, got, err)
		}
	}
	if _, err := f.AtLeast("fatal"); err == nil {
		t.Error("an unknown level is taken")
	}
}

func TestLintPath(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"good.json":     `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`,
		"sub/bad.json":  `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObjct","Resource":"*"}}`,
		"broken.json":   `{"Version":`,
		"package.json":  `{"name":"x"}`,
		"list.json":     `[1,2]`,
		"README.md":     `"Statement"`,
		"sub/x.tf.JSON": `{"Version":"2012-10-17","Statement":[]}`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	findings, documents, err := testLinter(t, "").Path(dir)
	if err != nil || documents != 4 {
		t.Errorf("%d documents, error %v; want 4", documents, err)
	}
	var got []string
	var results []sarif.Result
	for _, f := range findings {
		rel, err := filepath.Rel(dir, f.File)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, filepath.ToSlash(rel)+" "+f.Code)
		results = append(results, f.SARIF())
	}
	if diff := cmp.Diff([]string{"broken.json JSON_SYNTAX_ERROR", "sub/bad.json INVALID_ACTION"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var out bytes.Buffer
	if err := sarif.Write(&out, sarif.Tool{Name: "yagura"}, results); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("SARIF: %v", err)
	}
	if _, _, err := testLinter(t, "").Path(filepath.Join(dir, "missing")); err == nil {
		t.Error("a missing file is no error")
	}
	if _, documents, err := testLinter(t, "").Path(filepath.Join(dir, "package.json")); err != nil || documents != 1 {
		t.Errorf("a file that is named is checked whatever it holds: %d, %v", documents, err)
	}
}

// TestLintOverlap compares with a search for a common text.
func TestLintOverlap(t *testing.T) {
	var texts []string
	for n := range 9 {
		for i := range 1 << n {
			text := make([]byte, n)
			for j := range text {
				text[j] = 'a' + byte(i>>j&1)
			}
			texts = append(texts, string(text))
		}
	}
	slow := func(glob string) *regexp.Regexp {
		return regexp.MustCompile("^" + strings.NewReplacer("*", ".*", "?", ".").Replace(glob) + "$")
	}
	one := rapid.StringMatching(`[ab*?]{0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := one.Draw(t, "a"), one.Draw(t, "b")
		x, y := slow(a), slow(b)
		// No text that both match needs more characters than they have together.
		want := slices.ContainsFunc(texts, func(text string) bool { return x.MatchString(text) && y.MatchString(text) })
		if lintOverlap(lintGlob(a), lintGlob(b)) != want || lintOverlap(lintGlob(b), lintGlob(a)) != want {
			t.Fatalf("%q and %q: want %v", a, b, want)
		}
	})
}

// TestLintHostile: huge and crooked documents end soon, with findings.
func TestLintHostile(t *testing.T) {
	big := func(element string) string {
		return strings.TrimSuffix(strings.Repeat(element+",", (maxLintSize-200)/(len(element)+1)), ",")
	}
	stars := `"arn:aws:ec2:*:*:` + strings.Repeat("*a", 400) + `"`
	for name, statement := range map[string]string{
		"actions":   `"Effect":"Allow","Action":[` + big(`"s3:*"`) + `],"Resource":"*"`,
		"unknown":   `"Effect":"Allow","Action":[` + big(`"zz:Abcdefgh"`) + `],"Resource":"*"`,
		"resources": `"Effect":"Allow","Action":"ec2:*","Resource":[` + big(stars) + `]`,
		"keys":      `"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"x:` + strings.Repeat("y", maxLintSize/2) + `":"z"}}`,
		"variables": `"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::` + strings.Repeat("${", maxLintSize/3) + `"`,
	} {
		findings, err := testLinter(t, "").Lint("p", []byte(`{"Version":"2012-10-17","Statement":{`+statement+`}}`))
		if err != nil || len(findings) == 0 || len(findings) > maxLintFindings {
			t.Errorf("%s: %d findings, error %v", name, len(findings), err)
		}
		for _, f := range findings {
			if len(f.Message) > 2000 || len(f.Path) > 300 {
				t.Fatalf("%s: a finding of %d bytes", name, len(f.Message)+len(f.Path))
			}
		}
	}
}

func FuzzLint(f *testing.F) {
	f.Add("", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/${aws:username}","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}}`)
	f.Add("resource", `{"Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"NotAction":["*:*"],"NotResource":"arn:"}]}`)
	f.Add("rcp", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"iam:*","Resource":"*"}]}`)
	f.Fuzz(func(t *testing.T, kind, doc string) {
		findings, err := testLinter(t, kind).Lint("p", []byte(doc))
		if err != nil && findings != nil {
			t.Fatal("an error and findings")
		}
		for _, f := range findings {
			if f.Line < 1 || f.Column < 1 || f.Code == "" || !slices.Contains(lintLevels, f.Level) || strings.ContainsAny(f.Message, "\x00\x1b\n") {
				t.Fatalf("odd finding %+v", f)
			}
		}
	})
}

func BenchmarkLint(b *testing.B) {
	linter := testLinter(b, "")
	doc := []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","ec2:Describe*"],"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}]}`)
	for b.Loop() {
		if _, err := linter.Lint("p", doc); err != nil {
			b.Fatal(err)
		}
	}
}
