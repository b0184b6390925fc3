package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

type listed struct {
	Name  string `json:"name"`
	About string `json:"about"`
	// Required is said of probes, Extra of scenarios.
	Required bool `json:"required,omitempty"`
	Extra    bool `json:"extra,omitempty"`
}

func newList(r *explore.Registry) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List scenarios, oracles, probes and reference workloads",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var scenarios, oracles, probes, references []listed
			for _, s := range r.Scenarios {
				scenarios = append(scenarios, listed{Name: s.Name, About: s.About, Extra: s.Extra})
			}
			for _, o := range r.Oracles() {
				oracles = append(oracles, listed{Name: o.Name, About: o.About})
			}
			for _, p := range cluster.Probes() {
				probes = append(probes, listed{Name: p.Name, About: p.About, Required: p.Required})
			}
			for _, ref := range explore.References() {
				references = append(references, listed{Name: ref.Name, About: ref.Scenario.About})
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), map[string][]listed{
					"scenarios": scenarios, "oracles": oracles, "probes": probes, "references": references,
				})
			}
			printList(c, "Scenarios (sim run --scenario; the first is the default; + not part of sweep --scenario all)", scenarios)
			printList(c, "Oracles (what a failed run is filed under)", oracles)
			printList(c, "Probes (what a sweep should reach; * required of one over mixed)", probes)
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
		mark := ""
		switch {
		case i.Required:
			mark = "*"
		case i.Extra:
			mark = "+"
		}
		t.row(i.Name+mark, about)
	}
	t.end()
}
