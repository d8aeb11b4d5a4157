# cnntrain: `make demo` shows everything, `make test` checks everything, `make help` lists the rest.

PREFIX ?= /usr/local
DESTDIR ?=
CC ?= gcc
BUILD ?= build
VERSION := 0.1.0

PACKAGES := libcjson stb matio zlib libxxhash popt
TEST_PACKAGES := cmocka

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion
CFLAGS ?= -O2 -g
# Contraction is off outside the kernels, so that other code rounds alike with every compiler.
override CFLAGS += -std=c17 $(WARNINGS) -I. -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -ffp-contract=off -fopenmp -MMD -MP \
	-DCNNTRAIN_VERSION='"$(VERSION)"' -DCNNTRAIN_SHARE='"$(PREFIX)/share/cnntrain"'
# System headers of the libraries are not ours to warn about.
CPPFLAGS_PACKAGES = $(shell pkg-config --cflags-only-I $(PACKAGES) | sed 's/-I/-isystem /g')
LDLIBS_PACKAGES = $(filter-out -lstb -lhdf5 -L%,$(shell pkg-config --libs $(PACKAGES)))
LDFLAGS += -fopenmp -Wl,--as-needed
LDLIBS = $(LDLIBS_PACKAGES) -lm

LIBRARY_SOURCES := $(sort $(shell find core layers data -name '*.c'))
CMD_SOURCES := $(sort $(wildcard cmd/*.c))
TEST_SOURCES := $(sort $(shell find tests -name 'test_*.c' 2>/dev/null))
TEST_SUPPORT := $(sort $(wildcard tests/support/*.c))

LIBRARY := $(BUILD)/libcnntrain.a
PROGRAM := $(BUILD)/cnntrain
TESTS := $(TEST_SOURCES:%.c=$(BUILD)/%)
# cmd/ without main, for the tests of cmd/
CMD_LIBRARY := $(BUILD)/libcmd.a

objects = $(1:%.c=$(BUILD)/%.o)

.PHONY: all
all: $(PROGRAM) configs/schema.json

.PHONY: deps
deps:
	@pkg-config --exists $(PACKAGES) $(TEST_PACKAGES) || scripts/install-deps.sh

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS_PACKAGES) $(CPPFLAGS_FILE) $(CFLAGS_FILE) -c -o $@ $<

# Kernels: optimized harder, multiply-add contracted; each instruction set's flags stand on its own file only.
$(BUILD)/core/kernels/%.o: CFLAGS_FILE = -O3 -ffp-contract=fast
ARCHITECTURE := $(shell $(CC) -dumpmachine | cut -d- -f1)
ifeq ($(ARCHITECTURE),x86_64)
$(BUILD)/core/kernels/avx2.o: CFLAGS_FILE = -O3 -ffp-contract=fast -mavx2 -mfma
$(BUILD)/core/kernels/avx512.o: CFLAGS_FILE = -O3 -ffp-contract=fast -mavx512f -mavx512vl -mavx512bw -mavx512dq -mfma \
	-mprefer-vector-width=512
endif
# Elementwise loops of the optimizers and activations profit from vectorization; sums keep their order.
$(BUILD)/core/optimizer.o $(BUILD)/core/activation.o: CFLAGS_FILE = -O3

$(LIBRARY): $(call objects,$(LIBRARY_SOURCES))
	@rm -f $@
	$(AR) rcs $@ $^

$(CMD_LIBRARY): $(call objects,$(filter-out cmd/main.c,$(CMD_SOURCES)))
	@rm -f $@
	$(AR) rcs $@ $^

$(PROGRAM): $(call objects,$(CMD_SOURCES)) $(LIBRARY)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(call objects,$(TEST_SUPPORT)) $(CMD_LIBRARY) $(LIBRARY)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(shell pkg-config --libs $(TEST_PACKAGES))

.SECONDARY: $(TEST_SOURCES:%.c=$(BUILD)/%.o) $(call objects,$(TEST_SUPPORT))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
