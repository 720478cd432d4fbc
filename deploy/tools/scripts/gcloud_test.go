package scripts

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// everywhere are flags that every command of gcloud has. True: with a value.
var everywhere = map[string]bool{"--project": true, "--quiet": false, "--format": true, "--filter": true}

// checkGcloud holds a command line against a table, whose lines are a command, how many arguments it takes, and its flags:
//
//	compute networks create | 1 | --subnet-mode=
//
// A flag that takes a value ends in =.
func checkGcloud(table string, args []string) error {
	text, err := os.ReadFile(table)
	if err != nil {
		return err
	}
	for row := range strings.Lines(string(text)) {
		cells := strings.Split(row, "|")
		if len(cells) != 3 || !begins(plain(args), strings.Fields(cells[0])) {
			continue
		}
		command := strings.Fields(cells[0])
		takes := func(flag string) (value, known bool) {
			if value, known = everywhere[flag]; known {
				return value, true
			}
			listed := strings.Fields(cells[2])
			return slices.Contains(listed, flag+"="), slices.Contains(listed, flag+"=") || slices.Contains(listed, flag)
		}
		words, err := split(args, takes)
		if err != nil {
			return fmt.Errorf("gcloud %s: %w", strings.TrimSpace(cells[0]), err)
		}
		if got, want := len(words)-len(command), strings.TrimSpace(cells[1]); fmt.Sprint(got) != want && want != "*" {
			return fmt.Errorf("gcloud %s: %d arguments, want %s: %v", strings.TrimSpace(cells[0]), got, want, words)
		}
		return nil
	}
	return fmt.Errorf("gcloud: no such command in the table: %v", args)
}

// plain leaves out the flags that stand before the command.
func plain(args []string) []string {
	var words []string
	for i := 0; i < len(args); i++ {
		if value, known := everywhere[args[i]]; known {
			if value {
				i++
			}
			continue
		}
		words = append(words, args[i])
	}
	return words
}

func begins(words, with []string) bool {
	return len(words) >= len(with) && slices.Equal(words[:len(with)], with)
}

// split returns the words that are no flags, and refuses flags that aren't taken.
func split(args []string, takes func(string) (value, known bool)) (words []string, err error) {
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "--") {
			words = append(words, args[i])
			continue
		}
		flag, _, joined := strings.Cut(args[i], "=")
		value, known := takes(flag)
		switch {
		case !known:
			return nil, fmt.Errorf("unknown flag %s", flag)
		case value && !joined:
			i++
			if i == len(args) {
				return nil, fmt.Errorf("%s: without a value", flag)
			}
		case !value && joined:
			return nil, fmt.Errorf("%s takes no value", flag)
		}
	}
	return words, nil
}

// gcloudTakes fails where a call was refused. Where $REAL_GCLOUD names a real one, that is asked too.
func gcloudTakes(ts *testscript.TestScript, _ bool, _ []string) {
	if _, err := os.Stat(ts.MkAbs("refused")); err == nil {
		ts.Fatalf("calls were refused:\n%s", ts.ReadFile("refused"))
	}
	gcloud := ts.Getenv("REAL_GCLOUD")
	if gcloud == "" {
		return
	}
	var commands []string
	for line := range strings.Lines(ts.ReadFile("calls")) {
		line = strings.ReplaceAll(strings.TrimSpace(line), "--project my-project --quiet ", "") // which the linter takes for --quiet=compute
		if strings.HasPrefix(line, "gcloud ") && !slices.Contains(commands, line) {
			commands = append(commands, line)
		}
	}
	for _, verdict := range lint(ts, gcloud, commands) {
		if !verdict.Success {
			ts.Fatalf("the real gcloud refuses %s\n%s", verdict.Command, verdict.Error)
		}
	}
}

// verdict is what `gcloud meta lint-gcloud-commands` says of a command. It calls nobody.
type verdict struct {
	Command string `json:"command_string"`
	Success bool   `json:"success"`
	Error   string `json:"error_message"`
}

func lint(ts *testscript.TestScript, gcloud string, commands []string) []verdict {
	var input []map[string]string
	for _, command := range commands {
		// Arguments were joined by spaces when they were recorded: what had spaces of its own can't be told apart any more.
		if !strings.Contains(command, "--command") && !strings.Contains(command, " AND ") {
			input = append(input, map[string]string{"command_string": command})
		}
	}
	encoded, err := json.Marshal(input)
	ts.Check(err)
	file := ts.MkAbs("to-lint.json")
	ts.Check(os.WriteFile(file, encoded, 0o600))
	cmd := exec.Command(gcloud, "meta", "lint-gcloud-commands", "--commands-file", file)
	cmd.Env = append(os.Environ(), "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1")
	out, err := cmd.Output()
	ts.Check(err)
	var verdicts []verdict
	ts.Check(json.Unmarshal(out, &verdicts))
	return verdicts
}
