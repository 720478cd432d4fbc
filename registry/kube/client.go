package kube

import (
	"fmt"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	mcs "sigs.k8s.io/mcs-api/pkg/client/clientset/versioned"
)

// client-go allows 5 requests a second where nothing is said, which makes the objects of a hundred services wait for twenty
// seconds. The API server has limits of its own (priority and fairness), and slows us when it must.
const (
	requestsPerSecond = 200
	requestsAtOnce    = 400
)

// Client speaks to one cluster's API server.
type Client struct {
	Core kubernetes.Interface
	MCS  mcs.Interface // the Multi-Cluster Services API, whose CRDs may be missing there
}

// Connect makes a client from a kubeconfig file's current context, or, where the path is empty, from what Kubernetes gives
// to every Pod. It sends nothing yet.
func Connect(kubeconfig, userAgent string) (*Client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if kubeconfig == "" {
		config, err = rest.InClusterConfig()
	}
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	config.UserAgent = userAgent
	config.QPS, config.Burst = requestsPerSecond, requestsAtOnce
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	multi, err := mcs.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return &Client{Core: core, MCS: multi}, nil
}
