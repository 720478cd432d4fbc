package chaos

// Trouble is the time in which requests that were asked in one cluster failed or hung after a fault.
type Trouble struct {
	Cluster string `json:"asked_in"`
	Failed  int64  `json:"failed"`
	Hung    int64  `json:"hung"`
	First   Millis `json:"first_ms"` // from the fault to the begin of the first of them
	Last    Millis `json:"last_ms"`  // and of the last: whatever was begun later was answered in time
}

// troubles works out, for each cluster, how long after the fault requests still failed or hung there.
func troubles(r *Result) []Trouble {
	all := []Trouble{}
	if r.Fault == nil {
		return all
	}
	for _, cluster := range r.Clusters {
		t := Trouble{Cluster: cluster}
		for _, f := range r.Failures {
			if f.Observer == cluster && f.Verdict != "cut" && f.At >= r.Fault.At {
				t.add(f, f.At-r.Fault.At)
			}
		}
		if t.Failed+t.Hung > 0 {
			all = append(all, t)
		}
	}
	return all
}

func (t *Trouble) add(f Failure, after Millis) {
	if t.Failed+t.Hung == 0 {
		t.First = after
	}
	if f.Verdict == "hung" {
		t.Hung++
	} else {
		t.Failed++
	}
	t.First, t.Last = min(t.First, after), max(t.Last, after)
}
