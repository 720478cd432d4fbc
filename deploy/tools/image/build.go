package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is nobody in particular: no host's /etc/passwd has it, and Pod Security sees that it isn't root.
const user = "65532:65532"

// built is an image for one or more platforms.
type built struct {
	images []v1.Image // in the order of the platforms
	index  v1.ImageIndex
	digest v1.Hash // the index's
}

func parsePlatforms(text string) ([]v1.Platform, error) {
	var platforms []v1.Platform
	for part := range strings.SplitSeq(text, ",") {
		system, arch, _ := strings.Cut(strings.TrimSpace(part), "/")
		if system != "linux" || arch != "amd64" && arch != "arm64" {
			return nil, fmt.Errorf("--platform %q: want linux/amd64, linux/arm64 or both with a comma", part)
		}
		platforms = append(platforms, v1.Platform{OS: system, Architecture: arch})
	}
	return platforms, nil
}

func build(ctx context.Context, source, version string, platforms []v1.Platform) (built, error) {
	b := built{index: mutate.IndexMediaType(empty.Index, types.OCIImageIndex)}
	for _, platform := range platforms {
		binary, err := compile(ctx, source, version, platform)
		if err != nil {
			return built{}, err
		}
		image, err := imageOf(binary, version, platform)
		if err != nil {
			return built{}, err
		}
		b.images = append(b.images, image)
		b.index = mutate.AppendManifests(b.index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	var err error
	b.digest, err = b.index.Digest()
	return b, err
}

// compile builds a static binary that says nothing about where and when it was built.
func compile(ctx context.Context, source, version string, platform v1.Platform) ([]byte, error) {
	dir, err := os.MkdirTemp("", "grapevine-image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "grapevine")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.release="+version, "-o", out, "./cmd/grapevine")
	cmd.Dir, cmd.Stdout, cmd.Stderr = source, os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Architecture, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOWORK=off")
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go build for %s: %w", platform, err)
	}
	return os.ReadFile(out)
}

// imageOf makes an image of one layer: no shell, no package manager, nothing to update but ourselves. No certificate
// authorities either: a gateway trusts the mesh's CA and its own cluster's, both of which are mounted.
func imageOf(binary []byte, version string, platform v1.Platform) (v1.Image, error) {
	content, err := layerOf(binary)
	if err != nil {
		return nil, err
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	layer, err := tarball.LayerFromOpener(opener, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "go build ./cmd/grapevine"}})
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, configOf(image, version, platform))
}

func configOf(image v1.Image, version string, platform v1.Platform) *v1.ConfigFile {
	config, err := image.ConfigFile()
	if err != nil {
		panic("image: the configuration of an image in memory: " + err.Error())
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = platform.OS, platform.Architecture
	config.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	config.Config = v1.Config{
		Entrypoint: []string{"/grapevine"},
		User:       user,
		WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":   "grapevine",
			"org.opencontainers.image.version": version,
		},
	}
	return config
}

// layerOf is a tar archive with the binary alone.
func layerOf(binary []byte) ([]byte, error) {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	header := &tar.Header{Name: "grapevine", Typeflag: tar.TypeReg, Mode: 0o555, Size: int64(len(binary)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(binary); err != nil {
		return nil, err
	}
	err := w.Close()
	return content.Bytes(), err
}
