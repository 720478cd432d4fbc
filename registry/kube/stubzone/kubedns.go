package stubzone

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// JSON has no comments, so an annotation tells which of the stub zones are ours.
const (
	stubKey        = "stubDomains"
	stubAnnotation = "grapevine.dev/stub-zones"
)

// editStubs makes the ConfigMap of kube-dns send zones to servers, and no others of ours. What was there before us stays.
func (f Found) editStubs(zones, servers []string) (*Change, error) {
	return f.edit(kubeDNSName, func(object *corev1.ConfigMap) error {
		former := strings.FieldsFunc(object.Annotations[stubAnnotation], func(c rune) bool { return c == ',' })
		stubs, err := parseStubDomains(object.Data[stubKey])
		if err != nil {
			return err
		}
		for _, zone := range former {
			if at, _ := stubs.servers(zone); slices.Contains(zones, zone) && slices.Equal(at, servers) {
				continue
			}
			if stubs, err = parseStubDomains(stubs.without(zone)); err != nil {
				return err
			}
		}
		var own []string
		for _, zone := range zones {
			at, there := stubs.servers(zone)
			switch {
			case there && slices.Contains(former, zone):
				own = append(own, zone)
			case there && !slices.Equal(at, servers):
				return fmt.Errorf("%s: zone %s is sent to %s by somebody else. Take it out there, or leave the zone out here", stubKey, zone, strings.Join(at, ", "))
			case !there:
				own = append(own, zone)
				if stubs, err = parseStubDomains(stubs.with(zone, servers)); err != nil {
					return err
				}
			}
		}
		set(&object.Data, stubKey, stubs.text)
		set(&object.Annotations, stubAnnotation, strings.Join(own, ","))
		return nil
	})
}

// set gives a key a value, and takes it out where that is empty.
func set(texts *map[string]string, key, value string) {
	switch {
	case value == "":
		delete(*texts, key)
	case *texts == nil:
		*texts = map[string]string{key: value}
	default:
		(*texts)[key] = value
	}
}
