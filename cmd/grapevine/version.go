package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version of a released binary. The linker sets it (-ldflags "-X main.release=v1.2.3"), where there is no
// checkout for the Go tool to look at.
var release string

// version returns the release, the module's version, or the commit that the binary was built from, as the Go tool recorded them.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			return "devel-" + setting.Value[:12]
		}
	}
	return "devel"
}

func versionCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := map[string]string{"version": version(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
			return output.print(cmd, v, func(t *table) {
				t.line(fmt.Sprintf("grapevine %s (%s, %s)", v["version"], v["go"], v["platform"]))
			})
		},
	}
	output.register(cmd)
	return cmd
}
