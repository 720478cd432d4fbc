package kube

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// tell says in the log and in Events what became of a wish.
func (s *Source) tell(w wish, before, after conversion) {
	s.logVerdict(before, after)
	if s.config.First == nil || !s.config.First() {
		return
	}
	for _, verdict := range newsIn(before.verdicts, after.verdicts, !s.started) {
		s.herald.say(noteOf(w, verdict))
	}
}

func (s *Source) logVerdict(before, after conversion) {
	switch {
	case after.own == nil && len(after.verdicts) > 0:
		v := after.verdicts[0]
		s.config.Log.Warn().Stringer("service", v.Service).Str("reason", v.Reason).Str("problem", v.Message).Msg("service not exported")
	case after.own == nil && before.own != nil:
		s.config.Log.Info().Stringer("service", before.own.Export.Service).Msg("service no longer exported")
	case after.own != nil && before.own == nil && s.started:
		s.config.Log.Info().Stringer("service", after.own.Export.Service).Msg("service exported")
	}
}

// newsIn returns the verdicts that weren't there before. At the start, when nothing was there before, only problems are news: what
// is exported was so before the restart as well.
func newsIn(before, after []Verdict, starting bool) []Verdict {
	old := map[Verdict]bool{}
	for _, v := range before {
		old[v] = true
	}
	var news []Verdict
	for _, v := range after {
		if !old[v] && !(starting && v.OK) {
			news = append(news, v)
		}
	}
	return news
}

// noteOf is a verdict as an Event about the object that wished for the export.
func noteOf(w wish, v Verdict) notice {
	n := notice{warning: !v.OK, reason: "Exported", message: v.Message}
	if !v.OK {
		n.reason, n.message = "NotExported", v.Reason+": "+v.Message
	}
	if v.ByExport {
		n.about = referenceTo(w.export, mcsv1beta1.GroupVersion.String(), mcsv1beta1.ServiceExportKindName)
	} else {
		n.about = referenceTo(w.service, "v1", "Service")
	}
	return n
}

func referenceTo(object metav1.Object, version, kind string) corev1.ObjectReference {
	return corev1.ObjectReference{
		APIVersion: version, Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName(), UID: object.GetUID(),
	}
}

// warn tells that withdrawals are held, about this gateway's Pod: the services may be gone.
func (s *Source) warn() {
	s.config.Log.Warn().Int("exports", s.reported).Dur("for", confirmAfter).
		Msg("all exports would be withdrawn at once: held")
	if s.config.First == nil || !s.config.First() {
		return
	}
	s.herald.say(notice{
		about:   corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: s.config.Watch.config.Namespace, Name: s.config.Self.Name},
		warning: true, reason: "WithdrawalHeld",
		message: fmt.Sprintf("all %d exports of this cluster would be withdrawn at once: held for %v", s.reported, confirmAfter),
	})
}
