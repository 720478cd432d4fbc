package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
	return newClient(config, userAgent)
}

// ConnectContext makes a client for a person's command, by the rules of kubectl: from the file that is named, or else
// $KUBECONFIG, or else ~/.kube/config; with the context that is named, or else the current one. It sends nothing yet.
func ConnectContext(kubeconfig, context, userAgent string) (*Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context})
	config, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, fmt.Errorf("kubernetes: no kubeconfig at %s; name one, such as --kubeconfig east.kubeconfig", strings.Join(rules.GetLoadingPrecedence(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return newClient(config, userAgent)
}

func newClient(config *rest.Config, userAgent string) (*Client, error) {
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

// Away tells whether a request failed on its way or at the API server itself rather than for what it was about, so that any
// other would have failed alike.
func Away(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return err != nil && !errors.Is(err, context.Canceled)
	}
	return apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServerTimeout(err) || apierrors.IsUnauthorized(err)
}
