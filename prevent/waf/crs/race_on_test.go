//go:build race

package crs

// sparse is how many cases of a long list are passed over for each that runs: the race
// detector makes Coraza ten times slower.
const sparse = 20
