package digest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Limits of metadata: S3 allows 2 KB of user metadata; head-object's whole output is a few more.
const (
	maxMetadataBytes = 64 << 10
	maxMetadataFile  = 1 << 30 // of a metadata.jsonl, about a million digests
	maxBadLines      = 100     // noticed one by one
)

// sealed is what the metadata of a digest's S3 object says.
type sealed struct {
	signature string // hex, lower-case
	algorithm string
	generated time.Time // of a backfill digest
}

// normal reads user metadata whatever the case and prefix of its names.
func normal(metadata map[string]string) sealed {
	var s sealed
	for _, name := range slices.Sorted(maps.Keys(metadata)) { // Sorted: two spellings of one name must not make a lottery.
		value := metadata[name]
		if len(value) > maxTextBytes {
			continue
		}
		switch metadataName(name) {
		case "signature":
			s.signature = strings.ToLower(value)
		case "signature-algorithm":
			s.algorithm = value
		case "backfill-generation-timestamp":
			s.generated, _ = parseTime(json.RawMessage(value))
		}
	}
	return s
}

func metadataName(name string) string {
	return strings.TrimPrefix(strings.ToLower(strings.ReplaceAll(name, "_", "-")), "x-amz-meta-")
}

// parseMetadata reads one object's metadata: head-object's output, or the bare map of names and texts.
// A name given twice with different texts is refused: which one counts would be a guess.
func parseMetadata(b []byte) (sealed, error) {
	if len(b) > maxMetadataBytes {
		return sealed{}, fmt.Errorf("metadata of %d bytes, more than %d", len(b), maxMetadataBytes)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(b, &doc); err != nil {
		return sealed{}, fmt.Errorf("metadata is not a JSON object: %w", err)
	}
	found := map[string]string{}
	if err := collect(doc, found); err != nil {
		return sealed{}, err
	}
	return normal(found), nil
}

// collect takes the names this package knows from doc and from a "Metadata" object in it.
func collect(doc map[string]json.RawMessage, found map[string]string) error {
	for name, raw := range doc {
		switch n := metadataName(name); n {
		case "metadata":
			var inner map[string]json.RawMessage
			if err := json.Unmarshal(raw, &inner); err != nil {
				return fmt.Errorf("metadata's %s is not an object: %w", quote(name), err)
			}
			if err := collectFlat(inner, found); err != nil {
				return err
			}
		default:
			if err := take(n, raw, found); err != nil {
				return err
			}
		}
	}
	return nil
}

func collectFlat(doc map[string]json.RawMessage, found map[string]string) error {
	for name, raw := range doc {
		if err := take(metadataName(name), raw, found); err != nil {
			return err
		}
	}
	return nil
}

func take(name string, raw json.RawMessage, found map[string]string) error {
	switch name {
	case "signature", "signature-algorithm", "backfill-generation-timestamp":
	default:
		return nil
	}
	var value string
	if err := json.Unmarshal(raw, &value); err != nil {
		return fmt.Errorf("metadata's %s is not a text", name)
	}
	if have, ok := found[name]; ok && have != value {
		return fmt.Errorf("metadata has %s twice with different texts", name)
	}
	found[name] = value
	return nil
}

// parseMetadataLine reads one line of metadata.jsonl: {"key": S3 key or path, "metadata": {...}}.
func parseMetadataLine(b []byte) (string, sealed, error) {
	var line struct {
		Key      string          `json:"key"`
		Metadata json.RawMessage `json:"metadata"`
	}
	if err := json.Unmarshal(b, &line); err != nil {
		return "", sealed{}, fmt.Errorf("not a JSON object: %w", err)
	}
	if line.Key == "" || len(line.Key) > 2*maxKeyBytes {
		return "", sealed{}, errors.New(`no usable "key"`)
	}
	if line.Metadata == nil {
		return "", sealed{}, errors.New(`no "metadata"`)
	}
	s, err := parseMetadata(line.Metadata)
	return line.Key, s, err
}
