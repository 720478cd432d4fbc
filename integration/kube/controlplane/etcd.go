package main

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd runs a store of one member. It listens on sockets in its directory, so it needs no port, and a copy of the
// directory serves another cluster as well. It doesn't wait for the disk: what it says is written outlives the process,
// and nothing here has to outlive the machine.
func (c *cluster) startEtcd() (*embed.Etcd, error) {
	cfg := embed.NewConfig()
	cfg.Dir = c.path("etcd")
	cfg.LogLevel = "error"
	cfg.UnsafeNoFsync = true
	cfg.EnableGRPCGateway = false
	client, peer := url.URL{Scheme: "unix", Path: c.path("etcd.sock")}, url.URL{Scheme: "unix", Path: c.path("etcd-peer.sock")}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	store, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	select {
	case <-store.Server.ReadyNotify():
		return store, nil
	case err = <-store.Err():
	case <-time.After(time.Minute):
		err = errors.New("not ready after a minute")
	}
	store.Close()
	return nil, fmt.Errorf("etcd: %w", err)
}
