package digest

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Limits of public key files.
const (
	maxKeyFileBytes = 4 << 20
	maxKeys         = 100_000
	maxModulusBits  = 8192
)

// Keys are public keys by fingerprint. The zero value and nil hold none.
type Keys struct {
	byFingerprint map[string][]publicKey
	count         int
}

type publicKey struct {
	public     *rsa.PublicKey
	start, end time.Time
}

type wireKeys struct {
	PublicKeyList list[wireKey]
}

type wireKey struct {
	Value             string
	Fingerprint       string
	ValidityStartTime json.RawMessage
	ValidityEndTime   json.RawMessage
}

// ParseKeys reads the output of aws cloudtrail list-public-keys: one or more documents, of any regions, each holding one or more JSON
// texts one after another. Value is base64 of a PKCS#1 DER key; times are RFC 3339 or seconds since 1970.
func ParseKeys(documents ...[]byte) (*Keys, error) {
	k := &Keys{byFingerprint: map[string][]publicKey{}}
	for i, b := range documents {
		if err := k.read(b); err != nil {
			return nil, fmt.Errorf("public keys, document %d: %w", i+1, err)
		}
	}
	return k, nil
}

func (k *Keys) read(b []byte) error {
	if len(b) > maxKeyFileBytes {
		return fmt.Errorf("%d bytes, more than %d", len(b), maxKeyFileBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	for texts := 0; ; texts++ {
		var raw json.RawMessage
		if err := dec.Decode(&raw); errors.Is(err, io.EOF) {
			if texts == 0 {
				return errors.New("empty; want the output of aws cloudtrail list-public-keys")
			}
			return nil
		} else if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		var doc wireKeys
		var err error
		if raw[0] == '[' {
			err = json.Unmarshal(raw, &doc.PublicKeyList)
		} else {
			err = json.Unmarshal(raw, &doc)
		}
		if err != nil {
			return fmt.Errorf("not a PublicKeyList: %w", err)
		}
		if doc.PublicKeyList == nil {
			return errors.New("no PublicKeyList in it; want the output of aws cloudtrail list-public-keys")
		}
		for i := range doc.PublicKeyList {
			if err := k.add(&doc.PublicKeyList[i]); err != nil {
				return fmt.Errorf("key %d: %w", i+1, err)
			}
		}
	}
}

func (k *Keys) add(w *wireKey) error {
	if k.count++; k.count > maxKeys {
		return fmt.Errorf("more than %d keys", maxKeys)
	}
	if w.Fingerprint == "" || len(w.Fingerprint) > 256 {
		return errors.New("no usable Fingerprint")
	}
	der, err := base64.StdEncoding.DecodeString(w.Value)
	if err != nil {
		return fmt.Errorf("fingerprint %s: Value is not base64: %w", quote(w.Fingerprint), err)
	}
	p := publicKey{}
	if p.public, err = x509.ParsePKCS1PublicKey(der); err != nil {
		return fmt.Errorf("fingerprint %s: Value is not a PKCS#1 public key: %w", quote(w.Fingerprint), err)
	}
	if bits := p.public.N.BitLen(); bits > maxModulusBits {
		return fmt.Errorf("fingerprint %s: key of %d bits, more than %d", quote(w.Fingerprint), bits, maxModulusBits)
	}
	if p.start, err = parseTime(w.ValidityStartTime); err != nil {
		return fmt.Errorf("fingerprint %s: ValidityStartTime: %w", quote(w.Fingerprint), err)
	}
	if p.end, err = parseTime(w.ValidityEndTime); err != nil {
		return fmt.Errorf("fingerprint %s: ValidityEndTime: %w", quote(w.Fingerprint), err)
	}
	f := strings.ToLower(w.Fingerprint)
	for _, have := range k.byFingerprint[f] {
		if have.public.Equal(p.public) && have.start.Equal(p.start) && have.end.Equal(p.end) {
			return nil
		}
	}
	k.byFingerprint[f] = append(k.byFingerprint[f], p)
	return nil
}

func (k *Keys) find(fingerprint string) []publicKey {
	if k == nil {
		return nil
	}
	return k.byFingerprint[strings.ToLower(fingerprint)]
}

// parseTime reads RFC 3339 or seconds since 1970, as a number or as a text. Nothing and null are the zero time.
func parseTime(raw json.RawMessage) (time.Time, error) {
	s := strings.Trim(string(raw), `"`)
	if s == "" || s == "null" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > 253402300799 {
		return time.Time{}, fmt.Errorf("%s is neither RFC 3339 nor seconds since 1970", quote(s))
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), nil
}
