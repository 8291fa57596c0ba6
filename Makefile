# The project's commands. `make` alone builds ./target/release/redis-server.

CARGO      ?= cargo
PREFIX     ?= /usr/local
DESTDIR    ?=
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
BINARY     := $(TARGET_DIR)/release/redis-server
# /usr keeps its configuration in /etc, any other prefix in its own etc.
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
BINDIR     := $(DESTDIR)$(PREFIX)/bin
UNITDIR    := $(DESTDIR)$(PREFIX)/lib/systemd/system
CONFDIR    := $(DESTDIR)$(SYSCONFDIR)/redis
ROLES      := redis-sentinel redis-check-rdb redis-check-aof
REFERENCE  ?= $(shell command -v redis-server)
# Of the sanitizers' runs.
REPORT      = $(abspath $(TARGET_DIR))/$@/report
HOST       := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

# jemalloc, which cargo builds, is installed by a make of its own: it must not see these two.
unexport DESTDIR PREFIX
MAKEOVERRIDES =

.PHONY: build run test lint tidy tidy-lower tcl bench instructions instructions-lower fuzz asan tsan install clean

build: ## release build of the server
	$(CARGO) build --release

run: build ## start it here; ARGS="--port 7000"
	$(BINARY) $(ARGS)

test: ## all tests: units, integration, tidy (differential ones need a redis-server in PATH or REDIS_REFERENCE)
	$(CARGO) test

lint: ## formatting and clippy, warnings are errors
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings

tidy: ## style and architecture rules only (tests/tidy.rs)
	$(CARGO) test --test tidy

tidy-lower: ## keep what became better: lower the ratchet of the tidy rules
	TIDY_RATCHET=lower $(CARGO) test --test tidy

tcl: build ## the upstream suite: make tcl SUITE=path/to/redis ARGS="--only unit/auth"
	tcl-tests/run --bin $(BINARY) $(if $(SUITE),--suite $(SUITE)) $(ARGS)

bench: build ## side by side with the redis-server in PATH or at REFERENCE=path: recorded, table, plots
	@test -n "$(REFERENCE)" || { echo "no redis-server in PATH: REFERENCE=path/to/redis-server" >&2; exit 2; }
	benches/run.sh $(REFERENCE) $(BINARY) $(ARGS)

instructions: build ## gate: instructions per request of hot commands (needs valgrind)
	benches/instructions.py $(BINARY)

instructions-lower: build ## keep what became better: lower the gate's recorded counts
	benches/instructions.py $(BINARY) --lower

fuzz: ## property tests and the differential driver with many more cases: CASES=20000
	PROPTEST_CASES=$(or $(CASES),20000) $(CARGO) test --release --lib
	DIFF_SEED=$$(date +%s) DIFF_COUNT=200000 $(CARGO) test --release --test it differential -- --nocapture

# A finding in a server or in a child of it need not fail its test: any report does.
asan: ## all tests under AddressSanitizer, with the system's allocator (cfg sanitized); TESTS="name ..."
	rm -f $(REPORT).*
	RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address --cfg sanitized" \
		ASAN_OPTIONS=detect_leaks=0:log_path=$(REPORT) \
		$(CARGO) test --target $(HOST) --target-dir $(TARGET_DIR)/asan --lib --test it -- $(TESTS)
	@! cat $(REPORT).* 2>/dev/null

# std and Lua are not instrumented: tests/tsan.supp says what follows. Forks are part of the server.
TSAN := suppressions=$(abspath tests/tsan.supp) die_after_fork=0 handle_segv=0 handle_sigbus=0 \
	handle_sigfpe=0 handle_sigill=0 handle_abort=0 report_signal_unsafe=0 exitcode=0 history_size=4
tsan: ## the same under ThreadSanitizer, with I/O threads that do all reads and writes; TESTS="name ..."
	rm -f $(REPORT).*
	RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer \
		--cfg sanitized --cfg tsan" \
		TSAN_OPTIONS="$(TSAN) log_path=$(REPORT)" \
		$(CARGO) test --target $(HOST) --target-dir $(TARGET_DIR)/tsan --lib --test it -- $(TESTS)
	@! cat $(REPORT).* 2>/dev/null

install: build ## into PREFIX (/usr/local), below DESTDIR when set; an existing redis.conf stays
	install -d $(BINDIR) $(UNITDIR) $(CONFDIR)
	install -m 755 $(BINARY) $(BINDIR)/redis-server
	for role in $(ROLES); do ln -sf redis-server $(BINDIR)/$$role; done
	sed 's|@BINDIR@|$(PREFIX)/bin|; s|@CONFDIR@|$(SYSCONFDIR)/redis|' packaging/redis-server.service \
		> $(UNITDIR)/redis-server.service
	for conf in redis.conf sentinel.conf; do \
		if test -f $$conf && ! test -e $(CONFDIR)/$$conf; then install -m 644 $$conf $(CONFDIR)/; fi; done

clean: ## remove what cargo built
	$(CARGO) clean
