package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"sigs.k8s.io/yaml"
)

// Load reads the YAML file at path, where path isn't empty, lays overrides over it (dotted key → value, as flags give
// them) and both over [Defaults]. An unknown key, a key that stands twice and a value of the wrong type are errors that name
// the key. All mistakes of one kind are told at once.
func Load(path string, overrides map[string]string) (Config, error) {
	var text []byte
	if path != "" {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return Config{}, fmt.Errorf("configuration: %w", err)
		}
	}
	cfg, err := parse(text, overrides)
	if err != nil && path != "" {
		return Config{}, fmt.Errorf("configuration %s: %w", path, err)
	}
	return cfg, err
}

func parse(text []byte, overrides map[string]string) (Config, error) {
	encoded, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return Config{}, fmt.Errorf("not valid YAML: %w", err)
	}
	document := map[string]any{}
	if err := json.Unmarshal(encoded, &document); err != nil {
		return Config{}, errors.New("want keys and values, such as `cluster: east`")
	}
	if document == nil { // an empty file
		document = map[string]any{}
	}
	for _, k := range Keys() {
		value, given := overrides[k.Path]
		if !given {
			continue
		}
		if err := override(document, k, value); err != nil {
			return Config{}, err
		}
	}
	if err := errors.Join(unknownKeys("", document, reflect.TypeFor[Config]())...); err != nil {
		return Config{}, err
	}
	cfg := Defaults()
	merged, err := json.Marshal(document)
	if err != nil {
		return Config{}, err
	}
	if err := json.NewDecoder(bytes.NewReader(merged)).Decode(&cfg); err != nil {
		return Config{}, typeError(err)
	}
	return cfg, nil
}

// override sets the key k in document to what the flag's value means as YAML.
func override(document map[string]any, k Key, value string) error {
	var parsed any = value
	switch {
	case k.List:
		list := []any{}
		for item := range strings.SplitSeq(value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
		parsed = list
	case k.Path == "services" || k.Path == "kubernetes.enabled" || k.Path == "kubernetes.mcs":
		if err := yaml.Unmarshal([]byte(value), &parsed); err != nil {
			return keyError(k.Path, fmt.Errorf("not valid YAML: %w", err))
		}
	}
	section, name := document, k.Path
	if outer, inner, nested := strings.Cut(k.Path, "."); nested {
		next, isSection := document[outer].(map[string]any)
		if !isSection {
			next = map[string]any{}
			document[outer] = next
		}
		section, name = next, inner
	}
	section[name] = parsed
	return nil
}

// unknownKeys walks value beside the type that it is to become and returns an error for every key without a field.
func unknownKeys(path string, value any, t reflect.Type) []error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var mistakes []error
	switch value := value.(type) {
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return nil // a wrong type, which the decoder tells
		}
		fields := fieldsOf(t)
		for name, inner := range value {
			field, known := fields[name]
			if !known {
				mistakes = append(mistakes, fmt.Errorf("%s: unknown key; known here: %s", join(path, name), strings.Join(namesOf(t), ", ")))
				continue
			}
			mistakes = append(mistakes, unknownKeys(join(path, name), inner, field)...)
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return nil
		}
		for i, inner := range value {
			mistakes = append(mistakes, unknownKeys(fmt.Sprintf("%s[%d]", path, i), inner, t.Elem())...)
		}
	}
	return mistakes
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type)
	for field := range t.Fields() {
		if name := nameOf(field); name != "" {
			fields[name] = field.Type
		}
	}
	return fields
}

func namesOf(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		if name := nameOf(field); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func nameOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func typeError(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return keyError(wrong.Field, fmt.Errorf("is a %s, want a %s", wrong.Value, wrong.Type))
	}
	return err
}
