package stubzone

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Plan is what is to be done so that a cluster's DNS sends zones to Grapevine, or no longer does.
type Plan struct {
	Provider Provider
	Changes  []Change // none: it is as it should be, or ByHand tells
	Restart  bool     // the changes are in effect at once where CoreDNS is started anew
	Notes    []string // what to know of the changes, and of what was there before
	ByHand   string   // what a person has to do, where this cluster's DNS isn't configured by objects that we may change
}

// Where our server block is in coredns-custom. Keys that end so are read as server blocks.
const (
	serverSuffix = ".server"
	customKey    = "grapevine" + serverSuffix
)

// Decide compares what was found with what is wanted. It changes nothing.
func Decide(found Found, o Options) (Plan, error) {
	plan := Plan{Provider: found.Provider()}
	err := o.Validate()
	switch {
	case err != nil:
	case o.Remove:
		err = plan.remove(found)
	default:
		err = plan.apply(found, o)
	}
	if err != nil {
		return Plan{Provider: plan.Provider}, err
	}
	return plan, nil
}

func (p *Plan) apply(found Found, o Options) error {
	switch p.Provider {
	case CoreDNS, CustomCoreDNS:
		if err := p.forward(found, o); err != nil {
			return err
		}
		p.Restart = found.CoreDNS != nil && len(p.Changes) > 0
		return p.cache(found, o)
	case KubeDNS:
		p.note(found.NodeLocal != nil, noteNodeLocal)
		p.note(true, noteKubeDNS)
		return p.add(found.editStubs(o.Zones, o.servers()))
	}
	p.ByHand = byHand(found, o)
	return nil
}

// forward makes CoreDNS forward the zones.
func (p *Plan) forward(found Found, o Options) error {
	corefile, _ := found.corefile(coreDNSName)
	own, err := newBlock(corefile, o)
	if err != nil {
		return fmt.Errorf("configmap %s/%s: Corefile: %w", systemNamespace, coreDNSName, err)
	}
	own.quick = found.release.quick()
	p.note(!own.quick, noteSlow)
	p.note(hasReload(corefile), noteReload)
	p.note(!hasReload(corefile), noteNoReload)
	if p.Provider == CoreDNS {
		return p.putIn(found, coreDNSName, own)
	}
	if err := p.takeOut(found, coreDNSName); err != nil { // two blocks of one zone, and CoreDNS doesn't start
		return err
	}
	return p.add(found.edit(customName, func(object *corev1.ConfigMap) error {
		for _, key := range slices.Sorted(maps.Keys(object.Data)) {
			if key == customKey || !strings.HasSuffix(key, serverSuffix) {
				continue
			}
			if _, err := newBlock(object.Data[key], o); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
		object.Data[customKey] = own.String() + "\n"
		return nil
	}))
}

// newBlock returns the block that can stand beside those of a Corefile.
func newBlock(corefile string, o Options) (block, error) {
	others, err := without(corefile)
	if err != nil {
		return block{}, err
	}
	blocks, _, err := parseCorefile(others)
	if err != nil {
		return block{}, err
	}
	all, port := root(blocks)
	for _, zone := range o.Zones {
		if by := definedBy(zone, port, blocks); by != "" {
			return block{}, fmt.Errorf("zone %s is answered by somebody else: %s. Take it out there, or leave the zone out here", zone, by)
		}
	}
	bind, _ := all.plugin("bind")
	return block{zones: o.Zones, servers: o.servers(), port: port, bind: bind}, nil
}

// cache tells the cache on each node, where there is one: its questions about other zones than the cluster's don't pass
// CoreDNS.
func (p *Plan) cache(found Found, o Options) error {
	corefile, there := found.corefile(nodeLocalName)
	switch {
	case found.NodeLocal == nil:
		return nil
	case found.nodeLocalReadsStubs():
		p.note(true, noteNodeLocal)
		return p.add(found.editStubs(o.Zones, o.servers()))
	case !there:
		p.note(true, noteNodeLocalUnknown)
		return nil
	}
	own, err := newBlock(corefile, o)
	if err != nil {
		return fmt.Errorf("configmap %s/%s: Corefile: %w", systemNamespace, nodeLocalName, err)
	}
	return p.putIn(found, nodeLocalName, own)
}

// putIn puts our block into a ConfigMap's Corefile.
func (p *Plan) putIn(found Found, name string, own block) error {
	return p.add(found.edit(name, func(object *corev1.ConfigMap) (err error) {
		object.Data[corefileKey], err = own.put(object.Data[corefileKey])
		return err
	}))
}

// remove takes out all that is ours, wherever it is: what answers DNS may have changed since.
func (p *Plan) remove(found Found) error {
	if err := p.takeOut(found, coreDNSName); err != nil {
		return err
	}
	if _, there := found.ConfigMaps[customName]; there {
		err := p.add(found.edit(customName, func(object *corev1.ConfigMap) error {
			delete(object.Data, customKey)
			return nil
		}))
		if err != nil {
			return err
		}
	}
	p.Restart = found.CoreDNS != nil && len(p.Changes) > 0
	if err := p.takeOut(found, nodeLocalName); err != nil {
		return err
	}
	if err := p.add(found.editStubs(nil, nil)); err != nil {
		return err
	}
	if len(p.Changes) == 0 && !slices.Contains([]Provider{CoreDNS, CustomCoreDNS, KubeDNS}, p.Provider) {
		p.ByHand = byHand(found, Options{Remove: true})
	}
	return nil
}

// takeOut takes our block out of a ConfigMap's Corefile.
func (p *Plan) takeOut(found Found, name string) error {
	corefile, there := found.corefile(name)
	if !there {
		return nil
	}
	return p.add(found.edit(name, func(object *corev1.ConfigMap) (err error) {
		if object.Data[corefileKey], err = without(corefile); err != nil {
			return fmt.Errorf("%s: %w", corefileKey, err)
		}
		return nil
	}))
}

// add takes in a change, where there is one.
func (p *Plan) add(change *Change, err error) error {
	if change != nil && err == nil {
		p.Changes = append(p.Changes, *change)
	}
	return err
}

func (p *Plan) note(apt bool, text string) {
	if apt {
		p.Notes = append(p.Notes, text)
	}
}

// hasReload tells whether a CoreDNS looks at its Corefile again while it runs.
func hasReload(corefile string) bool {
	blocks, _, err := parseCorefile(corefile)
	return err == nil && slices.ContainsFunc(blocks, func(b serverBlock) bool {
		_, reloads := b.plugin("reload")
		return reloads
	})
}
