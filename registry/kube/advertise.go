package kube

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/grapevine-mesh/grapevine/registry"
)

// meshPortName is what the mesh's port is called in a Service.
const meshPortName = "mesh"

// AddressConfig says which gateway's address to find.
type AddressConfig struct {
	Watch  *Watch     // required
	Pod    string     // its name, which is also its Service's; required
	NodeIP netip.Addr // of the node that the Pod is on; required for all but load balancers
	Port   uint16     // on which the gateway itself listens; required
}

// Address finds where the other clusters reach this gateway: at the Service that is named as its Pod, or, where there is none,
// at its node.
type Address struct {
	config  AddressConfig
	changed <-chan struct{}
}

// NewAddress checks the configuration.
func NewAddress(config AddressConfig) (*Address, error) {
	if config.Watch == nil || config.Port == 0 {
		return nil, errors.New("kubernetes: a watch and the port of the mesh are required")
	}
	if err := registry.CheckLabel(config.Pod); err != nil {
		return nil, fmt.Errorf("kubernetes: the Pod's name: %w, such as grapevine-0", err)
	}
	return &Address{config: config, changed: config.Watch.Subscribe(TopicOwn)}, nil
}

// Advertised returns the addresses now, as "host:port". The error says why there are none, and may be over any time.
func (a *Address) Advertised() ([]string, error) {
	if !a.config.Watch.services.ready() {
		return nil, errors.New("kubernetes: the Services aren't known yet")
	}
	service, _ := a.config.Watch.Services().Services(a.config.Watch.config.Namespace).Get(a.config.Pod)
	return advertise(service, a.config.NodeIP, a.config.Port)
}

// Changed is a channel of one slot that has something in it when the addresses may have changed.
func (a *Address) Changed() <-chan struct{} { return a.changed }

// advertise reads the addresses off the Service; nil: there is none. A Service that brings nobody in from outside means that
// the Pod is in its node's network.
func advertise(service *corev1.Service, node netip.Addr, listen uint16) ([]string, error) {
	if service == nil || service.Spec.Type != corev1.ServiceTypeLoadBalancer && service.Spec.Type != corev1.ServiceTypeNodePort {
		return atNode(node, int32(listen))
	}
	name := service.Namespace + "/" + service.Name
	port := portNamed(service, meshPortName)
	if port == nil {
		return nil, fmt.Errorf("kubernetes: Service %s has no UDP port named %s, such as {name: mesh, port: 7946, protocol: UDP}", name, meshPortName)
	}
	if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
		addresses := atBalancer(service.Status.LoadBalancer.Ingress, port.Port)
		if len(addresses) == 0 {
			return nil, fmt.Errorf("kubernetes: the load balancer of Service %s has no address yet", name)
		}
		return addresses, nil
	}
	if port.NodePort == 0 {
		return nil, fmt.Errorf("kubernetes: Service %s has no node port yet", name)
	}
	return atNode(node, port.NodePort)
}

func portNamed(service *corev1.Service, name string) *corev1.ServicePort {
	for i := range service.Spec.Ports {
		if port := &service.Spec.Ports[i]; port.Name == name && port.Protocol == corev1.ProtocolUDP {
			return port
		}
	}
	return nil
}

func atBalancer(ingress []corev1.LoadBalancerIngress, port int32) []string {
	var addresses []string
	for _, at := range ingress {
		host := at.IP
		if host == "" {
			host = at.Hostname
		}
		if host != "" {
			addresses = append(addresses, net.JoinHostPort(host, strconv.Itoa(int(port))))
		}
	}
	return addresses
}

func atNode(node netip.Addr, port int32) ([]string, error) {
	if !node.IsValid() {
		return nil, errors.New("kubernetes.node-ip: not known: want the address of the Pod's node, such as 192.0.2.7")
	}
	return []string{net.JoinHostPort(node.String(), strconv.Itoa(int(port)))}, nil
}
