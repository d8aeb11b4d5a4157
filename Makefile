# cnntrain: `make demo` shows everything, `make test` checks everything, `make help` lists the rest.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
CFLAGS ?= -O2 -g
# The version and the day of its release, which manual pages carry.
VERSION := $(firstword $(file <VERSION))
VERSION_DATE := $(lastword $(file <VERSION))
ifeq ($(origin CC),default)
CC := gcc
endif

# All cores, unless the command line says otherwise with -j.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
MAKEFLAGS += --no-print-directory

PACKAGES := libcjson stb libpng zlib libxxhash popt libprotobuf-c libzip hdf5
TEST_PACKAGES := cmocka matio

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wcast-align -Wundef -Wstrict-prototypes \
	-Wmissing-prototypes
# System headers of the libraries are not ours to warn about.
PACKAGE_INCLUDES := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I $(PACKAGES) $(TEST_PACKAGES) 2>/dev/null))
# Contraction is off outside the kernels, so that other code rounds alike with every compiler.
COMPILE_FLAGS := -std=c17 $(WARNINGS) $(CFLAGS) -ffp-contract=off -fopenmp -MMD -MP -I. $(PACKAGE_INCLUDES) \
	-D_XOPEN_SOURCE=700 -D_DEFAULT_SOURCE \
	-DCNNTRAIN_VERSION='"$(VERSION)"' $(CPPFLAGS)
# libhdf5 becomes part of the program: the shared one brings thirty libraries with it (for files on the web), which would
# treble the time that every command takes to start. Its functions stay hidden from libmatio, which brings the shared one
# into the tests.
HDF5_ARCHIVE := $(firstword $(wildcard $(patsubst -L%,%/libhdf5.a,$(shell pkg-config --libs-only-L hdf5 2>/dev/null))))
# In a copy, its allocations are calls of core/interop/hdf5_memory.c.
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy 2>/dev/null)
HDF5_COPY := $(if $(and $(HDF5_ARCHIVE),$(shell command -v $(OBJCOPY))),$(BUILD)/libhdf5.a)
HDF5_CALLS := malloc calloc realloc strdup inflateInit_ inflate
HIDDEN_HDF5 := -Wl,--exclude-libs,libhdf5.a $(if $(HDF5_COPY),$(HDF5_CALLS:%=-Wl,-u,hdf5_%) $(HDF5_COPY),$(HDF5_ARCHIVE))
HDF5_LIBRARIES := $(if $(HDF5_ARCHIVE),$(HIDDEN_HDF5) -lsz -lz -ldl,-lhdf5)
# One file of ours compiles stb_image, so libstb is not linked.
PACKAGE_LIBRARIES := $(filter-out -lstb -lhdf5,$(shell pkg-config --libs $(PACKAGES) 2>/dev/null)) $(HDF5_LIBRARIES)
TEST_LIBRARIES := $(shell pkg-config --libs $(TEST_PACKAGES) 2>/dev/null)
# gcc's OpenMP runtime is linked into the program (cmd/threads.c says why); clang has another one.
GOMP := $(filter /%,$(if $(findstring clang,$(shell $(CC) --version 2>/dev/null)),,$(shell $(CC) -print-file-name=libgomp.a 2>/dev/null)))
OPENMP_LINK := $(if $(GOMP),$(GOMP) -pthread -ldl,-fopenmp)
LINK = $(CC) $(CFLAGS) -Wl,--as-needed $(LDFLAGS) -o $@ $(filter %.o %.a,$^)
LINK_LIBRARIES := $(PACKAGE_LIBRARIES) $(LDLIBS) $(OPENMP_LINK) -lm

LIBRARY_SOURCES := $(sort $(shell find $(wildcard core layers data) -name '*.c'))
CMD_SOURCES := $(sort $(wildcard cmd/*.c))
TEST_SOURCES := $(sort $(shell find $(wildcard tests) -name 'test_*.c'))
BENCH_SOURCES := $(sort $(shell find $(wildcard tests) -name 'bench_*.c'))
PLANTED_SOURCES := $(sort $(wildcard tests/planted/*.c))
TEST_SUPPORT := $(sort $(wildcard tests/support/*.c))
# For LD_PRELOAD: lets calls of the program fail.
FAULTS_SOURCE := tests/faults/preload.c
FAULTS_LIBRARY := $(BUILD)/tests/faults/preload.so
TEST_SCRIPTS := $(sort $(wildcard tests/scripts/test_*.sh))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
# libFuzzer brings its own main.
FUZZ_REPLAY := tests/fuzz/support/replay.c
FUZZ_SUPPORT := $(filter-out $(FUZZ_REPLAY),$(sort $(wildcard tests/fuzz/support/*.c)))
SOURCES := $(LIBRARY_SOURCES) $(CMD_SOURCES) $(TEST_SOURCES) $(BENCH_SOURCES) $(PLANTED_SOURCES) $(TEST_SUPPORT) \
	$(FUZZ_SOURCES) $(FUZZ_SUPPORT) $(FUZZ_REPLAY) $(FAULTS_SOURCE)

PROGRAM := $(BUILD)/cnntrain
LIBRARY := $(BUILD)/libcnntrain.a
# cmd/ without main, for the tests of cmd/
CMD_LIBRARY := $(BUILD)/libcmd.a
TESTS := $(TEST_SOURCES:%.c=$(BUILD)/%)
BENCHES := $(BENCH_SOURCES:%.c=$(BUILD)/%)
# Mistakes on purpose, which the tools must find
PLANTED := $(PLANTED_SOURCES:%.c=$(BUILD)/%)
# Each harness twice: with what plays the inputs that are kept, and with libFuzzer.
REPLAYS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
FUZZERS := $(FUZZ_SOURCES:tests/fuzz/fuzz_%.c=$(BUILD)/fuzzers/%)

# V=1 shows whole commands.
SHOW = $(if $(V),,@echo "  $@"; )

objects = $(1:%.c=$(BUILD)/%.o)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MANUAL := $(BUILD)/man/cnntrain.1

.PHONY: all tests replays fuzzers objects program-objects tidy force packages-found
all: $(PROGRAM) $(MANUAL) ## build the program, build/cnntrain, and its manual pages
tests: $(TESTS) $(FAULTS_LIBRARY)
replays: $(REPLAYS)
fuzzers: $(FUZZERS)
objects: $(call objects,$(SOURCES))
program-objects: $(call objects,$(LIBRARY_SOURCES) $(CMD_SOURCES))
tidy: $(patsubst %.c,$(BUILD)/%.tidy,$(LIBRARY_SOURCES) $(CMD_SOURCES))

# $(1): more words for pkg-config
found = pkg-config --exists $(PACKAGES) $(TEST_PACKAGES) $(1) && command -v protoc-c >/dev/null && test -e $(ONNX_PROTO)

# The installer runs before a second make, which then asks pkg-config anew.
.PHONY: deps
deps: ## install missing packages (Debian, Ubuntu)
	@command -v $(CC) >/dev/null && $(call found,2>/dev/null) || scripts/install-deps.sh

.PHONY: demo
demo: deps ## build, train the six combinations on built-in data and print their table
	@$(MAKE) all
	@rm -rf $(BUILD)/demo
	@$(PROGRAM) experiments configs/demo.json --out $(BUILD)/demo

.PHONY: test run-tests
test: deps ## build everything and run all tests
	@$(MAKE) run-tests

run-tests: $(PROGRAM) $(TESTS) $(REPLAYS) $(BENCHES) $(FAULTS_LIBRARY)
	@CNNTRAIN_PROGRAM=$(PROGRAM) tests/run $(TESTS) $(REPLAYS) $(TEST_SCRIPTS)

# Checks on every access of the unrolled kernels take a compiler minutes at -O3.
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
.PHONY: asan
asan: deps ## run all tests under the address and undefined-behaviour sanitizers
	@$(MAKE) BUILD=build-asan CFLAGS='$(SANITIZE)' KERNEL_LEVEL=-O1 run-tests

# Each says what to install where its tool is missing.
.PHONY: tsan memcheck coverage analyze
tsan: deps ## run all tests under the thread sanitizer
	+@scripts/tsan
memcheck: $(PROGRAM) $(TESTS) ## run short commands and tests under valgrind
	@CNNTRAIN_PROGRAM=$(PROGRAM) scripts/memcheck
coverage: deps ## run all tests and show how many lines and branches they reach
	+@scripts/coverage
analyze: deps ## let gcc and clang look for mistakes along paths
	+@scripts/analyze
# The harnesses run the reference kernels, which are checked on every access; the others would take minutes to compile so.
FUZZ := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
SECONDS ?= 60
.PHONY: fuzz
fuzz: ## feed every parser mutated files, SECONDS=60 each; TARGET="idx mat" chooses some
	@scripts/fuzz check
	@$(MAKE) BUILD=build-fuzz CC=clang CFLAGS='$(FUZZ)' KERNEL_LEVEL=-O1 \
		KERNEL_FLAGS='-O1 -ffp-contract=fast -fno-sanitize=all' fuzzers
	@scripts/fuzz run $(SECONDS) $(TARGET)

# Hours; KILLS, EVERY and SECONDS make it shorter.
KILLS ?= 1000
EVERY ?= 1
.PHONY: torture
torture: $(PROGRAM) ## kill, starve and feed it for hours: KILLS=1000, EVERY=1 failing call, SECONDS=180 a fuzzer
	@CNNTRAIN_PROGRAM=$(PROGRAM) scripts/torture-kills $(KILLS)
	@CNNTRAIN_PROGRAM=$(PROGRAM) scripts/torture-faults $(EVERY)
	@$(MAKE) fuzz SECONDS=$(if $(filter file,$(origin SECONDS)),180,$(SECONDS))

.PHONY: lint
lint: deps ## check warnings, formatting, include rules and scripts
	+@scripts/lint

.PHONY: format
format: ## format all sources
	clang-format -i $$(git ls-files '*.c' '*.h')

KERNEL_TESTS := $(BUILD)/tests/core/kernels
.PHONY: check-kernels bench-kernels
check-kernels: $(filter $(KERNEL_TESTS)/%,$(TESTS)) ## check every kernel of every instruction set against the reference
	@tests/run $^
bench-kernels: $(KERNEL_TESTS)/bench_kernels ## time every kernel
	@$<

.PHONY: bench
bench: $(PROGRAM) ## time the six deep networks
	@CNNTRAIN_PROGRAM=$(PROGRAM) scripts/bench-networks

# Tests whose results are made of arithmetic; the checksums among them are those of AVX2.
ARITHMETIC := $(BUILD)/tests/core/kernels/% $(BUILD)/tests/layers/% \
	$(addprefix $(BUILD)/tests/core/test_,engine parity reproducible gradcheck)
.PHONY: check-avx512 check-halved
check-avx512: ## check the AVX-512 kernels also where only AVX2 is: in vectors that are two of AVX2 each
	+@$(MAKE) --no-print-directory BUILD=build-halved HALVED=yes check-halved
check-halved: $(filter $(ARITHMETIC),$(TESTS))
	@CNNTRAIN_CPU=avx512 tests/run $^

.PHONY: check-arm64
check-arm64: ## build for arm64 and run its tests under an emulator
	+@scripts/check-arm64

.PHONY: schema
schema: $(PROGRAM) ## write configs/schema.json from the program's tables
	@$(PROGRAM) config --schema >$(BUILD)/schema.json && mv $(BUILD)/schema.json configs/schema.json

.PHONY: errors
errors: $(PROGRAM) ## write docs/errors.md from what the program says
	@CNNTRAIN_PROGRAM=$(PROGRAM) tests/scripts/test_errors.sh --write

SHARE := $(DESTDIR)$(PREFIX)/share
# Distributions keep completions that come with packages elsewhere: ZSH_COMPLETIONS=vendor-completions for Debian.
ZSH_COMPLETIONS ?= site-functions
COMPLETIONS := bash-completion/completions/cnntrain zsh/$(ZSH_COMPLETIONS)/_cnntrain \
	fish/vendor_completions.d/cnntrain.fish
.PHONY: install uninstall
install: $(PROGRAM) $(MANUAL) ## install below PREFIX (/usr/local), staged in DESTDIR
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/cnntrain
	install -d $(SHARE)/cnntrain/configs $(SHARE)/doc/cnntrain/docs $(SHARE)/man/man1 $(SHARE)/man/man5
	install -m 644 configs/*.json $(SHARE)/cnntrain/configs
	install -m 755 scripts/fetch-data $(SHARE)/cnntrain/fetch-data
	install -m 644 README.md LICENSE $(SHARE)/doc/cnntrain
	install -m 644 docs/*.md $(SHARE)/doc/cnntrain/docs
	install -m 644 $(BUILD)/man/*.1 $(SHARE)/man/man1
	install -m 644 $(BUILD)/man/*.5 $(SHARE)/man/man5
	install -D -m 644 completions/cnntrain.bash $(SHARE)/$(word 1,$(COMPLETIONS))
	install -D -m 644 completions/_cnntrain $(SHARE)/$(word 2,$(COMPLETIONS))
	install -D -m 644 completions/cnntrain.fish $(SHARE)/$(word 3,$(COMPLETIONS))
uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/cnntrain $(SHARE)/man/man1/cnntrain.1 $(SHARE)/man/man1/cnntrain-*.1 \
		$(SHARE)/man/man5/cnntrain-config.5 $(addprefix $(SHARE)/,$(COMPLETIONS))
	rm -rf $(SHARE)/cnntrain $(SHARE)/doc/cnntrain

# What git knows, as it stands here; from an unpacked tarball all that was not built.
DIST := $(BUILD)/cnntrain-$(VERSION).tar.gz
DIST_FILES = { git ls-files 2>/dev/null || find . -type f ! -path './build*' | sed 's,^\./,,'; } | LC_ALL=C sort
.PHONY: dist deb
dist: ## pack the sources into build/cnntrain-VERSION.tar.gz
	@mkdir -p $(BUILD)
	@$(DIST_FILES) | tar --create --files-from - --owner 0 --group 0 --numeric-owner --mtime $(VERSION_DATE) \
		--mode 'u+w,go=u,go-w' --transform 's,^,cnntrain-$(VERSION)/,' | gzip -9 --no-name >$(DIST).new
	@mv $(DIST).new $(DIST)
	@echo $(DIST)
deb: dist ## build a Debian package, build/cnntrain_VERSION_ARCHITECTURE.deb
	@scripts/make-deb $(DIST) $(BUILD)

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build build-*

.PHONY: help
help: ## list the targets
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "%-15s %s\n", $$1, $$2 }' Makefile

packages-found:
	@$(call found,--print-errors) || \
		{ echo "Packages are missing: run \`make deps\` (scripts/install-deps.sh)." >&2; exit 1; }

# Files that change only when their content does, so that objects of two kinds never mix.
$(BUILD)/flags: export CONTENT = $(CC) $(COMPILE_FLAGS)
$(BUILD)/prefix: export CONTENT = $(PREFIX)
$(BUILD)/flags $(BUILD)/prefix: force
	@mkdir -p $(@D)
	@printf '%s\n' "$$CONTENT" | cmp -s - $@ || printf '%s\n' "$$CONTENT" >$@

$(BUILD)/%.o: %.c $(BUILD)/flags Makefile | packages-found
	@mkdir -p $(@D)
	$(SHOW)$(CC) $(COMPILE_FLAGS) $(FILE_FLAGS) -c -o $@ $<

# What clang-tidy found nothing in; the object stands for the headers.
$(BUILD)/%.tidy: %.c $(BUILD)/%.o .clang-tidy
	$(SHOW)clang-tidy --quiet $(TIDY_CHECKS:%=--checks=%) $< -- $(COMPILE_FLAGS) $(FILE_FLAGS) 2>/dev/null && touch $@

$(call objects,$(CMD_SOURCES)): $(BUILD)/prefix
$(BUILD)/cmd/%: FILE_FLAGS = -DCNNTRAIN_SHARE='"$(PREFIX)/share/cnntrain"'
$(BUILD)/cmd/manual%: FILE_FLAGS = -DCNNTRAIN_SHARE='"$(PREFIX)/share/cnntrain"' -DCNNTRAIN_DATE='"$(VERSION_DATE)"'
# What `--version -v` tells; where the build took place is nobody's business.
SHOWN_FLAGS = $(subst ",,$(subst ',,$(filter-out -ffile-prefix-map=% -fdebug-prefix-map=% -fmacro-prefix-map=%,$(CPPFLAGS) $(CFLAGS) $(LDFLAGS))))
PACKAGE_VERSIONS = $(foreach package,$(PACKAGES),$(package) $(shell pkg-config --modversion $(package) 2>/dev/null))
$(BUILD)/cmd/help.%: FILE_FLAGS = -DCNNTRAIN_SHARE='"$(PREFIX)/share/cnntrain"' -DCNNTRAIN_FLAGS='"$(strip $(SHOWN_FLAGS))"' \
	-DCNNTRAIN_PACKAGES='"$(PACKAGE_VERSIONS)"'
# ONNX's messages, from the schema that its package installs. Only what includes them waits for them; the code that
# protoc-c writes is not ours to warn about.
ONNX_PROTO ?= $(firstword $(wildcard /usr/local/include/onnx/onnx.proto) /usr/include/onnx/onnx.proto)
ONNX_MESSAGES := $(BUILD)/generated/onnx.pb-c
$(ONNX_PROTO): | packages-found
$(ONNX_MESSAGES).c: $(ONNX_PROTO) | packages-found
	@mkdir -p $(@D)
	$(SHOW)protoc-c --proto_path=$(dir $<) --c_out=$(@D) $(notdir $<)
$(ONNX_MESSAGES).h: $(ONNX_MESSAGES).c ;
$(ONNX_MESSAGES).o: $(ONNX_MESSAGES).c $(BUILD)/flags
	$(SHOW)$(CC) $(COMPILE_FLAGS) -w -c -o $@ $<
$(BUILD)/core/interop/onnx% $(BUILD)/tests/core/interop/test_onnx%: FILE_FLAGS = -isystem $(BUILD)/generated
$(patsubst %.c,$(BUILD)/%.o,$(wildcard core/interop/onnx*.c tests/core/interop/test_onnx*.c)): $(ONNX_MESSAGES).h

# Kernels: optimized harder, multiply-add contracted; each instruction set's flags stand on its own file only. Loops
# begin at a cache line: where two threads share a core, what it can fetch limits them (5 to 10 % of separable networks).
KERNEL_LEVEL := -O3 -falign-functions=64 -falign-loops=64
KERNEL_FLAGS = $(KERNEL_LEVEL) -ffp-contract=fast
$(BUILD)/core/kernels/%: FILE_FLAGS = $(KERNEL_FLAGS)
# The reference rounds every operation, also where the processor could fuse them (arm64).
$(BUILD)/core/kernels/reference.%: FILE_FLAGS = $(KERNEL_LEVEL) -ffp-contract=off
ifeq ($(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null))),x86_64)
$(BUILD)/core/kernels/avx2.%: FILE_FLAGS = $(KERNEL_FLAGS) -mavx2 -mfma
ifdef HALVED
$(BUILD)/core/kernels/select.%: FILE_FLAGS = -DKERNELS_HALVED
$(BUILD)/core/kernels/avx512.%: FILE_FLAGS = $(KERNEL_FLAGS) -mavx2 -mfma -DKERNELS_HALVED -Wno-psabi
else
$(BUILD)/core/kernels/avx512.%: FILE_FLAGS = $(KERNEL_FLAGS) -mavx512f -mavx512vl -mavx512bw -mavx512dq -mfma \
	-mprefer-vector-width=512
endif
endif
# Elementwise loops of the optimizers, regularizers, activations, some layers and the feed profit from vectorization, for
# which a square root must not set errno; sums keep their order.
ELEMENTWISE := core/optimizer. core/optimizers/ core/regularizer. core/activation. data/feed. data/augment_ \
	layers/deformable_conv2d. layers/layer_normalization. layers/prelu. layers/relu. layers/rescaling. \
	layers/spatial_dropout2d. layers/up_sampling2d.
$(ELEMENTWISE:%=$(BUILD)/%%): FILE_FLAGS = $(KERNEL_LEVEL) -fno-math-errno

# The JPEG decoder counts on integers that wrap around where a damaged picture makes them too large.
$(BUILD)/data/image.%: FILE_FLAGS = -fwrapv

# For scripts/coverage.
MEMORY_FLAGS :=
$(BUILD)/core/memory.%: FILE_FLAGS = $(MEMORY_FLAGS)

# All pages at once; cnntrain.1 stands for them.
$(MANUAL): $(PROGRAM)
	@rm -rf $(@D)
	$(SHOW)$(PROGRAM) manual --out $(@D)

$(LIBRARY): $(call objects,$(LIBRARY_SOURCES)) $(ONNX_MESSAGES).o
$(CMD_LIBRARY): $(call objects,$(filter-out cmd/main.c,$(CMD_SOURCES)))
$(LIBRARY) $(CMD_LIBRARY):
	@rm -f $@
	$(SHOW)$(AR) rcs $@ $^

$(HDF5_COPY): $(HDF5_ARCHIVE) Makefile
	@mkdir -p $(@D)
	$(SHOW)$(OBJCOPY) $(foreach call,$(HDF5_CALLS),--redefine-sym $(call)=hdf5_$(call)) $< $@

$(PROGRAM) $(TESTS) $(BENCHES) $(PLANTED) $(REPLAYS) $(FUZZERS): | $(HDF5_COPY)

$(PROGRAM): $(call objects,$(CMD_SOURCES)) $(LIBRARY)
	$(SHOW)$(LINK) $(LINK_LIBRARIES)

$(TESTS) $(BENCHES) $(PLANTED): %: %.o $(call objects,$(TEST_SUPPORT)) $(CMD_LIBRARY) $(LIBRARY)
	$(SHOW)$(LINK) $(LINK_LIBRARIES) $(TEST_LIBRARIES)

# Without the sanitizers, which bring an allocator of their own.
$(FAULTS_LIBRARY): $(FAULTS_SOURCE) $(FAULTS_SOURCE:%.c=%_main.h) $(BUILD)/flags Makefile
	@mkdir -p $(@D)
	$(SHOW)$(CC) -std=c17 $(WARNINGS) -O1 -g -fPIC -shared -o $@ $< -ldl

# See tests/fuzz/support/fuzz_isolate.h.
FUZZ_WRAP := -Wl,--wrap=isolate,--wrap=isolate_send
$(REPLAYS): %: %.o $(call objects,$(FUZZ_REPLAY) $(FUZZ_SUPPORT) $(TEST_SUPPORT)) $(CMD_LIBRARY) $(LIBRARY)
	$(SHOW)$(LINK) $(FUZZ_WRAP) $(LINK_LIBRARIES) $(TEST_LIBRARIES)

$(FUZZERS): $(BUILD)/fuzzers/%: $(BUILD)/tests/fuzz/fuzz_%.o $(call objects,$(FUZZ_SUPPORT) $(TEST_SUPPORT)) \
	$(CMD_LIBRARY) $(LIBRARY)
	@mkdir -p $(@D)
	$(SHOW)$(LINK) -fsanitize=fuzzer $(FUZZ_WRAP) $(LINK_LIBRARIES) $(TEST_LIBRARIES)

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
