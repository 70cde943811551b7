# The benchmark: a driver, a plug-in for each contender, and run.py, which measures and reports.
# Included by the Makefile. A contender that cannot be built leaves a .failed file that says why;
# the others are measured without it, and the report names it.

## Measure

BENCH         := target/benches
BENCH_PLUGINS := $(BENCH)/plugins
BENCH_NAMES   := bridgeq mutex ordered glib uv zmq tbb moodycamel pipe eventfd floor peers
BENCH_DEBS    := libglib2.0-dev libuv1-dev libzmq3-dev libtbb-dev libconcurrentqueue-dev

BENCH_WARN    := -g -Wall -Wextra -Wpedantic
BENCH_CC       = $(CC) -std=c11 -D_GNU_SOURCE $(BENCH_WARN)
BENCH_CXX      = $(CXX) -std=c++17 $(BENCH_WARN)
BENCH_PLUGIN  := -O3 -fPIC -shared -fvisibility=hidden -fno-plt -pthread -Wl,-z,defs

# What a contender needs beside that.
bench_bridgeq    = -Iinclude -Ltarget/release -lbridgeq -Wl,-rpath,'$$ORIGIN/..'
bench_glib       = $$(pkg-config --cflags --libs glib-2.0)
bench_uv         = $$(pkg-config --cflags --libs libuv)
bench_zmq        = $$(pkg-config --cflags --libs libzmq)
bench_tbb        = $$(pkg-config --cflags --libs tbb)
bench_moodycamel = "-DMOODYCAMEL_VERSION=\"$$(dpkg-query -W -f '$${Version}' \
  libconcurrentqueue-dev 2>/dev/null || echo unknown)\""

.PHONY: bench bench-quick bench-build bench-tools

bench: bench-build ## Measure bridgeq and its peers, 20 to 40 minutes, into docs/benchmarks (BENCH_RUN=options)
	@python3 benches/run.py $(BENCH_RUN)

bench-quick: bench-build ## The scenarios that matter most, in under 3 minutes, into target/benches/quick
	@python3 benches/run.py --quick $(BENCH_RUN)

bench-build: lib bench-tools $(BENCH)/bench $(BENCH_NAMES:%=$(BENCH_PLUGINS)/%.built)

bench-tools:
	@ctests/tools.sh cargo cc c++ pkg-config python3
	@missing=$$(for deb in $(BENCH_DEBS); do dpkg -s $$deb >/dev/null 2>&1 || echo $$deb; done); \
	if [ -n "$$missing" ] && [ -z "$(BRIDGEQ_NO_INSTALL)" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  $(STEP) "install peers" sh -c 'apt-get -qq update; apt-get -qq install -y --no-install-recommends "$$@"' \
	    sh $$missing || echo "  Going on without what could not be installed."; \
	elif [ -n "$$missing" ]; then \
	  echo "  Going on without some peers; Debian has them as" $$missing; fi

$(BENCH)/bench: $(wildcard benches/driver/*.[ch]) benches/scenarios.c benches/contender.h
	@mkdir -p $(@D)
	@$(STEP) "build the benchmark's driver" \
	  $(BENCH_CC) -O2 -o $@ benches/driver/*.c benches/scenarios.c -pthread -ldl

# A .built file says that building was tried; next to it is the plug-in, or .failed and .log.
define bench_try
	@mkdir -p $(@D)
	@rm -f $(@:.built=.so) $(@:.built=.failed)
	@if { $(1); } >$(@:.built=.log) 2>&1; then echo "  built contender $(notdir $(@:.built=))"; else \
	  echo "does not build: $$(grep -m1 -iE 'error|not found' $(@:.built=.log))" >$(@:.built=.failed); \
	  echo "  contender $(notdir $(@:.built=)) $$(cat $(@:.built=.failed))"; fi
	@touch $@
endef

$(BENCH_PLUGINS)/%.built: benches/contenders/%.c $(wildcard benches/contenders/*.h) benches/contender.h
	$(call bench_try,$(BENCH_CC) $(BENCH_PLUGIN) -o $(@:.built=.so) $< $(bench_$*))

$(BENCH_PLUGINS)/%.built: benches/contenders/%.cpp $(wildcard benches/contenders/*.h) benches/contender.h
	$(call bench_try,$(BENCH_CXX) $(BENCH_PLUGIN) -o $(@:.built=.so) $< $(bench_$*))

# bridgeq must build: without it there is nothing to compare with.
$(BENCH_PLUGINS)/bridgeq.built: benches/contenders/bridgeq.c include/bridgeq.h benches/contender.h
	@mkdir -p $(@D)
	@ln -sf ../release/libbridgeq.so $(BENCH)/libbridgeq.so.$(SOVERSION)
	@$(STEP) "build contender bridgeq" $(BENCH_CC) $(BENCH_PLUGIN) -o $(@:.built=.so) $< $(bench_bridgeq)
	@touch $@

$(BENCH_PLUGINS)/peers.built: $(wildcard benches/peers/src/*.rs benches/peers/Cargo.*)
	@echo "  building contenders peers: the channels from crates.io"
	$(call bench_try,cargo build --release --locked --manifest-path benches/peers/Cargo.toml \
	  --target-dir $(BENCH)/peers && cp $(BENCH)/peers/release/libpeers.so $(@:.built=.so))
