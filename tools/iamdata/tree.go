package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tree is the content of a package: file name, with slashes and relative to the
// package's root, to bytes.
type tree map[string][]byte

// readTree reads an npm tarball, a Python wheel or a folder into which either
// was unpacked. Names lose the prefix that the archive puts before them.
func readTree(path, prefix string) (tree, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return readFolder(path, prefix)
	}
	packed, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(path, ".whl") {
		return readWheel(packed)
	}
	return readTarball(packed, prefix)
}

func readFolder(root, prefix string) (tree, error) {
	files := tree{}
	inner := filepath.Join(root, filepath.FromSlash(prefix))
	if info, err := os.Stat(inner); err == nil && info.IsDir() {
		root = inner
	}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !wanted(name) {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)], err = os.ReadFile(name)
		return err
	})
	return files, err
}

func readTarball(packed []byte, prefix string) (tree, error) {
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	files := tree{}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg || !wanted(header.Name) {
			continue
		}
		if files[strings.TrimPrefix(header.Name, prefix)], err = io.ReadAll(archive); err != nil {
			return nil, err
		}
	}
}

func readWheel(packed []byte) (tree, error) {
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, err
	}
	files := tree{}
	for _, entry := range archive.File {
		if !wanted(entry.Name) {
			continue
		}
		if files[entry.Name], err = fs.ReadFile(archive, entry.Name); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// wanted keeps the data and what names the version.
func wanted(name string) bool {
	return strings.HasSuffix(name, ".json") || strings.HasSuffix(name, "METADATA")
}

// decode reads one JSON file of the package.
func (t tree) decode(name string, into any) error {
	content, ok := t[name]
	if !ok {
		return fmt.Errorf("%s is missing: is this the right package?", name)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
