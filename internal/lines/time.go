package lines

import "time"

// ISO reads YYYY-MM-DDThh:mm:ss with an optional fraction (up to six digits
// count) and an optional Z, as load balancers and CloudWatch Logs write it:
// always UTC. The result is in µs since the epoch.
func ISO(s string) (us int64, ok bool) {
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	sec, ok := civil(digits(s[0:4]), digits(s[5:7]), digits(s[8:10]), digits(s[11:13]), digits(s[14:16]), digits(s[17:19]))
	if !ok {
		return 0, false
	}
	us = sec * 1e6
	rest := s[19:]
	if rest != "" && rest[len(rest)-1] == 'Z' {
		rest = rest[:len(rest)-1]
	}
	if rest == "" {
		return us, true
	}
	if rest[0] != '.' || len(rest) < 2 {
		return 0, false
	}
	unit := int64(1e5)
	for i := 1; i < len(rest); i++ {
		d := rest[i] - '0'
		if d > 9 {
			return 0, false
		}
		us += int64(d) * unit
		unit /= 10
	}
	return us, true
}

// CLF reads the time of the common log format, 06/Feb/2019:00:00:38 +0000.
// The result is in µs since the epoch.
func CLF(s string) (us int64, ok bool) {
	if len(s) != 26 || s[2] != '/' || s[6] != '/' || s[11] != ':' || s[14] != ':' || s[17] != ':' || s[20] != ' ' {
		return 0, false
	}
	month := 0
	for i := range 12 {
		if "JanFebMarAprMayJunJulAugSepOctNovDec"[3*i:3*i+3] == s[3:6] {
			month = i + 1
		}
	}
	sec, ok := civil(digits(s[7:11]), month, digits(s[0:2]), digits(s[12:14]), digits(s[15:17]), digits(s[18:20]))
	h, m := digits(s[22:24]), digits(s[24:26])
	if !ok || h < 0 || m < 0 || h > 23 || m > 59 {
		return 0, false
	}
	zone := int64(h*3600 + m*60)
	switch s[21] {
	case '+':
		sec -= zone
	case '-':
		sec += zone
	default:
		return 0, false
	}
	return sec * 1e6, true
}

// civil gives seconds since the epoch of a UTC time; ok is false for what is
// not a time. Second 60, a leap second, is taken as the next one.
func civil(y, mo, d, h, mi, s int) (int64, bool) {
	if y < 1 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60 {
		return 0, false
	}
	t := time.Date(y, time.Month(mo), d, h, mi, s, 0, time.UTC)
	if s < 60 && t.Day() != d { // 31 April
		return 0, false
	}
	return t.Unix(), true
}

// digits reads a short run of digits, -1 if it is none.
func digits(s string) int {
	n := 0
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return -1
		}
		n = n*10 + int(d)
	}
	return n
}
