# Commands for building and testing Parley. `make help` lists them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

BIN      := bin/parley
RESULTS  := tmp/test
RELEASE  ?=
COMMIT    = $(shell git describe --always --abbrev=12 --dirty --exclude "*" 2>/dev/null)
FUZZTIME ?= 20s
TIMEOUT  ?= 20m
SOAKTIME ?= 10m
SEEDS    ?= 2000
BENCH    ?=
RENAME   ?=
CROSS    := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# The bundles of the official browser client, which the binary serves.
BUNDLES  := backend/web/dist/socket.io.min.js
CLIENTS  := conformance/clients
PACKAGES := $(CLIENTS)/node_modules/.package-lock.json

# Clients of other languages: folders with the modules of each.
PYTHON   := $(CLIENTS)/python/lib
JAVA     := $(CLIENTS)/java/lib/2.1.2 $(CLIENTS)/java/lib/1.0.2

# The server on Node that Parley is compared with.
REFERENCE := internal/testing/bench/node/node_modules/socket.io/package.json

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build everything and serve it, with parley.db as its database, on localhost:3000, or another PORT
	$(BIN) serve $(if $(PORT),--listen localhost:$(PORT)) --database parley.db

.PHONY: build
build: need-go $(BUNDLES) ## Build bin/parley, with the browser client in it
	go build -trimpath -ldflags "-X main.release=$(RELEASE) -X main.commit=$(COMMIT)" -o $(BIN) ./cmd/parley

.PHONY: need-go
need-go:
	@scripts/need go

$(BUNDLES): backend/web/package-lock.json backend/web/build.js
	@scripts/need node npm
	cd backend/web && npm ci && npm run build
	@touch $@

.PHONY: test
test: ## Run everything: checks, Go tests, the official client, a browser and a minute of soak
	@MAKE="$(MAKE)" scripts/stages tools check bundles test-go test-clients "soak SOAKTIME=1m"

.PHONY: tools
tools:
	@scripts/need git go gcc node npm python3 java mvn chromium curl

.PHONY: bundles
bundles: $(BUNDLES)

.PHONY: check
check: need-go ## Check the format, go vet on every platform, and staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	@for platform in $(CROSS); do \
		echo "go vet ./... for $$platform"; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} go vet ./...; \
	done
	go tool staticcheck ./...

.PHONY: compat
compat: need-go ## After tests were renamed: correct their names in docs/COMPATIBILITY.md and docs/SECURITY.md; RENAME="OLD=NEW …" decides
	go run ./internal/testing/compat/mend $(RENAME)
	go test ./internal/testing/compat

.PHONY: test-go
test-go: need-go ## Run the Go tests with the race detector, those that it would disturb without it, and two packages without the bundles
	@scripts/need gcc nginx haproxy
	@mkdir -p $(RESULTS)
	@# The packages with tests that count allocations, or replay a simulation, are compiled again, and no others: the race
	@# detector allocates, and it shuffles goroutines.
	{ status=0; \
		CGO_ENABLED=1 go test -race -timeout $(TIMEOUT) -json ./... || status=1; \
		go test -json -run '[Aa]lloc|^TestReplay' $$(grep -rlE --include='*_test.go' --exclude-dir=node_modules '^func Test([A-Za-z0-9_]*[Aa]lloc|Replay)' . | \
			xargs -n1 dirname | sort -u) || status=1; \
		go test -json -short -tags nobundles ./cmd/parley ./backend/web || status=1; \
		exit $$status; } | go run ./internal/testing/testreport -counts $(RESULTS)/go.counts

.PHONY: test-clients
test-clients: need-go $(BUNDLES) $(PACKAGES) languages ## Run the official Socket.IO client, clients of other languages and a headless browser
	@scripts/need gcc node npm chromium curl
	@mkdir -p $(RESULTS)
	CGO_ENABLED=1 go build -race -o tmp/parley-race ./cmd/parley
	CGO_ENABLED=1 go build -race -o tmp/conformance-race ./conformance/server
	CGO_ENABLED=1 go build -race -tags fiber -o tmp/conformance-fiber-race ./conformance/server
	go build -o tmp/codec ./conformance/codec
	cd $(CLIENTS) && PARLEY_BIN=$(CURDIR)/tmp/parley-race PARLEY_CODEC_BIN=$(CURDIR)/tmp/codec \
		PARLEY_CONFORMANCE_BIN=$(CURDIR)/tmp/conformance-race \
		PARLEY_CONFORMANCE_FIBER_BIN=$(CURDIR)/tmp/conformance-fiber-race node --test --test-concurrency=1 --test-timeout=300000 \
		--test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=tap --test-reporter-destination=$(CURDIR)/$(RESULTS)/clients.tap *.test.js

$(PACKAGES): $(CLIENTS)/package-lock.json
	@scripts/need node npm
	cd $(CLIENTS) && npm ci --no-progress

.PHONY: languages
languages: $(PYTHON) $(JAVA) ## Fetch the clients of other languages, for test-clients

$(PYTHON): $(CLIENTS)/python/requirements.txt
	@scripts/need python3
	rm -rf $@
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target $@ -r $<
	@touch $@

$(JAVA): $(CLIENTS)/java/pom.xml
	@scripts/need java mvn
	rm -rf $@
	mvn --quiet --batch-mode --file $< -Dclient=$(@F) dependency:copy-dependencies
	@touch $@

.PHONY: suites
suites: ## Run the official protocol suites of DIR, a checkout of socketio/socket.io, on port 3000
	@scripts/need go node npm
	conformance/suites "$(DIR)"

.PHONY: fuzz
fuzz: need-go $(PACKAGES) ## Fuzz each target for FUZZTIME (20s), and the parsers against those of the reference
	@scripts/need node npm
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$package"; \
		done; \
	done
	cd $(CLIENTS) && PARLEY_FUZZ_TIME=$(FUZZTIME) PARLEY_FUZZ_SEED=$${RANDOM}000 node --test parser.test.js

.PHONY: soak
soak: need-go ## Run a server under clients that come and go for SOAKTIME (10m): no message may be lost, nothing leaked; the chart is tmp/soak/soak.svg
	@scripts/need gcc
	CGO_ENABLED=1 go build -race -o tmp/soak/soak ./conformance/soak
	tmp/soak/soak -time $(SOAKTIME) -out tmp/soak

.PHONY: simulate
simulate: need-go ## Run clusters in virtual time under every fault, for SEEDS (2000) seeds
	go test ./cluster/simulationtest -run TestSimulation -timeout 0 -seeds $(SEEDS)

.PHONY: bench
bench: need-go $(REFERENCE) ## Measure Parley, the floor and Node, for docs/PERFORMANCE.md; BENCH=--only=echo,tls-idle measures a part
	@scripts/need node git
	go build -trimpath -o tmp/bench/floor ./internal/testing/bench/floor
	go build -trimpath -o tmp/bench/conformance ./conformance/server
	go build -trimpath -o tmp/bench/compare ./internal/testing/bench/compare
	tmp/bench/compare --floor tmp/bench/floor --parley tmp/bench/conformance --node internal/testing/bench/node/server.js \
		--json tmp/bench/results.json --page docs/PERFORMANCE.md --images docs/images --command "make bench" \
		--commit "$$(git describe --always --dirty)" $(BENCH)

$(REFERENCE): internal/testing/bench/node/package-lock.json
	@scripts/need node npm
	cd internal/testing/bench/node && npm ci --no-progress
	@touch $@

.PHONY: gobench
gobench: need-go ## Run the Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: clean
clean: ## Remove what was built; parley.db stays
	rm -rf bin tmp $(PYTHON) $(JAVA) $(CLIENTS)/node_modules backend/web/node_modules internal/testing/bench/node/node_modules
	find backend/web/dist -type f ! -name .gitkeep -delete
