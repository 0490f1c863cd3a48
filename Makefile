# sendcloud for Lua. `make help` lists what there is.
LUA ?= lua5.4
LUAS := lua5.4 lua5.3 lua5.1 luajit

CC ?= gcc
OPT ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
CFLAGS += -std=c11 -D_GNU_SOURCE $(OPT) $(WARN) -fPIC -fvisibility=hidden -pthread
OUT := build/$(LUA)

CORE := $(patsubst csrc/%.c,$(OUT)/obj/%.o,$(wildcard csrc/core/*.c))
SANDBOX := $(patsubst csrc/%.c,$(OUT)/obj/%.o,$(wildcard csrc/sandbox/*.c))
LUA_CFLAGS := $(shell pkg-config --cflags $(LUA))

.PHONY: build env test help
build: $(OUT)/sendcloud/core.so $(if $(SANDBOX),$(OUT)/sendcloud/sandbox/core.so)

$(OUT)/sendcloud/core.so: $(CORE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $^ -lcurl -lm

$(OUT)/sendcloud/sandbox/core.so: $(SANDBOX)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -o $@ $^ -lmicrohttpd -lsqlite3 -lm

$(OUT)/obj/%.o: csrc/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LUA_CFLAGS) -MMD -MP -c -o $@ $<

-include $(CORE:.o=.d) $(SANDBOX:.o=.d)

env:
	@echo 'export LUA_PATH="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;"'
	@echo 'export LUA_CPATH="$(CURDIR)/$(OUT)/?.so;;"'

test:
	@for lua in $(LUAS); do $(MAKE) --no-print-directory LUA=$$lua build && eval "$$($(MAKE) --no-print-directory -s LUA=$$lua env)" && busted --lua=$$(command -v $$lua) spec || exit 1; done

help:
	@echo "build env test help"
