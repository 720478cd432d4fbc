package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/grapevine-mesh/grapevine/cmd/grapevine/daemon"
)

func runCommand() *cobra.Command {
	var config, logLevel, logFormat string
	values := make(map[string]*string)
	cmd := &cobra.Command{
		Use:   "run -c FILE",
		Short: "Run one gateway",
		Long: "Run one gateway until SIGINT or SIGTERM; then it says farewell, lets open connections end and leaves.\n\n" +
			"Every key of the configuration file is a flag too, and a flag wins over the file.",
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			overrides := make(map[string]string)
			for path, value := range values {
				if cmd.Flags().Changed(path) {
					overrides[path] = *value
				}
			}
			log, err := logger(logLevel, logFormat)
			if err != nil {
				return usageError{err}
			}
			cfg, err := daemon.Load(config, overrides)
			if err == nil {
				err = cfg.Validate()
			}
			if err != nil {
				return usageError{err}
			}
			d, err := daemon.New(cfg, daemon.Options{Sockets: daemon.Machine{}, Log: log, Version: version()})
			if err != nil {
				return err
			}
			return d.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", "configuration file (YAML)")
	cmd.Flags().StringVar(&logLevel, "log-level", "info", "debug, info, warn or error")
	cmd.Flags().StringVar(&logFormat, "log-format", "console", "console or json")
	for _, key := range daemon.Keys() {
		values[key.Path] = cmd.Flags().String(key.Path, "", fmt.Sprintf("%s, such as %s", key.Help, key.Example))
	}
	return cmd
}

func logger(level, format string) (zerolog.Logger, error) {
	parsed, err := zerolog.ParseLevel(strings.ToLower(level))
	if err != nil || parsed < zerolog.DebugLevel || parsed > zerolog.ErrorLevel {
		return zerolog.Nop(), fmt.Errorf("--log-level: %q: want debug, info, warn or error", level)
	}
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	switch format {
	case "json":
		return zerolog.New(os.Stderr).Level(parsed).With().Timestamp().Logger(), nil
	case "console":
		writer := zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: "15:04:05.000", NoColor: os.Getenv("NO_COLOR") != "" || !isTerminal(os.Stderr)}
		return zerolog.New(writer).Level(parsed).With().Timestamp().Logger(), nil
	}
	return zerolog.Nop(), fmt.Errorf("--log-format: %q: want console or json", format)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
