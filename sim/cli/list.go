package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim/explore"
)

type listed struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

func newList(r *explore.Registry) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List scenarios, oracles and reference workloads",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var scenarios, oracles, references []listed
			for _, s := range r.Scenarios {
				scenarios = append(scenarios, listed{s.Name, s.About})
			}
			for _, o := range r.Oracles() {
				oracles = append(oracles, listed{o.Name, o.About})
			}
			for _, ref := range explore.References() {
				references = append(references, listed{ref.Name, ref.Scenario.About})
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), map[string][]listed{
					"scenarios": scenarios, "oracles": oracles, "references": references,
				})
			}
			printList(c, "Scenarios (sim run --scenario; the first is the default)", scenarios)
			printList(c, "Oracles (what a failed run is filed under)", oracles)
			printList(c, "Reference workloads (sim bench)", references)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func printList(c *cobra.Command, title string, items []listed) {
	t := newTable(c.OutOrStdout(), title)
	for _, i := range items {
		about, _, _ := strings.Cut(i.About, "\n")
		t.row(i.Name, about)
	}
	t.end()
}
