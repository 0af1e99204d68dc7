package main

import (
	_ "embed"
	"fmt"
	"runtime"
)

// version is stamped by the linker (see the Makefile).
var version = "dev"

//go:embed LICENSE
var licence string

// thirdParty holds the licences of everything else that is in the binary.
//
//go:embed THIRD_PARTY_LICENSES
var thirdParty string

type versionCmd struct {
	Licenses bool `help:"Print the licences in full, those of third parties included."`
}

// Run prints one line to be read by people and scripts alike; its second word is the version.
func (c *versionCmd) Run() error {
	fmt.Printf("trak %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if c.Licenses {
		fmt.Printf("\n%s\n%s", licence, thirdParty)
		return nil
	}
	fmt.Println("MIT licence. It contains the work of others: trak version --licenses")
	return nil
}
