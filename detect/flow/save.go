package flow

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
)

// stateMagic begins a saved state; the last byte is its version.
const stateMagic = "yagura-flow\x02"

// maxState bounds what Load reads, in bytes.
const maxState = 4 << 30

// Save writes the state of every detector by the id of its document.
func (d *Detector) Save(w io.Writer) error {
	var body bytes.Buffer
	e := gob.NewEncoder(&body)
	ids := slices.Sorted(maps.Keys(d.parts))
	if err := e.Encode(ids); err != nil {
		return err
	}
	for _, id := range ids {
		if err := e.Encode(shape(d.parts[id])); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		if err := e.EncodeValue(valueOf(d.parts[id].state())); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	if err := e.Encode(d.trusted); err != nil {
		return err
	}
	for _, source := range sources {
		if err := e.Encode(d.clocks[source].Values()); err != nil {
			return err
		}
	}
	for _, v := range []any{d.met, d.wrong} {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	sum := sha256.Sum256(body.Bytes())
	head := binary.LittleEndian.AppendUint64([]byte(stateMagic), uint64(body.Len()))
	for _, part := range [][]byte{head, sum[:], body.Bytes()} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// Load reads a state. Detectors that the state does not know begin anew; what
// it knows of documents that are gone is dropped.
func (d *Detector) Load(r io.Reader) error {
	head := make([]byte, len(stateMagic)+8+sha256.Size)
	if _, err := io.ReadFull(r, head); err != nil {
		return fmt.Errorf("state of the flow detectors: %w", err)
	}
	if string(head[:len(stateMagic)]) != stateMagic {
		return errors.New("state of the flow detectors: not one, or of another version of this program; delete it to begin anew")
	}
	size := binary.LittleEndian.Uint64(head[len(stateMagic):])
	if size > maxState {
		return fmt.Errorf("state of the flow detectors: %d bytes, at most %d", size, int64(maxState))
	}
	body, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err != nil || uint64(len(body)) != size {
		return fmt.Errorf("state of the flow detectors: cut off after %d of %d bytes", len(body), size)
	}
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], head[len(stateMagic)+8:]) {
		return errors.New("state of the flow detectors: damaged (checksum); delete it to begin anew")
	}
	fresh, err := New(d.cfg) // decoding adds to what is there
	if err != nil {
		return err
	}
	if err := fresh.decode(gob.NewDecoder(bytes.NewReader(body))); err != nil {
		return fmt.Errorf("state of the flow detectors: %w", err)
	}
	d.flows, d.names, d.parts, d.trusted = fresh.flows, fresh.names, fresh.parts, fresh.trusted
	d.clocks, d.met, d.wrong = fresh.clocks, fresh.met, fresh.wrong
	return nil
}

func (d *Detector) decode(g *gob.Decoder) error {
	var ids []string
	if err := g.Decode(&ids); err != nil {
		return err
	}
	for _, id := range ids {
		var was string
		if err := g.Decode(&was); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		p := d.parts[id]
		if p == nil || shape(p) != was { // gone, or another detector now
			if err := g.DecodeValue(reflect.Value{}); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			continue
		}
		if err := g.DecodeValue(valueOf(p.state())); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	if err := g.Decode(&d.trusted); err != nil {
		return err
	}
	for _, source := range sources {
		var values []int64
		if err := g.Decode(&values); err != nil {
			return err
		}
		if !d.clocks[source].Restore(values) {
			return errors.New("a clock that cannot be")
		}
	}
	if err := g.Decode(&d.met); err != nil {
		return err
	}
	return g.Decode(&d.wrong)
}

// valueOf gives the value that a state points to, for gob.
func valueOf(state any) reflect.Value { return reflect.ValueOf(state).Elem() }

// shape names what a part is.
func shape(p part) string { return fmt.Sprintf("%T", p) }

// nothing is the state of a detector that remembers nothing.
type nothing struct{ Nothing bool }
