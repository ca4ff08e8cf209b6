// Package digest writes CloudTrail digest files: hourly lists of log files with their hashes, chained and signed, so that a reader can prove
// that nothing was changed or removed. The format and the string to sign are those of
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html. The signing key is
// derived from a stream of numbers, so a generated world has one key for ever; it protects nothing and must never sign real files.
package digest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

// Signer holds the key of a region's digests.
type Signer struct {
	key         *rsa.PrivateKey
	der         []byte
	fingerprint string
}

// NewSigner derives a 2048-bit RSA key from the stream: the same stream gives the same key. It does not use crypto/rsa's generator, whose
// use of its reader is deliberately unstable.
func NewSigner(stream io.Reader) (*Signer, error) {
	e := big.NewInt(65537)
	one := big.NewInt(1)
	for range 100 {
		p, err := prime(stream, e)
		if err != nil {
			return nil, err
		}
		q, err := prime(stream, e)
		if err != nil {
			return nil, err
		}
		n := new(big.Int).Mul(p, q)
		if p.Cmp(q) == 0 || n.BitLen() != 2048 {
			continue
		}
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: 65537}, D: new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q}}
		key.Precompute()
		if err := key.Validate(); err != nil {
			return nil, fmt.Errorf("digest: derived key: %w", err)
		}
		s := &Signer{key: key, der: x509.MarshalPKCS1PublicKey(&key.PublicKey)}
		print := sha256.Sum256(s.der)
		s.fingerprint = hex.EncodeToString(print[:16])
		return s, nil
	}
	return nil, errors.New("digest: no key found in 100 tries")
}

// prime returns the next 1024-bit prime of the stream with its two highest bits set and p-1 prime to e.
func prime(stream io.Reader, e *big.Int) (*big.Int, error) {
	buf := make([]byte, 128)
	if _, err := io.ReadFull(stream, buf); err != nil {
		return nil, fmt.Errorf("digest: read key stream: %w", err)
	}
	buf[0] |= 0xc0
	buf[127] |= 1
	p, two, rest := new(big.Int).SetBytes(buf), big.NewInt(2), new(big.Int)
	for {
		if p.ProbablyPrime(0) && p.ProbablyPrime(20) && rest.Mod(p, e).Cmp(big.NewInt(1)) != 0 {
			return p, nil
		}
		p.Add(p, two)
	}
}

// PublicKeys is the reply of `aws cloudtrail list-public-keys` for the time the key is valid.
func (s *Signer) PublicKeys(from, to time.Time) ([]byte, error) {
	type key struct {
		Value       string `json:"Value"`
		Start       string `json:"ValidityStartTime"`
		End         string `json:"ValidityEndTime"`
		Fingerprint string `json:"Fingerprint"`
	}
	stamp := "2006-01-02T15:04:05.000000-07:00"
	k := key{Value: base64.StdEncoding.EncodeToString(s.der), Start: from.UTC().Format(stamp), End: to.UTC().Format(stamp), Fingerprint: s.fingerprint}
	out, err := json.MarshalIndent(map[string][]key{"PublicKeyList": {k}}, "", "    ")
	if err != nil {
		return nil, fmt.Errorf("digest: %w", err)
	}
	return append(out, '\n'), nil
}

func (s *Signer) sign(text string) (string, error) {
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("digest: sign: %w", err)
	}
	return hex.EncodeToString(sig), nil
}
