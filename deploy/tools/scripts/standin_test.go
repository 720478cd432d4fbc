package scripts

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	commands := make(map[string]func())
	for _, tool := range []string{"kubectl", "helm", "gcloud", "go", "grapevine", "gke-gcloud-auth-plugin", "loader", "kind", "docker"} {
		commands[tool] = func() { os.Exit(standIn(tool, os.Args[1:])) }
	}
	testscript.Main(m, commands)
}

// TestScripts runs the scripts in testdata. Each finds the repository in $DEPLOY, and gives its stand-ins answers in the folder
// answers: lines of PATTERN => TEXT, of which the first counts whose pattern is found in the arguments. What stands
// behind a ! goes to standard error, and the stand-in fails. What was called is in the file calls.
func TestScripts(t *testing.T) {
	deploy, err := filepath.Abs("../..")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("DEPLOY", deploy)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("REAL_GCLOUD", os.Getenv("REAL_GCLOUD"))
			env.Setenv("GCLOUD_TABLE", filepath.Join(deploy, "tools", "scripts", "testdata", "gcloud"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":       exits,
			"gcloudtakes": gcloudTakes,
		},
	})
}

// standIn plays a tool. It returns the exit code.
func standIn(tool string, args []string) int {
	line := tool + " " + strings.Join(args, " ")
	if err := appendLine("calls", line); err != nil {
		return complain(err)
	}
	if tool == "gcloud" {
		if err := checkGcloud(os.Getenv("GCLOUD_TABLE"), args); err != nil {
			appendLine("refused", err.Error())
			return complain(err)
		}
	}
	if tool == "go" && slices.Contains(args, "build") {
		return pretendToBuild(args)
	}
	if slices.Contains(args, "-f") && slices.Contains(args, "-") {
		io.Copy(io.Discard, os.Stdin)
	}
	return answer(filepath.Join(os.Getenv("WORK"), "answers", tool), strings.Join(args, " "))
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// appendLine records a line. Several stand-ins may do so at once.
func appendLine(name, line string) error {
	file, err := os.OpenFile(filepath.Join(os.Getenv("WORK"), name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(strings.ReplaceAll(line, "\n", " ") + "\n")
	return err
}

// pretendToBuild puts a stand-in where the binary would be.
func pretendToBuild(args []string) int {
	self, err := os.Executable()
	if err != nil {
		return complain(err)
	}
	out := args[slices.Index(args, "-o")+1]
	os.Remove(out)
	if err := os.Symlink(self, out); err != nil {
		return complain(err)
	}
	return 0
}

func answer(table, args string) int {
	text, err := os.ReadFile(table)
	if err != nil {
		return 0 // says nothing
	}
	for row := range strings.Lines(string(text)) {
		pattern, reply, found := strings.Cut(strings.TrimSuffix(row, "\n"), " =>")
		if !found || !regexp.MustCompile(pattern).MatchString(args) {
			continue
		}
		reply = strings.ReplaceAll(strings.TrimPrefix(reply, " "), `\n`, "\n")
		said, failed, fails := strings.Cut(reply, "!")
		if said != "" {
			fmt.Println(said)
		}
		if fails {
			fmt.Fprintln(os.Stderr, failed)
			return 1
		}
		return 0
	}
	return 0
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if failed, ran := err.(*exec.ExitError); ran {
		code = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}
