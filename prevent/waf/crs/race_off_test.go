//go:build !race

package crs

const sparse = 1
