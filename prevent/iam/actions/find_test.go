package actions

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFind(t *testing.T) {
	tests := []struct {
		name  string
		query Query
		want  []string // all of them
	}{
		{
			"write on buckets",
			Query{Patterns: []string{"s3:Put*"}, Level: "permissions", ResourceType: "Bucket"},
			[]string{"s3:PutBucketAcl", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock"},
		},
		{"no type", Query{Patterns: []string{"sts:*"}, ResourceType: "none", Level: "List"}, nil},
		{"key", Query{Patterns: []string{"iam:*"}, Key: "iam:passedtoservice"}, []string{"iam:PassRole"}},
		{"two patterns", Query{Patterns: []string{"sts:TagSession", "iam:TagRole"}, Level: "tagging"}, []string{"iam:TagRole", "sts:TagSession"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			found, err := table(t).Find(test.query)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range found {
				row := a.Row()
				if len(row) != len(Columns()) {
					t.Fatalf("%d cells for %d columns", len(row), len(Columns()))
				}
				got = append(got, row[0])
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestFindFilters checks each filter against a walk over all actions.
func TestFindFilters(t *testing.T) {
	tb := table(t)
	for _, level := range levels {
		found, err := tb.Find(Query{Level: strings.ReplaceAll(strings.ToLower(level), " ", "-")})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(found, func(a, b Action) int { return int(a.ID) - int(b.ID) }) {
			t.Errorf("%s: not in order", level)
		}
		n := 0
		for id := range ID(tb.Len()) {
			if tb.Level(id) == level {
				n++
			}
		}
		if len(found) != n || n == 0 {
			t.Errorf("%s: found %d of %d", level, len(found), n)
		}
	}
}

func TestFindUnknown(t *testing.T) {
	for name, test := range map[string]struct {
		query   Query
		nearest string
	}{
		"action":  {Query{Patterns: []string{"s3:Get*", "s3:Gett*"}}, "s3:Get*"},
		"level":   {Query{Level: "wite"}, "Write"},
		"type":    {Query{ResourceType: "buckett"}, "bucket"},
		"key":     {Query{Key: "s3:prefx"}, "s3:prefix"},
		"grammar": {Query{Patterns: []string{"GetObject"}}, ""},
	} {
		_, err := table(t).Find(test.query)
		var unknown *UnknownError
		switch {
		case err == nil:
			t.Errorf("%s: no error", name)
		case test.nearest == "":
		case !errors.As(err, &unknown) || !strings.EqualFold(unknown.Nearest, test.nearest) || !strings.Contains(err.Error(), unknown.Nearest):
			t.Errorf("%s: %v; want nearest %q", name, err, test.nearest)
		}
	}
}
