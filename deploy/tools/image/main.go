// Command image builds Grapevine's container image, without a container runtime:
//
//	deploy/image.sh --archive grapevine.tar                        for docker load, ctr images import, kind load image-archive
//	deploy/image.sh --ref registry.example.com/grapevine:v1 --push to a registry, for linux/amd64 and linux/arm64
//
// The image has one file:
//
//	go build (CGO off, -trimpath, no VCS stamp)──▶ /grapevine ──▶ layer ──▶ manifest ─┐
//	                         once for each platform                                   ├──▶ index ──▶ archive, registry
//	                                               /grapevine ──▶ layer ──▶ manifest ─┘
//
// The same source, version and Go release give the same digest anywhere: no times, no user names, no order of a file
// system get in. The digest is printed last, as REF@sha256:….
//
// A library was chosen over a Dockerfile because building needs no daemon and no privileges then, and because nothing
// between two builds can differ that isn't in this folder.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/name"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && err != flag.ErrHelp {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	source    string
	ref       string
	version   string
	platforms string
	archive   string
	push      bool
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	var o options
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.StringVar(&o.source, "source", filepath.Join("..", ".."), "`directory` of the main module")
	flags.StringVar(&o.ref, "ref", "localhost/grapevine:dev", "`name` of the image; a tag that ends in - is completed by the digest's beginning")
	flags.StringVar(&o.version, "version", "devel", "what `grapevine version` says")
	flags.StringVar(&o.platforms, "platform", "linux/amd64,linux/arm64", "comma-separated platforms")
	flags.StringVar(&o.archive, "archive", "", "writes an archive to this `FILE` (OCI, readable as a Docker archive too)")
	flags.BoolVar(&o.push, "push", false, "pushes to the registry that --ref names")
	if err := flags.Parse(args); err != nil {
		return err
	}
	platforms, err := parsePlatforms(o.platforms)
	if err != nil {
		return err
	}
	if flags.NArg() > 0 || o.archive == "" && !o.push {
		return fmt.Errorf("want somewhere to put the image: --archive grapevine.tar, or --ref registry.example.com/grapevine:v1 --push")
	}
	built, err := build(ctx, o.source, o.version, platforms)
	if err != nil {
		return err
	}
	ref, err := reference(o.ref, built.digest.Hex)
	if err != nil {
		return err
	}
	if o.archive != "" {
		if err := writeArchive(o.archive, ref, built); err != nil {
			return err
		}
	}
	if o.push {
		if err := push(ctx, ref, built); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(stdout, "%s@%s\n", ref, built.digest)
	return err
}

// reference completes a tag such as "dev-" by the digest, so that another content has another name: nodes then never run
// what an old image of the same name held.
func reference(text, digest string) (name.Tag, error) {
	if strings.HasSuffix(text, "-") {
		text += digest[:12]
	}
	tag, err := name.NewTag(text, name.StrictValidation)
	if err != nil {
		return name.Tag{}, fmt.Errorf("--ref: %w; want such as --ref localhost/grapevine:dev", err)
	}
	return tag, nil
}
