package main

import "embed"

// assets is everything that the binary carries: pages, static files and the schema.
//
//go:embed views static db/migrations
var assets embed.FS
