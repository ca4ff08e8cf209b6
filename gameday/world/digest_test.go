package world_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

// TestDigestChains checks every chain as AWS documents it, with nothing from the package that wrote it.
func TestDigestChains(t *testing.T) {
	w := week(t)
	var keys struct {
		PublicKeyList []struct{ Value, Fingerprint string }
	}
	if err := json.Unmarshal(w.files["public-keys.json"], &keys); err != nil || len(keys.PublicKeyList) != 1 {
		t.Fatalf("public keys: %v, %d keys", err, len(keys.PublicKeyList))
	}
	der, err := base64.StdEncoding.DecodeString(keys.PublicKeyList[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.ParsePKCS1PublicKey(der)
	if err != nil || pub.N.BitLen() != 2048 {
		t.Fatalf("public key: %v", err)
	}
	named := map[string]bool{}
	starts, digests, empty := 0, 0, 0
	for _, key := range w.paths {
		if !strings.Contains(key, "/CloudTrail-Digest/") || !strings.HasSuffix(key, ".json.gz") {
			continue
		}
		digests++
		var d struct {
			DigestEndTime, DigestS3Bucket, DigestS3Object, DigestPublicKeyFingerprint                 string
			PreviousDigestS3Object, PreviousDigestHashValue, PreviousDigestSignature, NewestEventTime *string
			LogFiles                                                                                  []struct{ S3Object, HashValue string }
		}
		body := w.files[key]
		if err := json.Unmarshal(body, &d); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		signature := metadata(t, w, key)
		if d.DigestS3Object != key || d.DigestPublicKeyFingerprint != keys.PublicKeyList[0].Fingerprint {
			t.Errorf("%s: names %s and key %s", key, d.DigestS3Object, d.DigestPublicKeyFingerprint)
		}
		sum := sha256.Sum256(body)
		before := "null"
		if d.PreviousDigestSignature != nil {
			before = *d.PreviousDigestSignature
			prev := w.files[*d.PreviousDigestS3Object]
			prevSum := sha256.Sum256(prev)
			if hex.EncodeToString(prevSum[:]) != *d.PreviousDigestHashValue || metadata(t, w, *d.PreviousDigestS3Object) != before {
				t.Errorf("%s: the previous digest does not fit", key)
			}
		} else {
			starts++
		}
		text := sha256.Sum256([]byte(d.DigestEndTime + "\n" + d.DigestS3Bucket + "/" + key + "\n" + hex.EncodeToString(sum[:]) + "\n" + before))
		sig, err := hex.DecodeString(signature)
		if err != nil {
			t.Fatal(err)
		}
		if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, text[:], sig); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if len(d.LogFiles) == 0 {
			empty++
			if d.NewestEventTime != nil {
				t.Errorf("%s: no files but event times", key)
			}
		}
		for _, l := range d.LogFiles {
			got := sha256.Sum256(w.files[l.S3Object])
			if hex.EncodeToString(got[:]) != l.HashValue || named[l.S3Object] {
				t.Errorf("%s: log %s: wrong hash or named twice", key, l.S3Object)
			}
			named[l.S3Object] = true
		}
	}
	for _, key := range w.paths {
		if strings.Contains(key, "/CloudTrail/") && !named[key] {
			t.Errorf("no digest names %s", key)
		}
	}
	if starts != 16 || digests < 16*90 || empty == 0 {
		t.Errorf("%d chains, %d digests, %d empty: want 15 regions and the older trail, hourly, some hours empty", starts, digests, empty)
	}
}

func metadata(t *testing.T, w *sample, key string) string {
	t.Helper()
	var head struct {
		Metadata map[string]string
	}
	if err := json.Unmarshal(w.files[key+".head.json"], &head); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	if head.Metadata["signature-algorithm"] != "SHA256withRSA" {
		t.Errorf("%s: algorithm %q", key, head.Metadata["signature-algorithm"])
	}
	return head.Metadata["signature"]
}
