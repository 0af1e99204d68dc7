# Everything here needs Go 1.26, gcc, make and git. The first run downloads Go modules.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
KILLS ?= 20

# SQLite is C. Setting CGO_CFLAGS replaces Go's own "-O2 -g", so they are repeated. Without
# SQLITE_ENABLE_QPSG a query that has ORDER BY is compiled again each time it runs.
export CGO_ENABLED := 1
export CGO_CFLAGS := -O2 -g -DHAVE_FDATASYNC=1 -DSQLITE_ENABLE_QPSG

TAGS := sqlite_omit_load_extension netgo osusergo
LDFLAGS := -s -w -X main.version=$(VERSION)
BUILD := go build -trimpath -tags '$(TAGS)'

GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
SQLC := CGO_ENABLED=0 go run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1

# Tests that need a browser or a database server are Go modules of their own.
TEST_MODULES := $(patsubst %/go.mod,%,$(wildcard e2e/go.mod pgtest/go.mod))

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: build ## Try Trak with made-up data on http://localhost:3000
	./trak demo

.PHONY: run
run: build ## Serve with the settings of the environment (see .env.example)
	./trak serve

.PHONY: build
build: ## Build ./trak
	$(BUILD) -ldflags '$(LDFLAGS)' -o trak .

.PHONY: static
static: ## Build ./trak without any shared library, for containers and other distributions
	$(BUILD) -ldflags '$(LDFLAGS) -extldflags -static' -o trak .

.PHONY: test
test: chromium postgres ## Run all tests, those in a browser and on PostgreSQL included
	TRAK_PERMUTATIONS=60 TRAK_MONTH=40 go test -race -short -parallel 4 -timeout 30m ./...
	TRAK_SANDBOX_ANSWERS=all TRAK_PERMUTATIONS=5000 TRAK_ODDITIES=all TRAK_MONTH=1000 go test -count=1 -parallel 8 -timeout 30m . ./app ./handlers
	@set -e; for module in $(TEST_MODULES); do (cd $$module && set -x && go test -race -timeout 30m ./...); done

.PHONY: test-stripe
test-stripe: ## Ask Stripe's own test mode what its documentation leaves open (STRIPE_TEST_KEY=sk_test_…)
	go run -trimpath -tags '$(TAGS)' ./stripetest

.PHONY: chromium
chromium: # a browser for the tests, from the distribution when there is none
	@./.ci/chromium

.PHONY: postgres
postgres: # a server's programs for the tests, from the distribution when there are none
	@./.ci/postgres

.PHONY: lint
lint: ## Check format, go vet and golangci-lint
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	$(GOLANGCI_LINT) run --timeout 10m

.PHONY: generate
generate: ## Make generated files again: queries, the sandbox's fixtures, licences
	$(SQLC) generate
	go generate ./...
	$(MAKE) --no-print-directory licenses

.PHONY: licenses
licenses: # part of generate
	./.ci/licenses

.PHONY: bench
bench: build ## Measure speed against the goals of docs/performance.md (BENCH=quick: in a minute)
	go run -trimpath -tags '$(TAGS)' ./bench -trak ./trak $(if $(filter quick,$(BENCH)),-quick)

.PHONY: torture
torture: build ## Kill the server under load KILLS times; nothing acknowledged may be lost
	go run -trimpath -tags '$(TAGS)' ./bench/torture -trak ./trak -kills $(KILLS) $(if $(SEED),-seed $(SEED))

.PHONY: screenshots
screenshots: chromium ## Make the pictures of README and docs again, from the demo
	cd e2e && go test -count=1 -run '^Test$$' ./... -screenshots ../docs/pictures

.PHONY: vendor
vendor: ## Fetch the files of static/VENDOR.md again (needs npm)
	sh static/vendor.sh

.PHONY: vendor-check
vendor-check: ## Compare the vendored files with their checksums
	cd static && awk 'NF == 7 && $$3 ~ /^sha512-/ { print $$6 "  " $$5 }' VENDOR.md | sha256sum --check --quiet
