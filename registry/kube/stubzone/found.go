package stubzone

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Where a cluster's DNS and its configuration are, by the names that all distributions share.
const (
	systemNamespace = "kube-system"
	coreDNSName     = "coredns"
	customName      = "coredns-custom"
	kubeDNSName     = "kube-dns"
	nodeLocalName   = "node-local-dns"
)

// Found is what there is of a cluster's DNS. Nothing in it is ever changed.
type Found struct {
	Version    string   // of the API server, such as v1.36.3-gke.100
	Groups     []string // of its APIs
	ConfigMaps map[string]*corev1.ConfigMap
	CoreDNS    *appsv1.Deployment // nil: there is none of that name
	release    release            // that it runs
	KubeDNS    *appsv1.Deployment
	NodeLocal  *appsv1.DaemonSet
}

// Look reads what a cluster has of DNS.
func Look(ctx context.Context, core kubernetes.Interface) (Found, error) {
	found := Found{ConfigMaps: make(map[string]*corev1.ConfigMap)}
	version, err := core.Discovery().ServerVersion()
	if err != nil {
		return found, fmt.Errorf("the API server's version: %w", err)
	}
	groups, err := core.Discovery().ServerGroups()
	if err != nil {
		return found, fmt.Errorf("the API server's groups: %w", err)
	}
	found.Version = version.GitVersion
	for _, group := range groups.Groups {
		found.Groups = append(found.Groups, group.Name)
	}
	for _, name := range []string{coreDNSName, customName, kubeDNSName, nodeLocalName} {
		object, err := core.CoreV1().ConfigMaps(systemNamespace).Get(ctx, name, metav1.GetOptions{})
		if object, err = present(object, err); err != nil {
			return found, fmt.Errorf("configmap %s/%s: %w", systemNamespace, name, err)
		}
		if object != nil {
			found.ConfigMaps[name] = object
		}
	}
	apps := core.AppsV1()
	if found.CoreDNS, err = present(apps.Deployments(systemNamespace).Get(ctx, coreDNSName, metav1.GetOptions{})); err != nil {
		return found, fmt.Errorf("deployment %s/%s: %w", systemNamespace, coreDNSName, err)
	}
	if found.CoreDNS != nil {
		found.release = coreDNSRelease(ctx, core, found.CoreDNS)
	}
	if found.KubeDNS, err = present(apps.Deployments(systemNamespace).Get(ctx, kubeDNSName, metav1.GetOptions{})); err != nil {
		return found, fmt.Errorf("deployment %s/%s: %w", systemNamespace, kubeDNSName, err)
	}
	if found.NodeLocal, err = present(apps.DaemonSets(systemNamespace).Get(ctx, nodeLocalName, metav1.GetOptions{})); err != nil {
		return found, fmt.Errorf("daemonset %s/%s: %w", systemNamespace, nodeLocalName, err)
	}
	return found, nil
}

// present turns the answer that there is no such object into none.
func present[T any](object *T, err error) (*T, error) {
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return object, err
}

// Provider is what answers a cluster's DNS, as far as it matters for telling it.
type Provider string

// The providers. The last four are told by hand.
const (
	CoreDNS       Provider = "CoreDNS"
	CustomCoreDNS Provider = "CoreDNS with coredns-custom" // its own ConfigMap belongs to the distribution
	KubeDNS       Provider = "kube-dns"
	CloudDNS      Provider = "Cloud DNS"
	OpenShift     Provider = "OpenShift"
	EKSAddOn      Provider = "EKS add-on"
	Unknown       Provider = "unknown"
)

// Provider tells what answers the cluster's DNS.
func (f Found) Provider() Provider {
	corefile, hasCorefile := f.corefile(coreDNSName)
	_, hasCustom := f.ConfigMaps[customName]
	_, hasStubs := f.ConfigMaps[kubeDNSName]
	switch {
	case slices.Contains(f.Groups, "operator.openshift.io"):
		return OpenShift
	case slices.Contains(f.Groups, "auto.gke.io"): // Autopilot; also where it still runs kube-dns, that can't be configured
		return CloudDNS
	case strings.Contains(f.Version, "-gke."):
		if f.KubeDNS == nil || f.KubeDNS.Spec.Replicas != nil && *f.KubeDNS.Spec.Replicas == 0 {
			return CloudDNS
		}
		return KubeDNS
	case hasCorefile && f.ofEKS():
		return EKSAddOn
	case hasCorefile && importsCustom(corefile), !hasCorefile && hasCustom:
		return CustomCoreDNS
	case hasCorefile:
		return CoreDNS
	case f.KubeDNS != nil && hasStubs:
		return KubeDNS
	}
	return Unknown
}

// corefile returns the Corefile of a ConfigMap.
func (f Found) corefile(name string) (string, bool) {
	object, ok := f.ConfigMaps[name]
	if !ok {
		return "", false
	}
	text, ok := object.Data[corefileKey]
	return text, ok
}

const corefileKey = "Corefile"

// ofEKS tells whether the Corefile is one that an EKS add-on applies again whenever it is updated.
func (f Found) ofEKS() bool {
	return slices.ContainsFunc(f.ConfigMaps[coreDNSName].ManagedFields, func(m metav1.ManagedFieldsEntry) bool {
		return m.Manager == "eks" && m.Operation == metav1.ManagedFieldsOperationApply
	})
}

// importsCustom tells whether server blocks of the ConfigMap coredns-custom are part of a Corefile.
func importsCustom(corefile string) bool {
	_, imports, err := parseCorefile(corefile)
	return err == nil && slices.ContainsFunc(imports, func(pattern string) bool {
		return strings.HasSuffix(pattern, "custom/*.server") || strings.HasSuffix(pattern, "custom/*")
	})
}

// nodeLocalReadsStubs tells whether the cache on each node takes its stub zones from the ConfigMap of kube-dns.
func (f Found) nodeLocalReadsStubs() bool {
	return f.NodeLocal != nil && slices.ContainsFunc(f.NodeLocal.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool {
		return v.ConfigMap != nil && v.ConfigMap.Name == kubeDNSName
	})
}
