# SPDX-License-Identifier: MIT
# One program, five archives (one per layer), no configure step. `make help`.

MODE     ?= release
B        := build/$(MODE)
PROG     := $(B)/dht-telescope
PREFIX   ?= /usr/local
CC       := gcc
FUZZ_CC  ?= clang
FUZZ_S   ?= 60
DT_VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

PKGS := liburing libxdp libbpf libpcap libmaxminddb lmdb libxxhash libsodium libcyaml \
        cairo freetype2 libdeflate ck libcap-ng libzstd \
        libmicrohttpd zlib sqlite3
CHECK_PKGS := cmocka

WARN := -Wall -Wextra -Wshadow -Wvla -Wundef -Wformat=2 -Wconversion -Wno-sign-conversion \
        -Wcast-qual -Wpointer-arith -Wwrite-strings -Wswitch-enum -Wimplicit-fallthrough \
        -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition $(if $(CI),-Werror)
BASE := -std=gnu17 -D_GNU_SOURCE -I. -g -fno-omit-frame-pointer -pthread

ifeq ($(MODE),release)
OPT   := -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDOPT := -pie -Wl,-z,relro,-z,now
else ifeq ($(MODE),asan)
OPT   := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
LDOPT := -fsanitize=address,undefined
else ifeq ($(MODE),tsan)
OPT   := -O1 -fsanitize=thread
LDOPT := -fsanitize=thread
else ifeq ($(MODE),fuzz)
# Only tests/fuzz/run.sh builds this way, with CC=clang: it has libFuzzer.
OPT   := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDOPT := -fsanitize=fuzzer,address,undefined
else
$(error MODE is release, asan, tsan or fuzz, not '$(MODE)')
endif

# Dependencies are looked up once a run, and only by targets that compile.
ifeq ($(filter-out help clean deps lint format dist deb,$(or $(MAKECMDGOALS),all)),)
else
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
endif

CFLAGS_ALL = $(BASE) $(OPT) $(WARN) $(patsubst -I%,-isystem %,$(PKG_CFLAGS)) $(CFLAGS)
LIBS       = $(PKG_LIBS) -lm -pthread

LAYERS := proto store engine viz bench
src_proto  := $(wildcard proto/*.c)
src_store  := $(wildcard store/*.c)
src_engine := $(wildcard engine/*.c)
src_viz    := $(wildcard viz/*.c)
src_bench  := $(wildcard bench/*.c bench/sim/*.c)
src_cli    := $(wildcard engine/cli/*.c)
src_support := $(wildcard tests/support/*.c)
src_asm    := $(wildcard viz/data/*.S)

obj = $(patsubst %,$(B)/%.o,$(basename $(1)))
lib = $(B)/lib$(1).a
# Who may link what (house 2). A test of a layer links only what its layer may know.
libs_proto  = $(call lib,proto)
libs_store  = $(call lib,store) $(call lib,proto)
libs_engine = $(call lib,engine) $(call lib,proto)
libs_viz    = $(call lib,viz) $(call lib,store) $(call lib,proto)
libs_bench  = $(call lib,bench) $(call lib,viz) $(call lib,store) $(call lib,engine) $(call lib,proto)

UNIT  := $(foreach l,$(LAYERS),$(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/$(l)/test_*.c)))
CRASH := $(patsubst tests/crash/%.c,$(B)/tests/crash/%,$(wildcard tests/crash/crash_*.c))
FUZZ  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY := $(FUZZ:%=$(B)/tests/fuzz/%)
SHELL_TESTS := $(wildcard tests/integration/test_*.sh)

.PHONY: all clean help deps check check-unit asan tsan fuzz bench lint tidy format install \
        install-system man deb dist demo soak
.DEFAULT_GOAL := all

all: $(PROG) ## build the program: build/release/dht-telescope

define layer_rules
$(call lib,$(1)): $(call obj,$(src_$(1)) $(if $(filter viz,$(1)),$(src_asm)))
	@mkdir -p $$(@D) && rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))

$(B)/%.o: %.c | pkgs
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(B)/%.o: %.S
	@mkdir -p $(@D)
	@$(CC) -I. -MMD -MP -c $< -o $@

# What is embedded is not seen by -MMD.
$(B)/viz/data/embed.o: $(wildcard viz/data/*.bin viz/data/*.otf viz/data/*.html viz/data/*.js)

# The hot path across files: what a packet runs through lies in proto and engine. Fat objects, so that
# only the program is linked by whole optimisation; tests link the same files one by one (E-263).
ifeq ($(MODE)$(findstring clang,$(CC)),release)
HOT_FLAGS := -flto -ffat-lto-objects -fomit-frame-pointer
$(B)/proto/%.o $(B)/engine/%.o: CFLAGS_ALL += $(HOT_FLAGS)
$(PROG): LDOPT += -flto=2 -O2 -fomit-frame-pointer
endif

# Pictures have the same bytes on every machine: no fused multiply-add where a CPU offers it.
$(B)/viz/%.o: CFLAGS_ALL += -ffp-contract=off

# The version reaches one object only, so that a commit rebuilds one file.
$(B)/engine/cli/main.o: CFLAGS_ALL += -DDT_VERSION='"$(DT_VERSION)"'
$(B)/engine/cli/main.o: $(B)/version
$(B)/version: FORCE
	@mkdir -p $(@D); echo '$(DT_VERSION)' | cmp -s - $@ || echo '$(DT_VERSION)' > $@
.PHONY: FORCE

$(PROG): $(call obj,$(src_cli)) $(libs_bench)
	@echo "  LD    $@"
	@$(CC) $(LDOPT) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: pkgs
pkgs:
	@pkg-config --exists $(PKGS) 2>/dev/null || { configs/install-deps.sh --list-missing build; exit 1; }

define unit_rules
$(B)/tests/unit/$(1)/%: $(B)/tests/unit/$(1)/%.o $(call obj,$(src_support)) $$(libs_$(1))
	@echo "  LD    $$@"
	@$(CC) $(LDOPT) -o $$@ $$^ $(LIBS) -lcmocka
endef
$(foreach l,$(LAYERS),$(eval $(call unit_rules,$(l))))

$(B)/tests/crash/%: $(B)/tests/crash/%.o $(call obj,$(src_support)) $(libs_bench)
	@echo "  LD    $@"
	@$(CC) $(LDOPT) -o $@ $^ $(LIBS) -lcmocka

$(B)/tests/soak/%: $(B)/tests/soak/%.o $(libs_bench)
	@echo "  LD    $@"
	@$(CC) $(LDOPT) -o $@ $^ $(LIBS)

# The readers of YAML are of the roof, which is no archive.
$(B)/tests/fuzz/fuzz_conf: $(call obj,$(filter-out engine/cli/main.c,$(src_cli)))

# Without libFuzzer a target is linked with a main that replays the corpus.
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(if $(filter fuzz,$(MODE)),,$(B)/tests/fuzz/replay.o) \
		$(call obj,$(src_support)) $(libs_bench)
	@echo "  LD    $@"
	@$(CC) $(LDOPT) -o $@ -Wl,--start-group $^ -Wl,--end-group $(LIBS)

.PRECIOUS: $(B)/%.o
.SECONDARY:

deps: ## install what is missing to build and test (apt; says what)
	@configs/install-deps.sh build test

check: ## all fast tests: unit, crash, fuzz corpus, namespaces
	@configs/install-deps.sh --quiet build test
	@$(MAKE) --no-print-directory check-run

.PHONY: check-run
check-run: $(PROG) $(UNIT) $(CRASH) $(REPLAY)
	@tests/run.sh $(B) $(SHELL_TESTS) $(UNIT) $(CRASH) $(REPLAY)

UNIT_WANTED := $(if $(LAYER),$(filter $(B)/tests/unit/$(LAYER)/%,$(UNIT)),$(UNIT))
check-unit: $(UNIT_WANTED) ## unit tests only; LAYER=proto for one layer
	@tests/run.sh $(B) $(UNIT_WANTED)

asan: ## the unit, crash and corpus tests under address and undefined sanitizers
	@$(MAKE) --no-print-directory MODE=asan sanitized
tsan: ## the same under the thread sanitizer
	@$(MAKE) --no-print-directory MODE=tsan sanitized
.PHONY: sanitized
sanitized: $(UNIT) $(CRASH) $(REPLAY) $(PROG)
	@tests/run.sh $(B) $(UNIT) $(CRASH) $(REPLAY)

fuzz: ## FUZZ_S seconds of libFuzzer per target (FUZZ=name for one)
	@tests/fuzz/run.sh "$(FUZZ_CC)" "$(FUZZ_S)" $(FUZZ)

soak: $(PROG) ## the long tests
	@for t in tests/soak/*.sh; do [ -e "$$t" ] || continue; echo "== $$t"; $$t $(B) || exit 1; done

bench: $(PROG) ## the benchmark table as JSON lines, beside the committed results
	@bench/run.sh $(PROG)
	@bench/instructions.sh $(PROG)
	@bench/cold_start.sh $(PROG)

rivals: $(PROG) ## other crawlers against the same simulated network, in a namespace
	@bench/rivals/run.sh $(PROG)
.PHONY: rivals

demo: ## simulated DHT -> censuses -> store -> map, film, page, no network: build/demo/
	@configs/install-deps.sh --quiet build
	@$(MAKE) --no-print-directory all
	@$(PROG) demo --out build/demo

lint: ## layers, house rules, format, headers alone, cppcheck
	@tests/lint/layers.sh && tests/lint/house.sh && tests/lint/headers.sh && tests/lint/tools.sh

tidy: ## clang-tidy with our short list
	@clang-tidy --quiet $(src_proto) $(src_store) $(src_engine) $(src_viz) $(src_bench) $(src_cli) -- $(CFLAGS_ALL)

format: ## rewrite with clang-format
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: $(PROG) ## PREFIX=/usr/local DESTDIR=
	install -Dm755 $(PROG) $(DESTDIR)$(PREFIX)/bin/dht-telescope
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/dht-telescope \
		$(filter-out configs/serve.yaml,$(wildcard configs/*.yaml configs/*.conf))
	install -Dm755 configs/run.sh $(DESTDIR)$(PREFIX)/share/dht-telescope/run.sh

install-system: man ## what a packaged program has: unit, its configuration, manual pages, completion
	install -Dm644 -t $(DESTDIR)/lib/systemd/system configs/dht-telescope.service
	install -Dm644 -t $(DESTDIR)/etc/dht-telescope configs/serve.yaml
	install -Dm644 configs/completion/dht-telescope.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/dht-telescope
	for n in 1 5 7; do install -Dm644 build/man/dht-telescope.$$n \
		$(DESTDIR)$(PREFIX)/share/man/man$$n/dht-telescope.$$n; done

man: $(PROG) ## manual pages (needs scdoc): build/man/
	@configs/man/make.sh $(PROG) build/man

deb: ## Debian package (needs debhelper, scdoc): build/deb/
	@configs/debian/make.sh $(DT_VERSION)

dist: ## git archive named by git describe
	@mkdir -p build && git archive --format=tar.gz --prefix=dht-telescope-$(DT_VERSION)/ \
		-o build/dht-telescope-$(DT_VERSION).tar.gz HEAD && ls build/*.tar.gz

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

-include $(shell find $(B) -name '*.d' 2>/dev/null)
