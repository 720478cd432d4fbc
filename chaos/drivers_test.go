package chaos

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// drive runs a driver with a recording stand-in of what it drives with, and returns its lines and the commands that it gave, the
// scripts that it fed them behind them.
func drive(t *testing.T, script, variable, standIn string, args ...string) (lines, commands []string, err error) {
	t.Helper()
	dir := t.TempDir()
	program, record := filepath.Join(dir, "stand-in"), filepath.Join(dir, "record")
	text := "#!/bin/bash\necho \"$*\" >>" + record + "\n" + strings.ReplaceAll(standIn, "RECORD", record)
	require.NoError(t, os.WriteFile(program, []byte(text), 0o700))
	cmd := exec.Command(filepath.Join("drivers", script), args...)
	cmd.Env = append(os.Environ(), variable+"="+program, "GRAPEVINE_PODS=grapevine-0 grapevine-1", "GRAPEVINE_NAMESPACE=gv")
	out, err := cmd.Output()
	recorded, _ := os.ReadFile(record) // none where nothing was driven
	split := func(text []byte) []string {
		return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
	}
	return split(out), split(recorded), err
}

func TestDriverOfKubelab(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "rules")
	const others = "* * delay=10ms\n"
	kubelab := `case $1 in
status) echo "wan: on, rules ` + rules + `" ;;
sh) cat >/dev/null; echo striking; echo "SIGKILL for 2" ;;
esac`
	for _, c := range []struct{ args, commands, said string }{
		{"strike kill west east north", "crash west", "power of west-node cut"},
		{"heal kill west east north", "start west", "west-node booted"},
		{"strike stop west east", "pause west", "west-node frozen"},
		{"heal stop west east", "resume west", "west-node goes on"},
		{"strike cut west east north", "cut west east|cut west north", "west: cut from east north"},
		{"strike cut-in west east north", "cut east west --one-way|cut north west --one-way", "west: cut-in from east north"},
		{"strike cut-out west east", "cut west east --one-way", "west: cut-out from east"},
		{"heal cut-in west east north", "heal west east|heal west north", "the network of west is whole"},
		{"strike apiserver west east", "apiserver stop west", "the API server of west killed"},
		{"heal apiserver west east", "apiserver start west", "the API server of west is back"},
		{"strike gateways west east", "sh west bash -s -- gv grapevine-0 grapevine-1", "SIGKILL for 2"},
		{"heal gateway west east", "", "Kubernetes starts again what was killed"},
		{"strike loss30 west east", "wan reload", "west: 30 % loss to and from east"},
		{"heal loss30 west east", "wan reload", "the network of west is whole"},
	} {
		t.Run(c.args, func(t *testing.T) {
			if !strings.HasPrefix(c.args, "heal loss30") {
				require.NoError(t, os.WriteFile(rules, []byte(others), 0o600))
			}
			lines, commands, err := drive(t, "kubelab.sh", "KUBELAB", kubelab, strings.Fields(c.args)...)
			require.NoError(t, err)
			commands = without(commands, "status")
			require.Equal(t, c.commands, strings.Join(commands, "|"))
			require.Equal(t, c.said, lines[len(lines)-1])
			if strings.HasPrefix(c.args, "strike") {
				require.Equal(t, "striking", lines[0])
			}
			now, err := os.ReadFile(rules)
			require.NoError(t, err)
			if strings.HasPrefix(c.args, "strike loss30") {
				require.Equal(t, others+"# grapevine chaos\nwest east loss=30\n# grapevine chaos\neast west loss=30\n", string(now))
			} else {
				require.Equal(t, others, string(now), "what the user wrote stays")
			}
		})
	}
	lines, _, err := drive(t, "kubelab.sh", "KUBELAB", "", "faults")
	require.NoError(t, err)
	require.Equal(t, []string{"kill stop gateway gateways cut cut-in cut-out apiserver"}, lines, "no loss without the switch")
}

func without(lines []string, line string) []string {
	var kept []string
	for _, l := range lines {
		if l != line {
			kept = append(kept, l)
		}
	}
	return kept
}

func TestDriverOfKind(t *testing.T) {
	docker := `case $1 in
ps) case $4 in *=east) echo east-control-plane ;; *=west) printf 'west-control-plane\nwest-worker\n' ;; esac ;;
inspect) case ${!#} in east-*) echo "172.18.0.2 fc00::2 " ;; *-plane) echo "172.18.0.3  " ;; *) echo "172.18.0.4  " ;; esac ;;
exec) if [[ $* = *"bash -s"* ]]; then cat >/dev/null; [[ $3 = west-worker ]] && printf 'striking\nSIGKILL for 2\n'; true
	elif [[ $2 = -i ]]; then sed 's/^/  /' >>RECORD; fi ;;
esac`
	for _, c := range []struct{ args, commands, said string }{
		{"strike kill kind-west kind-east", "kill west-control-plane west-worker", "the nodes of kind-west killed"},
		{"heal kill kind-west kind-east", "start west-control-plane west-worker", "the nodes of kind-west started"},
		{"strike stop kind-west kind-east", "pause west-control-plane west-worker", "the nodes of kind-west frozen"},
		{"heal stop kind-west kind-east", "unpause west-control-plane west-worker", "the nodes of kind-west go on"},
		{"strike gateways kind-west kind-east", "exec -i west-control-plane bash -s -- gv grapevine-0 grapevine-1|exec -i west-worker bash -s -- gv grapevine-0 grapevine-1", "SIGKILL for 2"},
		{"strike apiserver kind-west kind-east", "exec west-control-plane bash -c mv /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/ && pkill -9 kube-apiserver", "the API server of kind-west killed"},
		{"strike cut-in kind-west kind-east",
			inward("west-control-plane", "-I", "") + "|" + inward("west-worker", "-I", ""), "kind-west: cut-in, against kind-east"},
		{"strike cut-out kind-west kind-east", outward("-I", ""), "kind-west: cut-out, against kind-east"},
		{"strike loss30 kind-west kind-east",
			inward("west-control-plane", "-I", lossy) + "|" + inward("west-worker", "-I", lossy) + "|" + outward("-I", lossy), "kind-west: loss30, against kind-east"},
		{"heal cut kind-west kind-east",
			inward("west-control-plane", "-D", "") + "|" + inward("west-worker", "-D", "") + "|" + outward("-D", ""), "the network of kind-west is whole"},
	} {
		t.Run(c.args, func(t *testing.T) {
			lines, commands, err := drive(t, "kind.sh", "DOCKER", docker, strings.Fields(c.args)...)
			require.NoError(t, err)
			var given []string
			for _, command := range commands {
				if !strings.HasPrefix(command, "ps ") && !strings.HasPrefix(command, "inspect ") && !strings.Contains(command, "set ") && command != "  true" {
					given = append(given, command)
				}
			}
			require.Equal(t, c.commands, strings.Join(given, "|"))
			require.Equal(t, c.said, lines[len(lines)-1])
			require.Equal(t, strings.HasPrefix(c.args, "strike"), lines[0] == "striking")
		})
	}
}

// What a node is told to do with packets from the others, and the others with packets from it.
const lossy = "-m statistic --mode random --probability 0.3 "

func inward(node, how, match string) string {
	return "exec -i " + node + " bash|  iptables -w -t raw " + how + " PREROUTING -s 172.18.0.2 -m comment --comment grapevine-chaos " + match +
		"-j DROP|  ip6tables -w -t raw " + how + " PREROUTING -s fc00::2 -m comment --comment grapevine-chaos " + match + "-j DROP"
}

func outward(how, match string) string {
	drop := " -m comment --comment grapevine-chaos " + match + "-j DROP"
	return "exec -i east-control-plane bash|  iptables -w -t raw " + how + " PREROUTING -s 172.18.0.3" + drop +
		"|  iptables -w -t raw " + how + " PREROUTING -s 172.18.0.4" + drop
}

func TestDriversSayWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		script, args, says string
		code               int
	}{
		{"kind.sh", "strike", "want: kind.sh faults, or kind.sh strike|heal FAULT CLUSTER [OTHER...]", 2},
		{"kubelab.sh", "break kill west", "want: kubelab.sh faults", 2},
		{"kind.sh", "strike flood kind-west", "no fault flood", 1},
		{"kind.sh", "strike kill kind-mars", "no container of the cluster mars: is kind-mars a context of kind?", 1},
		{"kubelab.sh", "strike gateway west", "no process of grapevine-0 grapevine-1 runs in west", 1},
		{"kubelab.sh", "strike loss30 west east", "the switch isn't on; try: kubelab wan on RULES", 1},
	} {
		lines, _, err := drive(t, c.script, map[string]string{"kind.sh": "DOCKER", "kubelab.sh": "KUBELAB"}[c.script], "", strings.Fields(c.args)...)
		failure, failed := err.(*exec.ExitError)
		require.True(t, failed, "%s %s: %v", c.script, c.args, err)
		require.Equal(t, c.code, failure.ExitCode(), "%s %s", c.script, c.args)
		require.Contains(t, string(failure.Stderr), c.says)
		require.NotContains(t, lines, "striking", "nothing was touched")
	}
}
