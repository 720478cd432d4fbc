package dnsserver

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Answer is an answer in words, for people and scripts.
type Answer struct {
	Name    string
	Type    string
	Rcode   string
	Answers []string // resource records in zone-file form
	Extra   []string // the additional ones
	Note    string   // the extended error's words (RFC 8914); empty where there is none
}

// Lookup asks the server in process, over no transport, for a name (a trailing dot may be missing) and a record type such
// as "A" or "srv"; an empty one is A. It fails where either can't be asked for.
func (s *Server) Lookup(name, recordType string) (Answer, error) {
	if recordType == "" {
		recordType = "A"
	}
	qtype, known := dns.StringToType[strings.ToUpper(recordType)]
	if !known {
		return Answer{}, fmt.Errorf("record type %q: want A, AAAA, SRV, TXT, SOA, NS or another that DNS has", recordType)
	}
	if _, valid := dns.IsDomainName(name); !valid || name == "" {
		return Answer{}, fmt.Errorf("name %q: want a domain name, such as web.shop.%s", name, s.zones[0].name)
	}
	query := new(dns.Msg)
	query.SetQuestion(dns.Fqdn(name), qtype)
	query.SetEdns0(dns.MaxMsgSize, false)
	reply := s.Answer(query)
	result := Answer{Name: dns.Fqdn(name), Type: dns.TypeToString[qtype], Rcode: rcodeName(reply.Rcode), Answers: []string{}}
	for _, record := range reply.Answer {
		result.Answers = append(result.Answers, record.String())
	}
	for _, record := range reply.Extra {
		opt, isOPT := record.(*dns.OPT)
		if !isOPT {
			result.Extra = append(result.Extra, record.String())
			continue
		}
		for _, option := range opt.Option {
			if extended, ok := option.(*dns.EDNS0_EDE); ok {
				result.Note = dns.ExtendedErrorCodeToString[extended.InfoCode]
			}
		}
	}
	return result, nil
}
