package digest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// The statuses of a Result.
const (
	valid   = "valid"
	invalid = "invalid"
	unknown = "unknown"
)

// A Result is a verdict. Status is valid, invalid or unknown. Reason is a stable code, empty for a plain valid; Detail is one sentence
// that names the object, escaped and bounded for output.
//
// Reasons of a digest:
//
//	key_validity      valid, but the key's validity window does not hold the digest's end: a warning
//	bad_signature     the signature does not fit the bytes        chain_hash       its successor states another hash
//	moved             the signed place is not where it stands     chain_signature  its successor states another signature
//	wrong_algorithm   not SHA256withRSA                           unlinked         its successor in time skips it
//	bad_gzip          cannot be decompressed                      missing          named as previous, not in the copy
//	bad_json          not a digest document                       conflict         two files or two metadata for one key differ
//	missing_metadata  unknown: no signature                       unknown_key      unknown: no public key with that fingerprint
//	bad_metadata      unknown: metadata cannot be read            unreadable, too_large  unknown: the file could not be read whole
//
// Reasons of a log file:
//
//	hash_mismatch     the bytes are not those signed              missing          named by a digest, not in the copy
//	bad_gzip          cannot be decompressed                      moved            a missing log file's bytes under another name
//	conflict          two digests, or two files, differ           wrong_algorithm  unknown: hash algorithm not known
//	digest_invalid    unknown: its digest is invalid              digest_unknown   unknown: its digest is unknown
//	unproved          unknown: no digest of a covered hour names it
//	not_covered       unknown: no digest covers its time          coverage_edge    unknown: within 10 minutes of the coverage's end
//	unreadable, too_large  unknown: the file could not be read whole
type Result struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
}

func result(status, reason, format string, args ...any) Result {
	return Result{Status: status, Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// quote makes hostile text safe to print: escaped, bounded.
func quote(s string) string {
	const limit = 400
	if len(s) > limit {
		s = s[:limit] + "..."
	}
	return fmt.Sprintf("%+q", s)
}

// Verify judges the digest by itself: the place it stands, its signature's presence, algorithm, key and fit.
// metadata is the user metadata of its S3 object; names are taken with or without x-amz-meta- and in any case.
// objectKey is where it stands: the S3 key, or a path in a copy, which may have folders before, or lack some of the trail's prefix.
// The links to its neighbours are not judged here.
func (d *Digest) Verify(keys *Keys, metadata map[string]string, objectKey string) Result {
	if !samePlace(objectKey, d.Object) {
		return result(invalid, "moved", "stands at %s but is signed for %s", quote(objectKey), quote(d.Bucket+"/"+d.Object))
	}
	return d.verifySignature(keys, normal(metadata))
}

func (d *Digest) verifySignature(keys *Keys, m sealed) Result {
	switch {
	case m.signature == "" || m.algorithm == "":
		return result(unknown, "missing_metadata",
			"no signature and signature-algorithm metadata for it: save the output of aws s3api head-object beside it as %s", quote(d.Object+".head.json"))
	case strings.HasSuffix(strings.TrimSuffix(d.Object, ".gz"), "_backfill.json") && m.generated.IsZero():
		return result(unknown, "missing_metadata", "a backfill digest without a readable backfill-generation-timestamp in its metadata")
	case m.algorithm != algorithm:
		return result(invalid, "wrong_algorithm", "metadata names signature algorithm %s, want %s", quote(m.algorithm), algorithm)
	case d.Algorithm != "" && d.Algorithm != algorithm:
		return result(invalid, "wrong_algorithm", "digest names signature algorithm %s, want %s", quote(d.Algorithm), algorithm)
	}
	signature, err := hex.DecodeString(m.signature)
	if err != nil {
		return result(invalid, "bad_signature", "signature in the metadata is not hex")
	}
	found := keys.find(d.Fingerprint)
	if len(found) == 0 {
		return result(unknown, "unknown_key", "no public key with fingerprint %s", quote(d.Fingerprint))
	}
	sum := sha256.Sum256(d.signed())
	for _, k := range found {
		if rsa.VerifyPKCS1v15(k.public, crypto.SHA256, sum[:], signature) != nil {
			continue
		}
		return d.validity(k, m)
	}
	return result(invalid, "bad_signature", "signature does not fit the digest (key %s)", quote(d.Fingerprint))
}

// validity warns when the key was not in force. A backfill digest is signed later than its hour ends: its metadata says when, and
// AWS's own validation looks for keys within an hour of that.
func (d *Digest) validity(k publicKey, m sealed) Result {
	at, slack := d.End, time.Duration(0)
	if !m.generated.IsZero() {
		at, slack = m.generated, time.Hour
	}
	from, to := k.start.Add(-slack), k.end.Add(slack)
	if (!k.start.IsZero() && at.Before(from)) || (!k.end.IsZero() && at.After(to)) {
		return result(valid, "key_validity", "signature fits, but key %s is for %s to %s and the digest was made at %s",
			quote(d.Fingerprint), stamp(k.start), stamp(k.end), stamp(at))
	}
	return Result{Status: valid}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format(time.RFC3339)
}

// sameHex compares two hex texts without regard to case.
func sameHex(a, b string) bool { return a != "" && strings.EqualFold(a, b) }
