# CAFE: `make demo` and `make test` do all set-up on a fresh Debian 12 machine with Swift.
SHELL := /bin/bash
SWIFT ?= swift
CLI := .build/release/cafe-cli
DEMO := runs/demo

.PHONY: server serve test-server mpi test-mpi wheel test-python python-peers help setup build demo test test-slow bench bench-check bench-quick bench-peers embed docs check check-aarch64 lint format sanitize fuzz torture clean

help: ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## install the missing Debian packages
	@scripts/setup

build: setup ## build the library and cafe-cli (release)
	$(SWIFT) build -c release

demo: build ## train a dispatch policy in the built-in city and compare it with the rules
	@scripts/demo $(CLI) $(DEMO)

test: setup ## build and run the fast tests
	$(SWIFT) build -c release --build-tests
	$(SWIFT) test -c release --disable-testable-imports --skip-build

test-slow: setup ## the long statistical tests too
	$(SWIFT) build -c release --build-tests
	CAFE_SLOW_TESTS=1 $(SWIFT) test -c release --disable-testable-imports --skip-build

bench: setup ## the benchmark suite: every kernel, the environments, training (minutes to build, two to run)
	@scripts/bench-suite

bench-check: setup ## the suite against its thresholds: results, heap allocations, speed over naive references
	@scripts/bench-suite check

bench-quick: build ## throughput on this machine by cafe-cli, without the suite
	@$(CLI) bench

embed: setup ## build and run README's program against this checkout
	@scripts/check-embed

bench-peers: setup ## ours beside PyTorch, JAX, numpy and others; writes docs/results/performance.md
	@scripts/bench-peers

check: ## the layering rules (layers, no allocation in the core, no machine paths) and the list of public names
	@scripts/check-layers
	@scripts/public-names --check

docs: setup ## the library's documentation as a site, into .build-docs/site; a warning is an error
	@scripts/docs

check-aarch64: ## does the C core compile for aarch64? (needs clang and libc6-dev-arm64-cross)
	@scripts/check-aarch64

lint: check ## formatting of Swift and C
	@scripts/lint

format: ## format Swift and C in place
	$(SWIFT) format format --in-place --recursive Sources Tests Benchmarks/Cafe Package.swift Server/Sources Server/Tests Server/Package.swift Benchmarks/Package.swift Examples/Embed
	git ls-files 'Sources/*.c' 'Sources/*.h' 'include/*.h' 'Benchmarks/*.c' 'Benchmarks/*.h' | xargs -r clang-format -i

server: ## the service: cafe-server beside cafe-cli (Hummingbird, SQLite)
	@CAFE_SERVER=1 scripts/setup
	@touch Server/Package.swift # SwiftPM looks for new files of this package alone; so it looks anew at those of CAFE, too
	$(SWIFT) build -c release --package-path Server --product cafe-server
	@mkdir -p .build/release
	@install Server/.build/release/cafe-server .build/release/cafe-server

serve: server ## start the service on loopback with a demo study and a demo city, and print their links
	@.build/release/cafe-server --data runs/serve --port $(or $(PORT),8080) --demo --log-level warning

test-server: server ## the tests of the service: in Swift, over HTTP, in a browser
	$(SWIFT) test --package-path Server
	@scripts/test-server

wheel: setup ## the Python wheel, into dist/ (installs on a machine without Swift)
	@scripts/build-wheel

test-python: wheel ## install the wheel into a fresh virtual environment and run its tests
	@scripts/test-python

python-peers: wheel ## Stable-Baselines3, TorchRL, BenchMARL and PufferLib on the dispatch game, beside ours (PEERS="--size 200/50")
	@scripts/python-peers $(PEERS)

sanitize: setup ## the tests with checks of memory, undefined behaviour and data races (two more builds)
	@scripts/sanitize

fuzz: setup ## ten minutes of libFuzzer over every reader of files; FUZZ_SECONDS=60 for another time
	@scripts/fuzz $(or $(FUZZ_SECONDS),600)

torture: build ## five minutes of kills, damaged files and full disks, with counts; TORTURE_SECONDS=60 for another time
	@scripts/torture --program $(CLI) --seconds $(or $(TORTURE_SECONDS),300)

mpi: ## compile libcafe-mpi.so beside cafe-cli, for mpirun and srun (needs libopenmpi-dev or libmpich-dev; MPICC=mpicc.mpich)
	@scripts/build-mpi $(dir $(CLI))

test-mpi: build mpi ## the same bits on 1, 2 and 3 ranks, and what happens when one is lost (needs an MPI; minutes)
	@scripts/test-mpi $(CLI)

clean: ## remove what was built
	rm -rf .build .build-* .fuzz Benchmarks/.build Tests/Fuzz/.build Server/.build dist Python/build Python/cafe/_lib
