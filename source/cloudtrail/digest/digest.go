// Package digest proves, without a network, that CloudTrail log files are the bytes CloudTrail delivered.
//
// A trail with log file validation writes one digest an hour for every account and region:
//
//	[prefix/]AWSLogs/[O-ID/]ACCOUNT/CloudTrail-Digest/REGION/Y/M/D/ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOME_END.json.gz
//
// A digest names each log file delivered in that hour with its SHA-256, and the digest before it with its SHA-256 and signature.
// Its own signature stands in the metadata of its S3 object, so a copy needs that metadata beside it. What is signed is four lines
// without a last newline: digestEndTime as written; bucket/key; SHA-256 (hex) of the uncompressed digest; the previous digest's
// signature or the word null. The signature is RSA PKCS#1 v1.5 with SHA-256, in hex. Formats:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html and
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
//
// [Check] walks a copy of a bucket and judges every digest and every log file. [Proofs] does the same for the digests only and says
// for every log file which hash it must have. [Parse], [ParseKeys] and [Digest.Verify] are the pure parts.
//
// A verdict is a [Result]: valid, invalid or unknown. Unknown (no key, no metadata, not named by a digest) is never reported as valid.
//
// What it cannot see: hashes are over uncompressed bytes, so a change in a gzip header that leaves the content as it was is no
// change; digests removed from the new end of a chain leave no trace in the rest (ask with Options.To); a trail that never had
// validation switched on proves nothing; and keys found inside the copy prove only that the copy agrees with itself.
package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits of one digest. S3 keys are at most 1,024 bytes and bucket names 63 (255 in old ones).
const (
	maxDigestBytes = 64 << 20
	maxLogFiles    = 500_000
	maxKeyBytes    = 1024
	maxTextBytes   = 2 * maxModulusBits / 8 // a signature in hex
)

// algorithm is the only signature algorithm CloudTrail names.
const algorithm = "SHA256withRSA"

// hashAlgorithm is the only hash algorithm CloudTrail names for log files and previous digests.
const hashAlgorithm = "SHA-256"

// A Digest is the content of one digest file. Hashes and signatures are lower-case hex.
type Digest struct {
	Account     string
	Bucket      string
	Object      string // S3 key of the digest itself, with the trail's prefix
	Start, End  time.Time
	Fingerprint string // of the public key, lower-case hex
	Algorithm   string // digestSignatureAlgorithm; may be empty

	// The digest before this one in its chain. All are empty in a starting digest.
	PreviousBucket    string
	PreviousObject    string
	PreviousSHA256    string
	PreviousSignature string

	LogFiles []LogFile // none for an hour without deliveries
	SHA256   string    // of the uncompressed digest bytes

	end          string // digestEndTime exactly as written: it is signed
	previousSign string // previousDigestSignature exactly as written, or null: it is signed
	previousAlgo string
}

// A LogFile is one log file as a digest names it.
type LogFile struct {
	Bucket, Object string
	SHA256         string // of the uncompressed bytes, lower-case hex
	Algorithm      string // SHA-256, or a name this package does not know
	Oldest, Newest time.Time
}

type wireDigest struct {
	AwsAccountID                string            `json:"awsAccountId"`
	DigestStartTime             *string           `json:"digestStartTime"`
	DigestEndTime               *string           `json:"digestEndTime"`
	DigestS3Bucket              *string           `json:"digestS3Bucket"`
	DigestS3Object              *string           `json:"digestS3Object"`
	DigestPublicKeyFingerprint  *string           `json:"digestPublicKeyFingerprint"`
	DigestSignatureAlgorithm    string            `json:"digestSignatureAlgorithm"`
	PreviousDigestS3Bucket      *string           `json:"previousDigestS3Bucket"`
	PreviousDigestS3Object      *string           `json:"previousDigestS3Object"`
	PreviousDigestHashValue     *string           `json:"previousDigestHashValue"`
	PreviousDigestHashAlgorithm *string           `json:"previousDigestHashAlgorithm"`
	PreviousDigestSignature     json.RawMessage   `json:"previousDigestSignature"` // nil when absent, null when null
	LogFiles                    list[wireLogFile] `json:"logFiles"`
}

type wireLogFile struct {
	S3Bucket        string  `json:"s3Bucket"`
	S3Object        string  `json:"s3Object"`
	HashValue       string  `json:"hashValue"`
	HashAlgorithm   string  `json:"hashAlgorithm"`
	NewestEventTime *string `json:"newestEventTime"`
	OldestEventTime *string `json:"oldestEventTime"`
}

// Parse reads one digest from its uncompressed bytes. An error says what is wrong with the document; it does not judge a signature.
func Parse(b []byte) (*Digest, error) {
	if len(b) > maxDigestBytes {
		return nil, fmt.Errorf("digest of %d bytes is larger than %d", len(b), maxDigestBytes)
	}
	var w wireDigest
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("digest is not the JSON expected: %w", err)
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	d := &Digest{
		Account:        w.AwsAccountID,
		Bucket:         *w.DigestS3Bucket,
		Object:         *w.DigestS3Object,
		Fingerprint:    strings.ToLower(*w.DigestPublicKeyFingerprint),
		Algorithm:      w.DigestSignatureAlgorithm,
		PreviousBucket: text(w.PreviousDigestS3Bucket),
		PreviousObject: text(w.PreviousDigestS3Object),
		PreviousSHA256: strings.ToLower(text(w.PreviousDigestHashValue)),
		SHA256:         hex.EncodeToString(sum[:]),
		end:            *w.DigestEndTime,
		previousSign:   "null",
		previousAlgo:   text(w.PreviousDigestHashAlgorithm),
	}
	if err := d.fill(&w); err != nil {
		return nil, err
	}
	return d, nil
}

// fill sets what can still fail: times, the previous signature and the log files.
func (d *Digest) fill(w *wireDigest) error {
	if string(w.PreviousDigestSignature) != "null" {
		if err := json.Unmarshal(w.PreviousDigestSignature, &d.previousSign); err != nil {
			return fmt.Errorf("digest's previousDigestSignature: %w", err)
		}
		d.PreviousSignature = strings.ToLower(d.previousSign)
	}
	var err error
	if d.Start, err = time.Parse(time.RFC3339, *w.DigestStartTime); err != nil {
		return fmt.Errorf("digest's digestStartTime: %w", err)
	}
	if d.End, err = time.Parse(time.RFC3339, d.end); err != nil {
		return fmt.Errorf("digest's digestEndTime: %w", err)
	}
	d.Start, d.End = d.Start.UTC(), d.End.UTC()
	if d.End.Before(d.Start) {
		return fmt.Errorf("digest ends at %s before it starts at %s", d.end, *w.DigestStartTime)
	}
	d.LogFiles = make([]LogFile, 0, len(w.LogFiles))
	for i := range w.LogFiles {
		l, err := w.LogFiles[i].logFile()
		if err != nil {
			return fmt.Errorf("digest's log file %d: %w", i+1, err)
		}
		d.LogFiles = append(d.LogFiles, l)
	}
	return nil
}

func (w *wireDigest) check() error {
	for _, f := range []struct {
		name  string
		value *string
		limit int
	}{
		{"digestStartTime", w.DigestStartTime, 64},
		{"digestEndTime", w.DigestEndTime, 64},
		{"digestS3Bucket", w.DigestS3Bucket, 255},
		{"digestS3Object", w.DigestS3Object, maxKeyBytes},
		{"digestPublicKeyFingerprint", w.DigestPublicKeyFingerprint, 256},
	} {
		if f.value == nil || *f.value == "" {
			return fmt.Errorf("digest lacks %s", f.name)
		}
		if len(*f.value) > f.limit {
			return fmt.Errorf("digest's %s has %d bytes, more than %d", f.name, len(*f.value), f.limit)
		}
	}
	if w.PreviousDigestSignature == nil {
		return errors.New("digest lacks previousDigestSignature")
	}
	for _, s := range []*string{w.PreviousDigestS3Bucket, w.PreviousDigestS3Object, w.PreviousDigestHashValue, w.PreviousDigestHashAlgorithm} {
		if len(text(s)) > maxKeyBytes {
			return fmt.Errorf("digest names its previous digest with a text of %d bytes, more than %d", len(*s), maxKeyBytes)
		}
	}
	if (text(w.PreviousDigestS3Bucket) == "") != (text(w.PreviousDigestS3Object) == "") {
		return errors.New("digest names only one of previousDigestS3Bucket and previousDigestS3Object")
	}
	return nil
}

func (w *wireLogFile) logFile() (LogFile, error) {
	l := LogFile{Bucket: w.S3Bucket, Object: w.S3Object, SHA256: strings.ToLower(w.HashValue), Algorithm: w.HashAlgorithm}
	switch {
	case l.Object == "":
		return l, errors.New("no s3Object")
	case len(l.Object) > maxKeyBytes || len(l.Bucket) > 255 || len(l.Algorithm) > 64:
		return l, errors.New("s3Bucket, s3Object or hashAlgorithm is too long")
	case len(l.SHA256) > 256:
		return l, errors.New("hashValue is too long")
	}
	// An event time only narrows a time range; one that cannot be read narrows nothing.
	l.Oldest, _ = time.Parse(time.RFC3339, text(w.OldestEventTime))
	l.Newest, _ = time.Parse(time.RFC3339, text(w.NewestEventTime))
	return l, nil
}

// starting tells whether the digest begins a chain: the trail was created, restarted, or had validation switched on.
func (d *Digest) starting() bool { return d.PreviousObject == "" }

// signed returns the text under the signature.
func (d *Digest) signed() []byte {
	return []byte(d.end + "\n" + d.Bucket + "/" + d.Object + "\n" + d.SHA256 + "\n" + d.previousSign)
}

// A list is a JSON array that stops at maxLogFiles elements instead of filling memory: 64 MiB of "{}," would be gigabytes.
type list[T any] []T

// UnmarshalJSON reads the array one element at a time.
func (l *list[T]) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if len(b) == 0 || b[0] != '[' {
		return errors.New("want a list")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if _, err := dec.Token(); err != nil {
		return err
	}
	*l = list[T]{}
	for dec.More() {
		if len(*l) == maxLogFiles {
			return fmt.Errorf("list of more than %d", maxLogFiles)
		}
		var one T
		if err := dec.Decode(&one); err != nil {
			return err
		}
		*l = append(*l, one)
	}
	return nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
