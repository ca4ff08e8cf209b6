//go:build !race

package iam

// raceDetector says that the tests run under the race detector, which makes
// sync.Pool drop what it is given.
const raceDetector = false
