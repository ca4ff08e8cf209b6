package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// releasePages gives back the pages of the program's own file that only the start
// needed: the database engine is in the same file, and the kernel maps what lies
// around a page with it. Nothing is lost, since a page that is used again comes
// from the kernel's cache. Mappings that were ever written to are left alone.
func releasePages() {
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return // It is only thrift.
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }() // It was only read.
	var low, high uint64
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 6 && strings.Contains(fields[0], "-") && !strings.HasSuffix(fields[0], ":"):
			low, high = 0, 0
			if (fields[1] != "r--p" && fields[1] != "r-xp") || strings.Join(fields[5:], " ") != own {
				continue
			}
			from, to, _ := strings.Cut(fields[0], "-")
			low, _ = strconv.ParseUint(from, 16, 64)
			high, _ = strconv.ParseUint(to, 16, 64)
		case len(fields) >= 5 && strings.Contains(fields[0], "-") && !strings.HasSuffix(fields[0], ":"):
			low, high = 0, 0 // A mapping without a file.
		case len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0" && high > low:
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(low), uintptr(high-low), syscall.MADV_DONTNEED)
		}
	}
}
