//go:build !linux

package main

// releasePages has nothing to do here.
func releasePages() {}
