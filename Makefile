# bridgeq: `make help` lists what there is. Everything that is made goes below target/.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/bridgeq
CMAKEDIR    = $(LIBDIR)/cmake/bridgeq
JOBS       ?= $(shell nproc 2>/dev/null || echo 2)

# The version is written in Cargo.toml and nowhere else.
VERSION   := $(shell sed -n 's/^version *= *"\(.*\)"/\1/p' Cargo.toml | head -n 1)
SOVERSION := $(firstword $(subst ., ,$(VERSION)))
# What find_package takes for compatible: 0.1 before 1.0, then the major version.
SERIES    := $(if $(filter 0,$(SOVERSION)),0.$(word 2,$(subst ., ,$(VERSION))),$(SOVERSION))

export CARGO_TARGET_DIR := $(CURDIR)/target
export PATH := $(PATH):$(HOME)/.cargo/bin
unexport CARGO_BUILD_TARGET

SO     := target/release/libbridgeq.so
A      := target/release/libbridgeq.a
NATIVE := target/release/native-static-libs
STEP   := ctests/step.sh
PREEMPTIONS ?= 1
SECONDS ?= 30
MINUTES ?= 1
HISTORIES ?= 100000

.DEFAULT_GOAL := all
.NOTPARALLEL:
.PHONY: all lib demo examples test header manual install uninstall fmt lint clean help \
  prove models weaken schedules linearize fuzz tsan asan ctests valgrind faults faults-suite soak abi abi-record \
  dependencies

## Build

all: lib ## Build libbridgeq.so and libbridgeq.a into target/release (what plain `make` does)
	@wc -c $(SO) $(A) | awk '$$2 != "total" { printf "  %-46s %.1f MB\n", $$2, $$1 / 1e6 }'

lib:
	@ctests/tools.sh cargo cc
	@# Not `cargo build`: it leaves link-time optimisation out as soon as a Rust library is among what it makes.
	@$(STEP) "build both libraries" cargo rustc --locked --release --lib --crate-type cdylib --crate-type staticlib
	@$(MAKE) -s --no-print-directory $(NATIVE)

# The system libraries that a program needs beside libbridgeq.a, as rustc says, each once. Without those that every C
# compiler adds by itself, and better: -lgcc_s would be in the way of -static.
$(NATIVE): Cargo.toml $(wildcard Cargo.lock)
	@$(STEP) "ask rustc what libbridgeq.a needs" sh -c 'cargo rustc --locked --lib --crate-type staticlib -- \
	  --print native-static-libs >$@.log 2>&1 || { cat $@.log; exit 1; }'
	@sed -n 's/.*native-static-libs: *//p' $@.log | tail -n 1 | tr ' ' '\n' | grep -vx -e -lgcc_s -e -lc | \
	  awk '!seen[$$0]++' | paste -sd ' ' >$@ && test -s $@

header: ## Write include/bridgeq.h anew from the Rust sources
	@ctests/tools.sh cargo cc
	@BRIDGEQ_UPDATE_HEADER=1 $(STEP) "include/bridgeq.h from src/ffi" cargo test --test header

manual: ## Write the manual pages from include/bridgeq.h into target/man
	@mkdir -p target/man && $(call pages,target/man)

# $(call pages,DIRECTORY): writes a page for each function there.
pages = awk -v out="$(1)" -v version=$(VERSION) -f include/manual.awk include/bridgeq.h

## See and test

CTESTS     := target/ctests
TEST_TOOLS := cargo cc c++ cmake pkg-config libuv openssl
CONFIGURE   = $(STEP) "configure the C programs" cmake -S ctests -B $(CTESTS)

demo: lib ## Run the HTTP hashing demo over this repository's files (DEMO=options for it)
	@ctests/tools.sh $(TEST_TOOLS)
	@$(CONFIGURE)
	@$(STEP) "build the demo" cmake --build $(CTESTS) --target epoll_offload -j $(JOBS)
	@$(CTESTS)/examples/epoll_offload $(DEMO)

examples: lib ## Build the example programs into target/ctests/examples
	@ctests/tools.sh $(TEST_TOOLS)
	@$(CONFIGURE)
	@$(STEP) "build the examples" cmake --build $(CTESTS)/examples -j $(JOBS)

test: lib ## Run every test: Rust, C with both libraries, programs that use an installed copy
	@ctests/tools.sh $(TEST_TOOLS)
	@$(STEP) "tools of other machines" ctests/tools_test.sh
	@$(STEP) "Rust tests" cargo test
	@$(MAKE) -s --no-print-directory ctests
	@$(STEP) "C tests" sh -c 'cd $(CTESTS) && ctest -j $(JOBS) --timeout 120 --output-on-failure'
	@$(STEP) "programs that use the installed copy" ctests/consumer/run.sh

SCRIPTS := .ci/run $(filter-out target/%,$(wildcard */*.sh */*/*.sh */*/*/*.sh))

fmt: ## Format the Rust sources
	@cargo fmt

lint: ## Check formatting, clippy, the figures in README, the places of weakenings and the shell scripts
	@ctests/tools.sh cargo cc python3
	@$(STEP) "format" cargo fmt --check -- --color never
	@$(STEP) "clippy" cargo clippy --all-targets -- -D warnings
	@$(STEP) "figures in README" python3 benches/highlights.py
	@$(STEP) "places of weakenings" ctests/rust/weaken.py --check
	@! command -v shellcheck >/dev/null || $(STEP) "shellcheck" shellcheck -S warning $(SCRIPTS)

## Trust

PROOFS := lint test models weaken schedules fuzz tsan asan valgrind faults abi dependencies soak

prove: ## Lint, test, then models, schedules, fuzz, tsan ... soak in short, with a table at the end (WITHOUT="TARGET ...")
	@unknown="$(strip $(filter-out $(PROOFS),$(WITHOUT)))"; test -z "$$unknown" || \
	  { echo "bridgeq: WITHOUT=$$unknown: no such proof; there are $(PROOFS)" >&2; exit 2; }
	@ctests/prove.sh $(filter-out $(WITHOUT),$(PROOFS))

models: ## Every schedule of small programs, within a bound (PREEMPTIONS=1; with more, a model that takes 10 s is cut)
	@ctests/tools.sh cargo
	@$(STEP) "models" ctests/rust/loom/run.sh $(PREEMPTIONS)

weaken: ## Weaken one ordering after the other: the model named for it must fail
	@ctests/tools.sh cargo python3
	@$(STEP) "weakened orderings" ctests/rust/weaken.py

schedules: ## Random schedules of what is too large for the models
	@ctests/tools.sh cargo
	@$(STEP) "random schedules" ctests/rust/shuttle/run.sh

linearize: ## Histories of real threads against the specification (HISTORIES=100000; make test has thousands)
	@ctests/whole.sh HISTORIES "$(HISTORIES)"
	@ctests/tools.sh cargo
	@HISTORIES=$(HISTORIES) cargo test -q --release --test linearize -- --nocapture every_recorded
	@# Once more where what takes thousands of calls to happen does at once.
	@HISTORIES=$(HISTORIES) RUSTFLAGS="--cfg eager" cargo test -q --release --target-dir target/eager \
	  --test linearize -- --nocapture every_recorded

fuzz: ## Sequences of calls against a model of them, guided by coverage (SECONDS=30)
	@ctests/tools.sh cargo c++ nightly
	@$(STEP) "fuzzing" fuzz/run.sh $(SECONDS)

tsan: ## C tests under ThreadSanitizer
	@ctests/sanitize.sh thread

asan: ## C tests under AddressSanitizer, with leaks, and the C side's undefined behaviour
	@ctests/sanitize.sh address

ctests: lib
	@ctests/tools.sh $(TEST_TOOLS)
	@$(CONFIGURE)
	@$(STEP) "build the C programs" cmake --build $(CTESTS) -j $(JOBS)

valgrind: ctests ## C tests under Valgrind's memcheck
	@ctests/tools.sh valgrind
	@$(STEP) "C tests under memcheck" ctests/memcheck.sh $(CTESTS)

faults: ctests ## Every allocation and system call of the library made to fail in turn
	@$(STEP) "failing calls, one after the other" ctests/faults/sweep.sh $(CTESTS)/faults/scenarios-shared

faults-suite: ctests ## The same through every C test, crashes only (minutes)
	@$(STEP) "failing calls in every test" ctests/faults/suite.sh $(CTESTS)

soak: ## Random traffic, every item counted (MINUTES=1, SEED=number: the same rounds again)
	@ctests/whole.sh MINUTES "$(MINUTES)" $(if $(SEED),SEED "$(SEED)")
	@$(MAKE) -s --no-print-directory ctests
	@$(CTESTS)/soak/soak-shared --seconds $$(($(MINUTES) * 60)) --seed $(or $(SEED),$(shell date +%s))

abi: ## Compare the binary interface with its record (ctests/abi)
	@ctests/tools.sh cc abidw
	@$(STEP) "binary interface" ctests/abi/abi.sh check

abi-record: ## Record the binary interface anew, when a change is wanted
	@ctests/tools.sh cc abidw
	@ctests/abi/abi.sh record

dependencies: ## Check the dependencies: which, how often, under what licence
	@ctests/tools.sh cargo python3
	@$(STEP) "dependencies and licences" ctests/dependencies.py

include benches/bench.mk

## Install

HEADERS := $(patsubst include/%,%,$(wildcard include/*.h))
DOCUMENTS := $(wildcard LICENSE-*) CHANGELOG.md
INSTALLED = $(addprefix $(INCLUDEDIR)/,$(HEADERS)) \
  $(addprefix $(LIBDIR)/libbridgeq.,so so.$(SOVERSION) so.$(VERSION) a) $(LIBDIR)/pkgconfig/bridgeq.pc \
  $(addprefix $(CMAKEDIR)/bridgeq,Config.cmake ConfigVersion.cmake) $(addprefix $(DOCDIR)/,$(DOCUMENTS))

# $(call fill,TEMPLATE,FILE[,MORE]): writes FILE below DESTDIR from include/TEMPLATE.in.
fill = sed -e 's|@VERSION@|$(VERSION)|g; s|@SOVERSION@|$(SOVERSION)|g; s|@SERIES@|$(SERIES)|g' \
  -e "s|@NATIVE_LIBS@|$$(cat $(NATIVE))|; s|@NATIVE_LIBS_LIST@|$$(tr ' ' ';' <$(NATIVE))|" \
  -e 's|@CMAKEDIR@|$(CMAKEDIR)|g; $(3)' include/$(1).in >"$(DESTDIR)$(2)" && chmod 644 "$(DESTDIR)$(2)"
# In bridgeq.pc what lies below the prefix is said relative to it.
pc_path = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))

install: ## Install it all (DESTDIR=, PREFIX=, LIBDIR=, INCLUDEDIR=, MANDIR=, DOCDIR=)
	@$(foreach name,PREFIX LIBDIR INCLUDEDIR MANDIR DOCDIR,case '$(words $($(name)))$($(name))' in (1/*) ;; (*) \
	  echo "$(name) must be an absolute path without blanks, as PREFIX=$$HOME/bridgeq" >&2; exit 2 ;; esac;)
	@test -s $(SO) && test -s $(A) && test -s $(NATIVE) && \
	  test -z "$$(find src Cargo.toml Cargo.lock build.rs -type f -newer $(SO))" || $(MAKE) --no-print-directory lib
	@install -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(CMAKEDIR)"
	@for header in $(HEADERS); do install -d "$(DESTDIR)$(INCLUDEDIR)/$$(dirname $$header)" && \
	  install -m 644 include/$$header "$(DESTDIR)$(INCLUDEDIR)/$$header" || exit 1; done
	@install -d "$(DESTDIR)$(MANDIR)/man3" && $(call pages,$(DESTDIR)$(MANDIR)/man3) && \
	  chmod 644 "$(DESTDIR)$(MANDIR)"/man3/bridgeq.3 "$(DESTDIR)$(MANDIR)"/man3/bq_*.3
	@install -d "$(DESTDIR)$(DOCDIR)" && install -m 644 $(DOCUMENTS) "$(DESTDIR)$(DOCDIR)"
	@install -m 755 $(SO) "$(DESTDIR)$(LIBDIR)/libbridgeq.so.$(VERSION)"
	@ln -sf libbridgeq.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/libbridgeq.so.$(SOVERSION)"
	@ln -sf libbridgeq.so.$(SOVERSION) "$(DESTDIR)$(LIBDIR)/libbridgeq.so"
	@install -m 644 $(A) "$(DESTDIR)$(LIBDIR)/libbridgeq.a"
	@$(call fill,bridgeq.pc,$(LIBDIR)/pkgconfig/bridgeq.pc,s|@PREFIX@|$(PREFIX)|; \
	  s|@LIBDIR@|$(call pc_path,$(LIBDIR))|; s|@INCLUDEDIR@|$(call pc_path,$(INCLUDEDIR))|)
	@$(call fill,bridgeqConfig.cmake,$(CMAKEDIR)/bridgeqConfig.cmake,s|@INCLUDEDIR@|$(INCLUDEDIR)|)
	@$(call fill,bridgeqConfigVersion.cmake,$(CMAKEDIR)/bridgeqConfigVersion.cmake)
	@printf '  installed $(DESTDIR)%s\n' $(INSTALLED) '$(MANDIR)/man3/bridgeq.3 and one page a function'
	@test -n "$(DESTDIR)" || case $(PREFIX) in \
	  /usr | /usr/local) echo "  Run ldconfig once if programs are to find the library in $(LIBDIR)." ;; \
	  *) echo "  To use it: export PKG_CONFIG_PATH=$(LIBDIR)/pkgconfig, link with -Wl,-rpath,$(LIBDIR)," && \
	    echo "  and read man -M $(MANDIR) bridgeq." ;; \
	  esac

uninstall: ## Remove what `make install` put there (the same DESTDIR=, PREFIX= ...)
	@rm -f $(patsubst %,"$(DESTDIR)%",$(INSTALLED)) "$(DESTDIR)$(MANDIR)/man3/bridgeq.3" \
	  "$(DESTDIR)$(MANDIR)"/man3/bq_*.3
	@rmdir "$(DESTDIR)$(CMAKEDIR)" "$(DESTDIR)$(DOCDIR)" 2>/dev/null || true

## Rest

clean: ## Remove everything that was made
	@rm -rf target

help: ## This list
	@echo "usage: make [TARGET]"
	@awk -F ':.*## ' '/^## / { print "\n" substr($$0, 4) } \
	  /^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo; echo "V=1 shows all output of every step; CC=, CXX= choose the compilers; JOBS=$(JOBS);"
	@echo "BRIDGEQ_NO_INSTALL=1: tools that are missing are named, not installed."
