// Every method of PlanetScale's Go client against a running server.
//
// What Offshoot supports is called with asserted results (works.go). All other methods of the client are found
// by reflection and must be refused with the documented error (refused.go), so a method of a newer client that
// nobody thought of fails. Prints one JSON line for each method; exits with 1 when one of them fails.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"

	ps "github.com/planetscale/planetscale-go/planetscale"
)

// result is one line of the outcome.
type result struct {
	Client string `json:"client"`
	Method string `json:"method"`
	// works, refused or fails
	Outcome string `json:"outcome"`
	// what the server said where it refused, or why the method failed
	Reason string `json:"reason,omitempty"`
}

func client() *ps.Client {
	c, err := ps.NewClient(
		ps.WithBaseURL(os.Getenv("PLANETSCALE_API_URL")),
		ps.WithServiceToken(os.Getenv("PLANETSCALE_SERVICE_TOKEN_ID"), os.Getenv("PLANETSCALE_SERVICE_TOKEN")),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return c
}

func main() {
	ctx := context.Background()
	c := client()
	s := &suite{ctx: ctx, c: c}
	s.works()
	s.refusals()
	s.gone()

	names := make([]string, 0, len(s.results))
	for name := range s.results {
		names = append(names, name)
	}
	sort.Strings(names)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	failed := 0
	for _, name := range names {
		line := s.results[name]
		_ = out.Encode(line)
		if line.Outcome == "fails" {
			failed++
			fmt.Fprintf(os.Stderr, "FAILED: planetscale-go %s: %s\n", name, line.Reason)
		}
	}
	fmt.Fprintf(os.Stderr, "planetscale-go: %d methods, %d failed\n", len(names), failed)
	if failed > 0 {
		os.Exit(1)
	}
}
