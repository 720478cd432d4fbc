// Package scripts holds the tests of the shell scripts in deploy: what they call, in which order, and what they do when it fails.
//
//	testdata/*.txt ──▶ deploy/up.sh, deploy/gke/*.sh ──▶ kubectl, helm, gcloud, go ──▶ calls
//	                                                       stand-ins, by this test binary
//
// A stand-in records how it was called and answers from a table. The one for gcloud also refuses every command and flag that
// testdata/gcloud doesn't list. With REAL_GCLOUD=/usr/bin/gcloud in the environment, that one is asked as well: it can check
// commands without calling anybody, and takes a minute.
package scripts
