# The project's commands; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# Garbage collection a quarter as often as Go's default, so that fewer taps wait for it, up to a heap that a laptop has.
export GOGC ?= 400
export GOMEMLIMIT ?= 1GiB

# k6 cloud hides the environment from scripts unless told otherwise, and would upload it, secrets included, with the archive.
CLOUD_RUN := cloud run --local-execution --include-system-env-vars --no-archive-upload

# make exports what its command line sets, and k6 would take the variable CLOUD for its option of that name, which can't be 1.
unexport CLOUD

# Real runs mostly wait, so more of them fit at once than there are processors. Those that measure time run alone anyway.
WAITING := 6

# Real runs get priority over everything else on this machine, where that is allowed: not in most containers.
FIRST := $(if $(shell nice -n -10 true 2>&1),,nice -n -10)

# Real runs of k6 share this machine. One that fails is run once more by itself, and both results are shown: a real fault fails twice. A
# data race is never retried.
RUNS = $(FIRST) go tool -modfile=$(CURDIR)/tools/gotestsum.mod gotestsum --format pkgname-and-test-fails --hide-summary skipped \
	--rerun-fails=1 --rerun-fails-max-failures=3 --rerun-fails-run-root-test --rerun-fails-abort-on-data-race

# Runs a command with the settings of .env.$ENV. Targets try `true` first, so that a bad file is not reported as k6's exit code.
WITH_ENV = scripts/with-env.sh .env.$(ENV)

# Stops a target, before its first line runs, that needs a setting of make's command line: its name, and an example.
needs = $(if $($1),,$(error set $1: make $@ $1=$2))

# Printed after every run, whatever its result. The exit code stays k6's.
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

# k6 with the race detector. Without -trimpath, it reuses the packages that go test -race has compiled.
bin/k6-race: $(SOURCES) tools/go.mod
	$(XK6) build $(K6_VERSION) --race-detector --build-flags=-ldflags=-w --with $(MODULE)=. --output $(CURDIR)/$@

bin/twin: $(TWIN)
	cd twin && go build -o ../bin/twin .

bin/gosec: tools/gosec.mod
	go build -modfile=$(CURDIR)/tools/gosec.mod -o $@ github.com/securego/gosec/v2/cmd/gosec

bin/services: $(wildcard integration/services/*.go)
	go build -o $@ ./integration/services

run: build ## run all scenarios against the local twin for a minute, at a tenth of the rates, and print the verdict
	@K6_NO_USAGE_REPORT=true bin/twin -history 20000 ./k6 run -e DIRECT_URL= -e SCALE=0.1 -e TIME_SCALE=0.075 scripts/e2e-load.js; $(SAY)

capacity: build ## find how many taps/s the local twin holds, to 5 %: a search of 6 minutes
	@K6_NO_USAGE_REPORT=true bin/twin -history 20000 ./k6 run -e DIRECT_URL= scripts/find-capacity.js; $(SAY)

# The verdict's tests make millions of taps one after another, which takes minutes with the race detector. These are the ones that share
# a recorder between goroutines.
SHARED := MeasuredIsTheCallers|CloneSharesNothing|TapsOfAPlateau

# vet with -race reuses what the tests compile anyway; without it, k6's packages would be compiled once more.
test: build ## run the Go tests with the race detector, and real runs of ./k6 against the twin (.ci/run runs everything)
	gofmt -l . | (! grep .)
	go vet -race ./...
	go test -race $$(go list ./... | grep -v -e /integration -e /capacity$$)
	go test ./xk6-sparkmotion/internal/capacity
	go test -race -run "$(SHARED)" ./xk6-sparkmotion/internal/capacity
	$(RUNS) --packages ./integration/... -- -race -timeout 30m -parallel $(WAITING)
	cd integration/browser && go vet ./... && go test -count=1 ./...
	cd twin && go vet -race ./... && go test -race ./...
	cd bench && go vet -race ./... && go test -race ./...

test-race: bin/k6-race bin/twin ## repeat some real runs with a k6 built with the race detector
	K6=../bin/k6-race $(RUNS) --packages ./integration -- -race -count=1 -parallel $(WAITING) \
		-run "Races|Lanes|Connections|GracefulStop|WholeRun|SessionExpires|FaultInAScenario"

lint: bin/gosec ## run xk6's own checks of an extension (CONTRIBUTING.md says which are left out)
	PATH=$(CURDIR)/bin:$$PATH $(XK6) lint --preset strict --disable vulnerability,versions,smoke -k $(K6_VERSION)

# The runs whose outcome is in Redis or the database. The others would only repeat make test.
STORED := WholeRun|Audit|Outages|QueueDepth|DroppedSample|UpstashPipeline|EventDay|Smoke$$|EveryCall|Bands|Segments|Distributed$$

test-services: build bin/services ## repeat the runs that store something, and the twin's tests, on a real Redis and PostgreSQL (Debian's packages)
	bin/services sh -c 'export TWIN_TEST_REDIS_URL=$$REDIS_URL TWIN_TEST_DATABASE_URL=$$DATABASE_URL; \
		go test -race -count=1 ./integration/services && \
		$(RUNS) --packages ./integration -- -race -count=1 -parallel $(WAITING) -run "$(STORED)" && \
		cd twin && go test -race -count=1 -p 1 ./internal/store ./internal/hub ./internal/database'

test-deploy: build ## test deploy/: the image, the manifests, the dashboard (needs Debian's buildah and busybox-static)
	cd deploy && go vet ./... && go test -count=1 ./...

image: ## build a container image of k6 with the extension: make image IMAGE=name:tag (needs docker)
	docker build -f deploy/Dockerfile -t $(or $(IMAGE),sparkmotion-k6:$(K6_VERSION)) .

PLATFORMS := linux-amd64 linux-arm64 darwin-amd64 darwin-arm64

dist: $(PLATFORMS:%=dist/k6-sparkmotion-%) ## build a release: ./k6 for four platforms, the npm package of types, checksums (needs npm)
	cd xk6-sparkmotion && npm pack --silent --pack-destination ../dist
	cd dist && sha256sum k6-sparkmotion-* *.tgz > SHA256SUMS

dist/k6-sparkmotion-%: $(SOURCES) tools/go.mod
	mkdir -p dist
	$(XK6) build $(K6_VERSION) --os $(firstword $(subst -, ,$*)) --arch $(lastword $(subst -, ,$*)) --with $(MODULE)=. --output $(CURDIR)/$@

conformance: build conformance/admin/.next/BUILD_ID ## test ./k6 and the twin against the software that SparkMotion is made of (needs Node 20 and npm)
	cd conformance && node main.js

types: conformance/node_modules/.package-lock.json ## check index.d.ts with TypeScript and @types/k6: what must compile, and what must not (needs Node 20 and npm)
	cd conformance && npm run --silent types

conformance/node_modules/.package-lock.json: conformance/package-lock.json
	cd conformance && npm ci
	touch $@

conformance/admin/.next/BUILD_ID: conformance/node_modules/.package-lock.json $(ADMIN)
	cd conformance && npm run build

smoke: k6 ## run one of everything for 30 seconds, with the settings of .env.$ENV: make smoke ENV=staging
	@$(call needs,ENV,staging)$(WITH_ENV) true
	@$(WITH_ENV) ./k6 run scripts/smoke.js; $(SAY)

e2e: k6 ## run the full profile with the settings of .env.$ENV: make e2e ENV=staging [SCALE=0.1] [CLOUD=1]
	@$(call needs,ENV,staging)$(WITH_ENV) true
	@$(WITH_ENV) ./k6 $(if $(CLOUD),$(CLOUD_RUN),run) scripts/e2e-load.js; $(SAY)

distributed: build ## run it in N processes on this machine, with one merged verdict: make distributed N=3 [ENV=staging]
ifdef ENV
	@$(call needs,N,3)$(WITH_ENV) true
	@$(WITH_ENV) scripts/distributed.sh $(N); $(SAY)
else
	@$(call needs,N,3)K6_NO_USAGE_REPORT=true bin/twin -history 20000 scripts/distributed.sh $(N) -e DIRECT_URL= -e SCALE=0.1 -e TIME_SCALE=0.075; $(SAY)
endif

bench: k6 ## measure what a tap costs: k6/http, tap(), taps(10), wrk and vegeta on one core each (15 minutes; needs wrk)
	cd bench && go run .

bench-distance: k6 ## the cost of a tap at a distance: TLS, answers after 0 to 40 ms, connections kept and new (70 minutes)
	cd bench && go run . distance

clean: ## remove everything that was built, and all results of runs
	rm -rf k6 bin dist conformance/admin/.next
	rm -rf results/distributed results/latest results/[0-9]*Z-* results/.writing-*
	find results -type f ! -name README.md ! -name "*.schema.json" -delete
