package app

import (
	_ "embed"
	"slices"
	"strings"
)

// Country is a country of ISO 3166-1.
type Country struct {
	Code string // two capital letters
	Name string // in English
}

//go:embed countries.txt
var countriesFile string

//go:embed zones.txt
var zonesFile string

// Countries returns all countries in the order of their names.
func Countries() []Country {
	var all []Country
	for line := range strings.Lines(countriesFile) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, Country{code, name})
	}
	return all
}

// ValidCountry says whether code is a country of ISO 3166-1.
func ValidCountry(code string) bool {
	return slices.ContainsFunc(Countries(), func(c Country) bool { return c.Code == code })
}

// TimeZones returns the names of the time zones to choose from, sorted, UTC first: one for each
// region that has its own time (zone.tab of the IANA database).
func TimeZones() []string {
	var all []string
	for line := range strings.Lines(zonesFile) {
		_, zone, _ := strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, zone)
	}
	slices.Sort(all)
	return append([]string{"UTC"}, slices.Compact(all)...)
}

// TimeZoneOf returns the time zone in which most people of a country live, to be suggested, or
// UTC for a country without one.
func TimeZoneOf(country string) string {
	for line := range strings.Lines(zonesFile) {
		if code, zone, _ := strings.Cut(strings.TrimSpace(line), " "); code == country {
			return zone
		}
	}
	return "UTC"
}
