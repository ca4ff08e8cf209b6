package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// built says what this program is.
type built struct {
	Version  string `json:"version" doc:"version of Yagura, or (devel)"`
	Revision string `json:"revision,omitempty" doc:"commit it was built from, with + when files had been changed"`
	Go       string `json:"go" doc:"version of Go"`
	Platform string `json:"platform" doc:"operating system and processor"`
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: p.say("short.version"), Args: p.arguments(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			b := built{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if info, ok := debug.ReadBuildInfo(); ok {
				b.Version = firstOf(info.Main.Version, b.Version)
				changed := ""
				for _, s := range info.Settings {
					switch {
					case s.Key == "vcs.revision":
						b.Revision = s.Value
					case s.Key == "vcs.modified" && s.Value == "true":
						changed = "+"
					}
				}
				b.Revision += changed
			}
			return printAll(p, []built{b})
		},
	}
}
