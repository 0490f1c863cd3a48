# sendcloud for Lua. `make help` lists what there is; the scripts behind it are in .ci/.

LUA ?= lua5.4
LUAS := lua5.4 lua5.3 lua5.1 luajit
BUILD ?= build
OUT := $(BUILD)/$(LUA)

CC ?= gcc
OPT ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
CFLAGS += -std=c11 -D_GNU_SOURCE $(OPT) $(WARN) -fPIC -fvisibility=hidden -pthread

# Asked for once, and only by what compiles: `make help` works on a machine that has nothing.
pkg = $(shell pkg-config $(1) 2>/dev/null)
LUA_CFLAGS = $(eval LUA_CFLAGS := $$(call pkg,--cflags $(LUA)))$(LUA_CFLAGS)
LIB_CFLAGS = $(eval LIB_CFLAGS := $$(call pkg,--cflags libcurl libmicrohttpd sqlite3))$(LIB_CFLAGS)
LIB_DIRS = $(eval LIB_DIRS := $$(call pkg,--libs-only-L libcurl libmicrohttpd sqlite3))$(LIB_DIRS)
MODULE := $(if $(filter Darwin,$(shell uname)),-bundle -undefined dynamic_lookup,-shared)

CORE_C := $(wildcard csrc/core/*.c)
SANDBOX_C := $(wildcard csrc/sandbox/*.c)
CORE := $(CORE_C:csrc/%.c=$(OUT)/obj/%.o)
SANDBOX := $(SANDBOX_C:csrc/%.c=$(OUT)/obj/%.o)
MODULES := $(OUT)/sendcloud/core.so $(if $(SANDBOX),$(OUT)/sendcloud/sandbox/core.so)

SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# A module that stays mapped when its Lua state closes, so that a leak's stack still has names.
KEEP := -Wl,-z,nodelete

.PHONY: build env setup demo test nginx asan valgrind tsan torture fuzz bench soak lint doc rockspec help clean

build: | check-build
	@$(MAKE) --no-print-directory modules

.PHONY: check-build modules
check-build:
	@SETUP=check LUA=$(LUA) .ci/setup build

modules: $(MODULES) $(OUT)/bin/sendcloud

# The program for this checkout and this runtime, from wherever it is called.
$(OUT)/bin/sendcloud: Makefile
	@mkdir -p $(@D)
	@{ echo '#!/bin/sh'; \
	  echo 'LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$${LUA_PATH:-;}"'; \
	  echo 'LUA_CPATH="$(abspath $(OUT))/?.so;$${LUA_CPATH:-;}"'; \
	  echo 'export LUA_PATH LUA_CPATH'; \
	  echo 'exec $(LUA) "$(CURDIR)/lua/sendcloud/cli/sendcloud.lua" "$$@"'; } > $@
	@chmod +x $@

$(OUT)/sendcloud/core.so: $(CORE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) $(MODULE) -o $@ $^ $(LIB_DIRS) -lcurl -lm

$(OUT)/sendcloud/sandbox/core.so: $(SANDBOX)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) $(MODULE) -o $@ $^ $(LIB_DIRS) -lmicrohttpd -lsqlite3 -lm

# The flags are part of what an object is made from: another compiler or sanitizer builds it anew.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(LUA_CFLAGS) $(LIB_CFLAGS) $(LDFLAGS)' | cmp -s - $@ || \
	  echo '$(CC) $(CFLAGS) $(LUA_CFLAGS) $(LIB_CFLAGS) $(LDFLAGS)' > $@
.PHONY: FORCE

$(OUT)/obj/%.o: csrc/%.c $(OUT)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LUA_CFLAGS) $(LIB_CFLAGS) -MMD -MP -c -o $@ $<

-include $(CORE:.o=.d) $(SANDBOX:.o=.d)

env:
	@echo 'export LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;"'
	@echo 'export LUA_CPATH="$(CURDIR)/$(OUT)/?.so;;"'
	@echo 'export PATH="$(CURDIR)/$(OUT)/bin:$$PATH"'

setup:
	@LUA=$(LUA) .ci/setup demo test

demo:
	@LUA=$(LUA) .ci/setup demo
	@$(MAKE) --no-print-directory -s -j2 modules
	@eval "$$($(MAKE) --no-print-directory -s env)" && $(LUA) examples/newsletter.lua

test:
	@.ci/setup test
	@.ci/suite $(LUAS)

# The client inside nginx; part of test.
nginx:
	@.ci/setup test
	@SPECS=spec/nginx LABEL=nginx .ci/suite luajit

# The suite on one runtime (LUA=), with both modules under AddressSanitizer and UBSan; leaks are errors.
asan:
	@LUA=$(LUA) .ci/setup asan
	@BUILD=build/asan OPT="-O1 -g $(SAN)" LDFLAGS="$(KEEP)" LABEL="asan $(LUA)" \
	  PRELOAD="$$($(CC) -print-file-name=libasan.so)" \
	  ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:exitcode=99:$(ASAN_OPTIONS) \
	  UBSAN_OPTIONS=print_stacktrace=1 \
	  LSAN_OPTIONS=suppressions=$(CURDIR)/.ci/lsan.supp:print_suppressions=0 \
	  .ci/suite $(LUA)

valgrind:
	@LUA=$(LUA) .ci/setup valgrind
	@BUILD=build/valgrind OPT="-O1 -g" LDFLAGS="$(KEEP)" LABEL="valgrind $(LUA)" LIMIT=7200 \
	  WRAP="valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
	    --errors-for-leak-kinds=definite --num-callers=30 --suppressions=$(CURDIR)/.ci/valgrind.supp" \
	  .ci/suite $(LUA)

# The HTTP engine's thread and the sandbox's server under ThreadSanitizer.
tsan:
	@LUA=$(LUA) .ci/setup build
	@.ci/tsan

torture:
	@LUA=$(LUA) .ci/setup torture
	@LUA=$(LUA) .ci/torture

# SECONDS for each target; CORPUS keeps what was found between runs.
FUZZ_SECONDS ?= 60
fuzz:
	@LUA=$(LUA) .ci/setup fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) .ci/fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) .ci/fuzz-api

bench:
	@LUA=$(LUA) .ci/setup bench
	@$(MAKE) --no-print-directory -s -j2 modules
	@eval "$$($(MAKE) --no-print-directory -s env)" && \
	  for bench in spec/bench/*_bench.lua; do echo "== $$bench" && $(LUA) $$bench || exit 1; done

# Under load, for minutes: 100,000 calls while every fault strikes (LUA=); inside nginx a reload every second, 100,000
# calls, a rate that workers share, sign-ups while the service fails, a process that collects them killed 200 times.
soak:
	@.ci/setup test
	@$(MAKE) --no-print-directory -s -j2 modules
	@eval "$$($(MAKE) --no-print-directory -s env)" && echo "== spec/soak/faults.lua" && \
	  $(LUA) spec/soak/faults.lua
	@$(MAKE) --no-print-directory -s -j2 LUA=luajit modules
	@eval "$$($(MAKE) --no-print-directory -s LUA=luajit env)" && \
	  for soak in reload calls rate sign_ups collector_kill; do echo "== spec/soak/$$soak.lua" && luajit spec/soak/$$soak.lua || exit 1; done

lint:
	@.ci/setup lint
	@.ci/lint

doc:
	@LUA=$(LUA) .ci/setup doc
	@$(LUA) .ci/doc.lua lua/sendcloud build/doc

rockspec:
	@$(LUA) .ci/rockspec.lua

clean:
	rm -rf build

help:
	@echo 'make demo      the main job against a local sandbox; sets up what is missing'
	@echo 'make test      every spec on $(LUAS); sets up what is missing'
	@echo 'make nginx     only the specs that run inside nginx'
	@echo 'make build     the C modules for one runtime, in build/LUA'
	@echo 'make env       LUA_PATH, LUA_CPATH and PATH for the checkout: eval "$$(make -s env)"'
	@echo 'make setup     only the set-up of demo and test'
	@echo 'make asan      the suite under AddressSanitizer and UBSan, leaks included'
	@echo 'make valgrind  the suite under valgrind'
	@echo 'make tsan      the threads of the HTTP engine and of the sandbox under ThreadSanitizer'
	@echo 'make torture   the n-th allocation failing, for every n'
	@echo 'make fuzz      libFuzzer on the C entry points, and random calls of both modules; FUZZ_SECONDS=60 each'
	@echo 'make bench     the figures of the README'
	@echo 'make soak      minutes of load: 100,000 calls under every fault; in nginx reloads, calls, a rate, sign-ups, kills'
	@echo 'make lint      luacheck, clang-format, clang-tidy, cppcheck'
	@echo 'make doc       the reference from the LuaCATS comments, in build/doc'
	@echo 'make rockspec  writes rockspec/ anew from the files in the tree'
	@echo 'make clean     removes build/'
	@echo
	@echo 'LUA=lua5.4|lua5.3|lua5.1|luajit picks the runtime of build, env, demo, asan, valgrind, bench (now $(LUA)).'
	@echo 'SETUP=check    never installs; prints the line to run instead'
