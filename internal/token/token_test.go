package token

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func tokens(text string) (list []string) {
	Tokens([]byte(text), func(tok []byte) bool {
		list = append(list, string(tok))
		return true
	})
	return list
}

func TestTokens(t *testing.T) {
	long := strings.Repeat("Ab", 5000)
	for in, want := range map[string][]string{
		"":                           nil,
		" -:. ":                      nil,
		"198.51.100.7":               {"198", "51", "100", "7"},
		`{"eventName":"GetObject"}`:  {"eventname", "getobject"},
		"my_Role-2 A":                {"my_role", "2", "a"},
		"山田 Tarō、東京":                 {"山田", "tarō、東京"},
		"\xff\x00\xfe":               {"\xff", "\xfe"},
		long + " x":                  {strings.ToLower(long), "x"},
		"arn:aws:iam::1:user/Alice@": {"arn", "aws", "iam", "1", "user", "alice"},
	} {
		if diff := cmp.Diff(want, tokens(in)); diff != "" {
			t.Errorf("Tokens(%.40q) (-want +got):\n%s", in, diff)
		}
	}
	count := 0
	Tokens([]byte("a b c"), func([]byte) bool { count++; return count < 2 })
	if count != 2 {
		t.Errorf("Tokens went on after false: %d tokens", count)
	}
}

// FuzzTokens compares with the plain definition.
func FuzzTokens(f *testing.F) {
	f.Add("GetObject 10.0.0.1 東京_x")
	f.Fuzz(func(t *testing.T, text string) {
		keep := strings.Clone(text)
		var want [][]byte
		var cur []byte
		for i := range len(text) {
			b := text[i]
			if b >= 'A' && b <= 'Z' {
				b += 'a' - 'A'
			}
			if b >= 0x80 || b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' {
				cur = append(cur, b)
				continue
			}
			if cur != nil {
				want, cur = append(want, cur), nil
			}
		}
		if cur != nil {
			want = append(want, cur)
		}
		got := tokens(text)
		if len(got) != len(want) || text != keep {
			t.Fatalf("Tokens(%q) = %q, want %q", text, got, want)
		}
		for i := range got {
			if got[i] != string(want[i]) {
				t.Fatalf("Tokens(%q)[%d] = %q, want %q", text, i, got[i], want[i])
			}
		}
	})
}

const record = `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:session","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/session"},"eventTime":"2026-10-01T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"ap-northeast-1","sourceIPAddress":"198.51.100.7","requestParameters":{"bucketName":"example","key":"a/b/c.json"}}`

func BenchmarkTokens(b *testing.B) {
	text := []byte(strings.Repeat(record, 100))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		Tokens(text, func(tok []byte) bool { n += len(tok); return true })
	}
}

func TestTokensDoesNotAllocate(t *testing.T) {
	text := []byte(record)
	n := 0
	if allocs := testing.AllocsPerRun(200, func() { Tokens(text, func(tok []byte) bool { n += len(tok); return true }) }); allocs >= 1 {
		t.Errorf("%.1f allocations a record", allocs)
	}
}
