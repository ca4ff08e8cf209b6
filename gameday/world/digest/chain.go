package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Log is a log file as a digest names it.
type Log struct {
	Key            string
	Sum            [32]byte // SHA-256 of the uncompressed file
	Oldest, Newest int64    // event times, unix seconds
}

// Chain is the digests of one trail and region, oldest first.
type Chain struct {
	Signer  *Signer
	Account string
	Region  string
	Trail   string
	Home    string // the trail's home region
	Bucket  string

	last *previous
}

type previous struct{ key, sum, signature string }

// File is a digest with what S3 keeps beside it.
type File struct {
	Key  string
	Body []byte // uncompressed JSON
	Head []byte // the object's metadata in the shape of `aws s3api head-object`
}

const stamp = "2006-01-02T15:04:05Z"

type content struct {
	Account     string  `json:"awsAccountId"`
	Start       string  `json:"digestStartTime"`
	End         string  `json:"digestEndTime"`
	Bucket      string  `json:"digestS3Bucket"`
	Object      string  `json:"digestS3Object"`
	Fingerprint string  `json:"digestPublicKeyFingerprint"`
	Algorithm   string  `json:"digestSignatureAlgorithm"`
	Newest      *string `json:"newestEventTime"`
	Oldest      *string `json:"oldestEventTime"`
	PrevBucket  *string `json:"previousDigestS3Bucket"`
	PrevObject  *string `json:"previousDigestS3Object"`
	PrevHash    *string `json:"previousDigestHashValue"`
	PrevHashAlg *string `json:"previousDigestHashAlgorithm"`
	PrevSig     *string `json:"previousDigestSignature"`
	Logs        []entry `json:"logFiles"`
}

type entry struct {
	Bucket    string `json:"s3Bucket"`
	Object    string `json:"s3Object"`
	Hash      string `json:"hashValue"`
	Algorithm string `json:"hashAlgorithm"`
	Newest    string `json:"newestEventTime"`
	Oldest    string `json:"oldestEventTime"`
}

// Next writes the digest of the hour that ends at end, for the log files delivered in it. An hour without files has a digest too.
func (c *Chain) Next(end time.Time, logs []Log) (File, error) {
	end = end.UTC()
	key := fmt.Sprintf("AWSLogs/%s/CloudTrail-Digest/%s/%s/%s_CloudTrail-Digest_%s_%s_%s_%s.json.gz", c.Account, c.Region, end.Format("2006/01/02"), c.Account, c.Region, c.Trail, c.Home, end.Format("20060102T150405Z"))
	d := content{Account: c.Account, Start: end.Add(-time.Hour).Format(stamp), End: end.Format(stamp), Bucket: c.Bucket, Object: key, Fingerprint: c.Signer.fingerprint, Algorithm: "SHA256withRSA", Logs: []entry{}}
	var oldest, newest int64
	for i, l := range logs {
		if i == 0 || l.Oldest < oldest {
			oldest = l.Oldest
		}
		newest = max(newest, l.Newest)
		d.Logs = append(d.Logs, entry{Bucket: c.Bucket, Object: l.Key, Hash: hex.EncodeToString(l.Sum[:]), Algorithm: "SHA-256", Newest: clock(l.Newest), Oldest: clock(l.Oldest)})
	}
	if len(logs) > 0 {
		n, o := clock(newest), clock(oldest)
		d.Newest, d.Oldest = &n, &o
	}
	before := "null"
	if p := c.last; p != nil {
		alg := "SHA-256"
		d.PrevBucket, d.PrevObject, d.PrevHash, d.PrevHashAlg, d.PrevSig = &c.Bucket, &p.key, &p.sum, &alg, &p.signature
		before = p.signature
	}
	body, err := json.Marshal(d)
	if err != nil {
		return File{}, fmt.Errorf("digest: %s: %w", key, err)
	}
	raw := sha256.Sum256(body)
	sum := hex.EncodeToString(raw[:])
	signature, err := c.Signer.sign(d.End + "\n" + c.Bucket + "/" + key + "\n" + sum + "\n" + before)
	if err != nil {
		return File{}, err
	}
	c.last = &previous{key: key, sum: sum, signature: signature}
	head, err := json.MarshalIndent(map[string]any{
		"AcceptRanges": "bytes", "ContentType": "application/json", "ContentEncoding": "gzip", "LastModified": end.Add(7 * time.Minute).Format("2006-01-02T15:04:05+00:00"),
		"Metadata": map[string]string{"signature": signature, "signature-algorithm": "SHA256withRSA"}, "ServerSideEncryption": "AES256",
	}, "", "    ")
	if err != nil {
		return File{}, fmt.Errorf("digest: %s: %w", key, err)
	}
	return File{Key: key, Body: body, Head: append(head, '\n')}, nil
}

func clock(t int64) string { return time.Unix(t, 0).UTC().Format(stamp) }
