package registry

import "time"

// answer takes in a frame and returns what there is to say to it; an empty frame ends the conversation. It is the whole
// protocol, and the same on both sides:
//
//	news ──────────▶ take in; something was missing before it, or the signer isn't known: want it
//	root ──────────▶ not mine: my root, and a line for each owner
//	root + lines ──▶ wants for what they have and I lack; my lines of what I have and they seem to lack
//	lines ─────────▶ wants
//	wants ─────────▶ bundles, as many as fit, with the signers' chains; the rest is to be wanted again
//	bundles ───────▶ take in
//
// Every answer leads one step down this list, or repeats a step with less to do, so a conversation ends.
func (s *Store) answer(from Gateway, in *frame, now time.Time) *frame {
	out := &frame{}
	d := &delivery{from: from, shown: in.chains(), asked: in.Asked, news: in.News, now: now}
	for i := range in.Bundles {
		v := s.apply(d, &in.Bundles[i])
		if v.missing != nil {
			out.Wants = append(out.Wants, *v.missing)
		}
		if mine := s.lineOf(in.Bundles[i].Owner); v.stale && mine != nil {
			out.Lines = append(out.Lines, *mine)
		}
	}
	out.Wants = append(out.Wants, in.Again...)
	s.reconcile(in, out)
	s.deliver(in.Wants, out, true)
	out.Asked = len(out.Bundles) > 0
	for _, fingerprint := range in.Lacking {
		if len(fingerprint) == len(Fingerprint{}) && len(out.Chains) < maxShown {
			s.show(Fingerprint(fingerprint), out)
		}
	}
	return out
}

// maxShown bounds the certificate chains that are sent for the asking alone.
const maxShown = 16

// reconcile answers roots and lines.
func (s *Store) reconcile(in, out *frame) {
	if root := s.Root(); in.Root == nil || string(in.Root) != string(root[:]) {
		switch {
		case len(in.Lines) > 0:
			wants, offers := s.missing(in.Lines, in.Root != nil)
			out.Wants = append(out.Wants, wants...)
			if in.Root != nil {
				out.Lines = append(out.Lines, offers...)
			}
		case in.Root != nil:
			lines, root := s.digest()
			out.Root, out.Lines = root[:], lines
		}
	}
}

// deliver puts what is wanted into a frame, and the certificates behind it.
func (s *Store) deliver(wants []want, out *frame, show bool) {
	budget, served := frameBudget, map[Gateway]bool{}
	for _, w := range wants {
		if served[w.Owner] {
			continue
		}
		served[w.Owner] = true
		if budget <= 0 {
			out.Again = append(out.Again, w)
			continue
		}
		b, by, rest := s.bundle(w, budget)
		if b == nil {
			continue
		}
		if rest != nil {
			out.Again = append(out.Again, *rest)
		}
		out.Bundles = append(out.Bundles, *b)
		budget -= b.size()
		if show {
			budget -= s.show(by, out)
		}
	}
}

// show adds a certificate chain to a frame, and returns its size.
func (s *Store) show(f Fingerprint, out *frame) int {
	der, ok := s.config.Keyring.Chain(f)
	if !ok {
		return 0
	}
	out.Chains = append(out.Chains, der)
	size := 0
	for _, certificate := range der {
		size += len(certificate)
	}
	return size
}
