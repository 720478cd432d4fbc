package stubzone

import (
	"fmt"
	"net"
	"strings"
)

// A serverBlock is one of a Corefile's, as much of it as is needed to stand beside it.
type serverBlock struct {
	line    int
	keys    []string   // what it serves: zones, perhaps with a scheme or a port
	plugins [][]string // each with its arguments, and without what stands in its own braces
	options [][]string // the lines in plugins' braces
}

// token is one word of a Corefile. Braces by themselves are words too.
type token struct {
	text      string
	line      int
	firstWord bool // of its line
}

// tokens cuts a Corefile into words, as CoreDNS does: at white space, but not within quotes, and without comments.
func tokens(text string) []token {
	var all []token
	line, lastLine := 1, 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		default:
			word, next := word(text, i)
			all = append(all, token{text: word, line: line, firstWord: line != lastLine})
			lastLine = line
			line += strings.Count(text[i:next], "\n")
			i = next
		}
	}
	return all
}

// word reads the word that begins at i, and returns where it ends.
func word(text string, i int) (string, int) {
	if text[i] != '"' {
		end := i
		for end < len(text) && !strings.ContainsRune(" \t\r\n", rune(text[end])) {
			end++
		}
		return text[i:end], end
	}
	var read strings.Builder
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' && i+1 < len(text) && text[i+1] == '"' {
			i++
		}
		read.WriteByte(text[i])
	}
	return read.String(), min(i+1, len(text))
}

// parseCorefile returns the server blocks of a Corefile, and the patterns of the files that it imports beside them.
func parseCorefile(text string) (blocks []serverBlock, imports []string, err error) {
	all := tokens(text)
	for i := 0; i < len(all); {
		if all[i].text == "import" && i+1 < len(all) {
			imports = append(imports, all[i+1].text)
			i += 2
			continue
		}
		block := serverBlock{line: all[i].line}
		for i < len(all) && all[i].text != "{" {
			block.keys = append(block.keys, strings.TrimSuffix(all[i].text, ","))
			i++
		}
		if i == len(all) || len(block.keys) == 0 {
			return nil, nil, fmt.Errorf("line %d: want a zone and its plugins in braces, as in `.:53 { … }`", block.line)
		}
		if i, err = block.readBody(all, i+1); err != nil {
			return nil, nil, err
		}
		blocks = append(blocks, block)
	}
	return blocks, imports, nil
}

// readBody reads up to the brace that ends the block, and returns the place behind it.
func (b *serverBlock) readBody(all []token, i int) (int, error) {
	depth := 1
	for ; i < len(all); i++ {
		switch t := all[i]; {
		case t.text == "{":
			depth++
		case t.text == "}":
			if depth--; depth == 0 {
				return i + 1, nil
			}
		case depth == 1 && t.firstWord:
			b.plugins = append(b.plugins, []string{t.text})
		case depth == 1 && len(b.plugins) > 0:
			last := len(b.plugins) - 1
			b.plugins[last] = append(b.plugins[last], t.text)
		case depth > 1 && (t.firstWord || len(b.options) == 0):
			b.options = append(b.options, []string{t.text})
		case depth > 1:
			last := len(b.options) - 1
			b.options[last] = append(b.options[last], t.text)
		}
	}
	return 0, fmt.Errorf("line %d: the braces of %s have no end", b.line, strings.Join(b.keys, " "))
}

// plugin returns a plugin's arguments.
func (b *serverBlock) plugin(name string) ([]string, bool) {
	for _, p := range b.plugins {
		if p[0] == name {
			return p[1:], true
		}
	}
	return nil, false
}

// zoneOf reads a key: "federated", "federated.:53", "dns://federated". Without a port it is that of DNS.
func zoneOf(key string) (zone, port string) {
	if _, rest, schemed := strings.Cut(key, "://"); schemed {
		key = rest
	}
	zone, port = key, "53"
	if host, number, err := net.SplitHostPort(key); err == nil {
		zone, port = host, number
	}
	if zone != "." {
		zone = strings.TrimSuffix(zone, ".")
	}
	return strings.ToLower(zone), port
}

// root returns the block that answers what no other does, in whose place the cluster's Pods ask.
func root(blocks []serverBlock) (block serverBlock, port string) {
	for _, b := range blocks {
		for _, key := range b.keys {
			if zone, port := zoneOf(key); zone == "." || zone == "" {
				return b, port
			}
		}
	}
	return serverBlock{}, "53"
}

// definedBy returns who answers a zone already, in words; or "".
func definedBy(zone, port string, blocks []serverBlock) string {
	for _, b := range blocks {
		for _, key := range b.keys {
			if taken, at := zoneOf(key); taken == zone && at == port {
				return fmt.Sprintf("the block %s at line %d", strings.Join(b.keys, " "), b.line)
			}
		}
		if _, serves := b.plugin("kubernetes"); !serves {
			continue
		}
		for _, option := range b.options {
			if option[0] != "multicluster" {
				continue
			}
			for _, taken := range option[1:] {
				if taken, _ := zoneOf(taken); taken == zone {
					return fmt.Sprintf("CoreDNS itself, from ServiceImports (multicluster in the block %s at line %d)", strings.Join(b.keys, " "), b.line)
				}
			}
		}
	}
	return ""
}
