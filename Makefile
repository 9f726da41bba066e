# The project's commands; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# How k6 collects garbage: a quarter as often as Go does by itself, which spares taps the waiting, up to a size that a
# laptop has.
export GOGC ?= 400
export GOMEMLIMIT ?= 1GiB

# k6 cloud gives scripts no environment unless told to, and would upload it with the archive: it holds the secrets.
CLOUD_RUN := cloud run --local-execution --include-system-env-vars --no-archive-upload

# make hands on what its command line sets, and k6 takes a variable CLOUD for its option of that name, which is no 1.
unexport CLOUD

# Real runs mostly wait: more of them fit at once than there are processors. Those that measure run alone in any case.
WAITING := 6

# Real runs go before whatever else this machine does, if we may say so: root may, in most containers it may not.
FIRST := $(if $(shell nice -n -10 true 2>&1),,nice -n -10)

# Real runs of k6 share this machine with each other. What failed among them is run once more by itself, and both are shown:
# a fault fails twice. A data race is never tried again.
RUNS = $(FIRST) go tool -modfile=$(CURDIR)/tools/gotestsum.mod gotestsum --format pkgname-and-test-fails --hide-summary skipped \
	--rerun-fails=1 --rerun-fails-max-failures=3 --rerun-fails-run-root-test --rerun-fails-abort-on-data-race

# Runs a command with the settings of .env.$ENV. Targets try it on `true` first, as refusing the file is no exit code of k6's.
WITH_ENV = scripts/with-env.sh .env.$(ENV)

# What follows a run, whether it held or not; the exit code stays k6's.
SAY := code=$$?; echo "k6 exited $$code."; exit $$code

XK6 := go tool -modfile=$(CURDIR)/tools/go.mod xk6
K6_VERSION := v2.2.0
MODULE := github.com/sparkmotion/xk6-sparkmotion
SOURCES := go.mod go.sum register.go $(shell find xk6-sparkmotion -name '*.go' -not -name '*_test.go')
TWIN := $(shell find twin -name '*.go' -not -name '*_test.go' 2>/dev/null) twin/go.mod
ADMIN := $(shell find conformance/admin -name '*.js' -not -path '*/.next/*' 2>/dev/null)

.PHONY: help build run capacity test test-race lint test-services test-deploy conformance types image dist smoke e2e distributed bench bench-distance clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: k6 bin/twin ## build ./k6 with the extension, and the local twin

k6: $(SOURCES) tools/go.mod
	$(XK6) build $(K6_VERSION) --with $(MODULE)=. --output $(CURDIR)/k6

# Watches itself for data races. Without -trimpath, its packages are those that go test -race has compiled.
bin/k6-race: $(SOURCES) tools/go.mod
	$(XK6) build $(K6_VERSION) --race-detector --build-flags=-ldflags=-w --with $(MODULE)=. --output $(CURDIR)/$@

bin/twin: $(TWIN)
	cd twin && go build -o ../bin/twin .

bin/gosec: tools/gosec.mod
	go build -modfile=$(CURDIR)/tools/gosec.mod -o $@ github.com/securego/gosec/v2/cmd/gosec

bin/services: $(wildcard integration/services/*.go)
	go build -o $@ ./integration/services

run: build ## the five scenarios against the local twin: a tenth of the rates, in a minute, and the verdict
	@K6_NO_USAGE_REPORT=true bin/twin -history 20000 ./k6 run -e DIRECT_URL= -e SCALE=0.1 -e TIME_SCALE=0.075 scripts/e2e-load.js; $(SAY)

capacity: build ## how many taps/s the local twin holds, to 5 %: a search of 6 minutes, and the verdict
	@K6_NO_USAGE_REPORT=true bin/twin -history 20000 ./k6 run -e DIRECT_URL= scripts/find-capacity.js; $(SAY)

# The verdict's tests make millions of taps one after another, for which the race detector takes minutes: these share a recorder.
SHARED := MeasuredIsTheCallers|CloneSharesNothing|TapsOfAPlateau

# vet with -race takes what the tests compile anyway, where k6's packages would be compiled once more for it.
test: build ## Go tests with the race detector, and real runs of ./k6 against the twin; .ci/run runs everything
	gofmt -l . | (! grep .)
	go vet -race ./...
	go test -race $$(go list ./... | grep -v -e /integration -e /capacity$$)
	go test ./xk6-sparkmotion/internal/capacity
	go test -race -run "$(SHARED)" ./xk6-sparkmotion/internal/capacity
	$(RUNS) --packages ./integration/... -- -race -timeout 30m -parallel $(WAITING)
	cd integration/browser && go vet ./... && go test -count=1 ./...
	cd twin && go vet -race ./... && go test -race ./...
	cd bench && go vet -race ./... && go test -race ./...

test-race: bin/k6-race bin/twin ## real runs of a k6 that watches itself for data races
	K6=../bin/k6-race $(RUNS) --packages ./integration -- -race -count=1 -parallel $(WAITING) \
		-run "Races|Lanes|Connections|GracefulStop|WholeRun|SessionExpires|FaultInAScenario"

lint: bin/gosec ## xk6's own checks of an extension; CONTRIBUTING.md says why not all
	PATH=$(CURDIR)/bin:$$PATH $(XK6) lint --preset strict --disable vulnerability,versions,smoke -k $(K6_VERSION)

# The runs whose outcome is in Redis or the database; others would do again what they did in make test.
STORED := WholeRun|Audit|Outages|QueueDepth|DroppedSample|UpstashPipeline|EventDay|Smoke$$|EveryCall|Bands|Segments|Distributed$$

test-services: build bin/services ## the runs that store something, and the twin's tests, on a real Redis and a real PostgreSQL (Debian's packages)
	bin/services sh -c 'export TWIN_TEST_REDIS_URL=$$REDIS_URL TWIN_TEST_DATABASE_URL=$$DATABASE_URL; \
		go test -race -count=1 ./integration/services && \
		$(RUNS) --packages ./integration -- -race -count=1 -parallel $(WAITING) -run "$(STORED)" && \
		cd twin && go test -race -count=1 -p 1 ./internal/store ./internal/hub ./internal/database'

test-deploy: build ## what deploy/ holds: the image, the manifests, the dashboard (needs Debian's buildah and busybox-static)
	cd deploy && go vet ./... && go test -count=1 ./...

image: ## a container image of k6 with the extension: make image IMAGE=name:tag (needs docker)
	docker build -f deploy/Dockerfile -t $(or $(IMAGE),sparkmotion-k6:$(K6_VERSION)) .

PLATFORMS := linux-amd64 linux-arm64 darwin-amd64 darwin-arm64

dist: $(PLATFORMS:%=dist/k6-sparkmotion-%) ## what a release has: ./k6 for four platforms, the declarations, checksums (needs npm)
	cd xk6-sparkmotion && npm pack --silent --pack-destination ../dist
	cd dist && sha256sum k6-sparkmotion-* *.tgz > SHA256SUMS

dist/k6-sparkmotion-%: $(SOURCES) tools/go.mod
	mkdir -p dist
	$(XK6) build $(K6_VERSION) --os $(firstword $(subst -, ,$*)) --arch $(lastword $(subst -, ,$*)) --with $(MODULE)=. --output $(CURDIR)/$@

conformance: build conformance/admin/.next/BUILD_ID ## ./k6 and the twin against the software that SparkMotion is made of (needs Node 20 and npm)
	cd conformance && node main.js

types: conformance/node_modules/.package-lock.json ## TypeScript against index.d.ts and @types/k6: what compiles, and what must not (needs Node 20 and npm)
	cd conformance && npm run --silent types

conformance/node_modules/.package-lock.json: conformance/package-lock.json
	cd conformance && npm ci
	touch $@

conformance/admin/.next/BUILD_ID: conformance/node_modules/.package-lock.json $(ADMIN)
	cd conformance && npm run build

smoke: k6 ## one of everything for 30 seconds, with the settings of .env.$ENV: make smoke ENV=staging
	@$(WITH_ENV) true
	@$(WITH_ENV) ./k6 run scripts/smoke.js; $(SAY)

e2e: k6 ## the full profile with the settings of .env.$ENV: make e2e ENV=staging [CLOUD=1]
	@$(WITH_ENV) true
	@$(WITH_ENV) ./k6 $(if $(CLOUD),$(CLOUD_RUN),run) scripts/e2e-load.js; $(SAY)

distributed: build ## the same in N processes of this machine, merged into one verdict: make distributed N=3 [ENV=staging]
ifdef ENV
	@$(WITH_ENV) true
	@$(WITH_ENV) scripts/distributed.sh $(N); $(SAY)
else
	@K6_NO_USAGE_REPORT=true bin/twin -history 20000 scripts/distributed.sh $(N) -e DIRECT_URL= -e SCALE=0.1 -e TIME_SCALE=0.075; $(SAY)
endif

bench: k6 ## what a tap costs: k6/http, tap(), taps(10), wrk and vegeta, on one core each (15 minutes; needs wrk)
	cd bench && go run .

bench-distance: k6 ## what a tap costs at a distance: TLS, answers after 0 to 40 ms, connections kept and new (70 minutes)
	cd bench && go run . distance

clean: ## remove what was built and what runs left
	rm -rf k6 bin dist conformance/admin/.next
	rm -rf results/distributed results/latest results/[0-9]*Z-*
	find results -type f ! -name README.md ! -name "*.schema.json" -delete
