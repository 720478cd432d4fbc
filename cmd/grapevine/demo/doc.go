// Package demo shows on one machine what Grapevine is for, and measures it: three clusters of real processes, real traffic
// through them, one cluster killed.
//
//	grapevine demo                                        for people, until Ctrl-C
//	grapevine demo --kill west@15s --heal west@30s --duration 50s -o json
//	grapevine chaos --kill west --fault stop --runs 20    the same many times over, for figures
//
//	        east                    west                   north
//	┌──────────────────┐    ┌──────────────────┐    ┌──────────────────┐
//	│ e-0  e-1   (web) │◀──▶│ w-0  w-1   (web) │◀──▶│ n-0  n-1   (web) │   9 processes of this very binary:
//	└──▲───────────────┘    └──▲───────────────┘    └──▲───────────────┘   `run -c FILE`, and a sample service
//	   │ DNS, TCP              │                       │
//	 prober                  prober                  prober                 this process: an open loop each, the story,
//	   └───────────┬───────────┴───────────────────────┘                    and SIGKILL
//	          experiment ──▶ table, JSON, report
//
// What happens, and what is measured, is package experiment's; here is its [experiment.Stage] that is made of processes: plan
// (who listens where), files, mesh (processes), steady (is it whole?), strike.
//
// Rules:
//   - The gateways are told apart from real ones by nothing: they read files that anybody could write, and are asked
//     through the admin API that everybody has.
//   - Nothing outlives the demo, however it ends: every process dies with it (also where it is SIGKILLed), its ports and
//     addresses are held by a listener of its own, and its files lie in one directory, which the next demo removes where this
//     one had no time to.
package demo
