package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// TestMain lets the scripts run this very program as `grapevine`.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"grapevine": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			code := execute(ctx, os.Args[1:])
			stop()
			os.Exit(code)
		},
	})
}

// TestScripts runs the commands as a user does: real processes, real sockets on loopback. Each script has six free ports,
// $P0 to $P5, and two commands of its own: `waitfor URL` until it answers 200, and `exits N COMMAND…` for an exit code.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			ports, err := freePorts(6)
			for i, port := range ports {
				env.Setenv(fmt.Sprintf("P%d", i), fmt.Sprint(port))
			}
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitfor": waitFor,
			"exits":   exits,
		},
	})
}

func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(20 * time.Second)
	for {
		answer, err := http.Get(args[0])
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s didn't answer in time: %v", args[0], err)
		}
		time.Sleep(20 * time.Millisecond) // between two looks at a condition
	}
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if err != nil {
		failed, ran := errors.AsType[*exec.ExitError](err)
		if !ran {
			ts.Fatalf("%v", err)
		}
		code = failed.ExitCode()
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// freePorts returns ports that nobody held a moment ago, on UDP and TCP alike.
func freePorts(n int) ([]int, error) {
	var ports []int
	for len(ports) < n {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer tcp.Close()
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer udp.Close()
		ports = append(ports, port)
	}
	return ports, nil
}

func TestWrongUseExitsWith2(t *testing.T) {
	for _, args := range [][]string{{"membres"}, {"members", "--nope"}, {"members", "west"}, {"ping", "west"}, {"run", "--log-level", "loud"}, {"status", "-o", "xml"}} {
		require.Equal(t, 2, execute(t.Context(), args), "%v", args)
	}
	require.Equal(t, 1, execute(t.Context(), []string{"status", "--admin", "127.0.0.1:1"}), "nobody answers: a problem, not wrong use")
}
