package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// writeArchive writes an OCI image layout as one tar file, with a manifest.json for those who know only Docker archives:
// Docker without containerd's image store. These see the first platform; all others choose their own. Docker itself saves
// images in this shape.
//
//	oci-layout, index.json    what containerd reads; the name stands in the annotations
//	manifest.json             what older Dockers read
//	blobs/sha256/…            manifests, configurations, layers
func writeArchive(path string, ref name.Tag, b built) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	a := &archive{w: tar.NewWriter(file), done: make(map[v1.Hash]bool)}
	if err := a.json("oci-layout", map[string]string{"imageLayoutVersion": "1.0.0"}); err != nil {
		return err
	}
	if err := a.entrance(ref, b); err != nil {
		return err
	}
	for _, image := range b.images {
		if err := a.image(image); err != nil {
			return err
		}
	}
	index, err := b.index.RawManifest()
	if err != nil {
		return err
	}
	if err := a.file(blob(b.digest), index); err != nil {
		return err
	}
	return a.w.Close()
}

func blob(digest v1.Hash) string { return "blobs/" + digest.Algorithm + "/" + digest.Hex }

// archive is a tar file in the making.
type archive struct {
	w    *tar.Writer
	done map[v1.Hash]bool
}

// entrance writes index.json and manifest.json.
func (a *archive) entrance(ref name.Tag, b built) error {
	size, err := b.index.Size()
	if err != nil {
		return err
	}
	err = a.json("index.json", v1.IndexManifest{
		SchemaVersion: 2, MediaType: types.OCIImageIndex,
		Manifests: []v1.Descriptor{{
			MediaType: types.OCIImageIndex, Size: size, Digest: b.digest,
			Annotations: map[string]string{"io.containerd.image.name": ref.Name(), "org.opencontainers.image.ref.name": ref.TagStr()},
		}},
	})
	if err != nil {
		return err
	}
	manifest, err := b.images[0].Manifest()
	if err != nil {
		return err
	}
	layers := []string{}
	for _, layer := range manifest.Layers {
		layers = append(layers, blob(layer.Digest))
	}
	return a.json("manifest.json", []map[string]any{{"Config": blob(manifest.Config.Digest), "RepoTags": []string{ref.Name()}, "Layers": layers}})
}

// image writes the blobs of an image.
func (a *archive) image(image v1.Image) error {
	manifest, err := image.RawManifest()
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return err
	}
	configDigest, err := image.ConfigName()
	if err != nil {
		return err
	}
	if err := errors.Join(a.file(blob(digest), manifest), a.file(blob(configDigest), config)); err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		if err := a.layer(layer); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) layer(layer v1.Layer) error {
	digest, err := layer.Digest()
	if err != nil || a.done[digest] {
		return err
	}
	a.done[digest] = true
	compressed, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer compressed.Close()
	content, err := io.ReadAll(compressed)
	if err != nil {
		return err
	}
	return a.file(blob(digest), content)
}

func (a *archive) json(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return a.file(path, text)
}

func (a *archive) file(path string, content []byte) error {
	header := &tar.Header{Name: path, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := a.w.WriteHeader(header); err != nil {
		return err
	}
	_, err := a.w.Write(content)
	return err
}

// push sends the index and all that it names to the registry, as the user whom `docker login` or a helper knows there.
func push(ctx context.Context, ref name.Tag, b built) error {
	return remote.WriteIndex(ref, b.index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
}
