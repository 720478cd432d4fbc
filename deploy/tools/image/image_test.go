package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

// source is a module as small as can be in a folder of its own, in the place of the main one.
func source(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	command := filepath.Join(dir, "cmd", "grapevine")
	require.NoError(t, os.MkdirAll(command, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/grapevine\n\ngo 1.26.0\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(command, "main.go"), []byte("package main\n\nvar release string\n\nfunc main() { println(release) }\n"), 0o644))
	return dir
}

func TestTwoBuildsHaveOneDigest(t *testing.T) {
	var lines, archives [2]string
	for i := range 2 {
		archive := filepath.Join(t.TempDir(), "grapevine.tar")
		lines[i] = output(t, "--source", source(t), "--version", "v1.2.3", "--archive", archive)
		content, err := os.ReadFile(archive)
		require.NoError(t, err)
		archives[i] = string(content)
	}
	require.Equal(t, lines[0], lines[1])
	require.True(t, archives[0] == archives[1], "the archives are the same, byte for byte")

	other := output(t, "--source", source(t), "--version", "v1.2.4", "--archive", filepath.Join(t.TempDir(), "a.tar"))
	require.NotEqual(t, lines[0], other, "another version is another image")
}

func TestTheImageIsOneBinaryForNobodyInParticular(t *testing.T) {
	platforms, err := parsePlatforms("linux/amd64,linux/arm64")
	require.NoError(t, err)
	b, err := build(t.Context(), source(t), "v1.2.3", platforms)
	require.NoError(t, err)
	for i, arch := range []string{"amd64", "arm64"} {
		config, err := b.images[i].ConfigFile()
		require.NoError(t, err)
		require.Equal(t, arch, config.Architecture)
		require.Equal(t, "65532:65532", config.Config.User)
		require.Equal(t, []string{"/grapevine"}, config.Config.Entrypoint)
		require.Equal(t, int64(0), config.Created.Unix())
		require.Equal(t, []string{"grapevine"}, contents(t, b.images[i]))
	}
}

// TestArchive reads an archive the way Docker does; containerd's way goes over index.json, which names the index.
func TestArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grapevine.tar")
	line := output(t, "--source", source(t), "--platform", "linux/amd64", "--ref", "localhost/grapevine:dev-", "--archive", path)
	ref, digest, _ := strings.Cut(strings.TrimSpace(line), "@sha256:")
	require.Equal(t, "localhost/grapevine:dev-"+digest[:12], ref)

	tag, err := name.NewTag(ref)
	require.NoError(t, err)
	image, err := tarball.ImageFromPath(path, &tag)
	require.NoError(t, err)
	require.NoError(t, validate.Image(image))
	require.Equal(t, []string{"grapevine"}, contents(t, image))

	files := untar(t, path)
	require.Contains(t, files, "oci-layout")
	index, err := v1.ParseIndexManifest(bytes.NewReader(files["index.json"]))
	require.NoError(t, err)
	require.Equal(t, ref, index.Manifests[0].Annotations["io.containerd.image.name"])
	require.Contains(t, files, "blobs/sha256/"+digest)
	inner, err := v1.ParseIndexManifest(bytes.NewReader(files["blobs/sha256/"+digest]))
	require.NoError(t, err)
	require.Contains(t, files, blob(inner.Manifests[0].Digest))
	require.Equal(t, "amd64", inner.Manifests[0].Platform.Architecture)
}

func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/team/grapevine:v1"
	line := strings.TrimSpace(output(t, "--source", source(t), "--ref", ref, "--push"))
	pinned, err := name.NewDigest(line)
	require.NoError(t, err)
	index, err := remote.Index(pinned)
	require.NoError(t, err)
	require.NoError(t, validate.Index(index))
}

func TestWrongUseShowsWhatIsRight(t *testing.T) {
	for _, row := range []struct {
		args []string
		want string
	}{
		{nil, "--archive grapevine.tar"},
		{[]string{"--archive", "a.tar", "--platform", "windows/amd64"}, "linux/amd64, linux/arm64"},
		{[]string{"--archive", "a.tar", "what"}, "--archive grapevine.tar"},
	} {
		require.ErrorContains(t, run(t.Context(), row.args, io.Discard), row.want)
	}
	_, err := reference("UPPER CASE", "")
	require.ErrorContains(t, err, "--ref localhost/grapevine:dev")
}

func output(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), args, &out))
	return out.String()
}

// contents returns the names of the files in an image.
func contents(t *testing.T, image v1.Image) []string {
	t.Helper()
	layers, err := image.Layers()
	require.NoError(t, err)
	var names []string
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		require.NoError(t, err)
		r := tar.NewReader(content)
		for {
			header, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			require.Equal(t, int64(0o555), header.Mode)
			names = append(names, header.Name)
		}
		require.NoError(t, content.Close())
	}
	return names
}

func untar(t *testing.T, path string) map[string][]byte {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	files := make(map[string][]byte)
	r := tar.NewReader(file)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		files[header.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
}
