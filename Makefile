# The commands of README.md. Each installs the Debian packages that it needs and that are missing.
# `make help` lists them; a variable is set as in `make demo DEMO_EPOCHS=2`.
MAKEFLAGS += --no-print-directory
JOBS ?= $(shell nproc)
DEMO_EPOCHS ?= 6
FUZZ_SECONDS ?= 600
SANITIZED_TESTS = base quant kernels nn train data
AARCH64_TESTS = base quant kernels nn whole
# Emulated, a case of a property costs ten times as much and more: fewer of them.
AARCH64_CASES = max_success=25
# Sizes of buffers, which no instruction set changes.
AARCH64_LEFT_OUT = MemoryPlanTest
SPACE = $() $()

# The FP32/BF16 twin is built where oneDNN is installed (Debian has it for some architectures only). Evaluated by the
# recipe's shell, after the installation.
FLOAT = $$(if command -v dpkg-query >/dev/null && ! dpkg-query -W libdnnl-dev >/dev/null 2>&1; then echo OFF; else echo ON; fi)
NO_FLOAT = [ "$(FLOAT)" = ON ] || echo "no oneDNN (package libdnnl-dev): building without the FP32/BF16 twin"
CONFIGURE = cmake --log-level=WARNING --preset
NINJA = NINJA_STATUS='[%f/%t] ' ninja -j $(JOBS)
CTEST = ctest -j $(JOBS) --output-on-failure --no-tests=error

.PHONY: build test test-release test-sanitize test-aarch64 run-aarch64 demo fuzz fpga fpga-test fpga-core clean help
.NOTPARALLEL:

build:
	@tools/install_packages.sh build
	@$(NO_FLOAT)
	@mkdir -p build
	@$(CONFIGURE) release -DSUBBYTE_TESTS=OFF -DSUBBYTE_FLOAT=$(FLOAT) >build/configure.log
	@$(NINJA) -C build bin/subbyte

test: test-release test-sanitize test-aarch64

test-release:
	@tools/install_packages.sh test
	@$(NO_FLOAT)
	@mkdir -p build
	@$(CONFIGURE) release -DSUBBYTE_TESTS=ON -DSUBBYTE_FLOAT=$(FLOAT) >build/configure.log
	@$(NINJA) -C build
	@$(CTEST) --test-dir build

# Address and undefined-behaviour sanitizers over the tests of the core and of the data readers.
test-sanitize:
	@tools/install_packages.sh test
	@mkdir -p build-sanitize
	@$(CONFIGURE) sanitize >build-sanitize/configure.log
	@$(NINJA) -C build-sanitize $(SANITIZED_TESTS:%=test_%)
	@$(CTEST) --test-dir build-sanitize -L '^($(subst $(SPACE),|,$(SANITIZED_TESTS)))$$'

# The core for aarch64, cross-compiled and emulated; and that it trains to the same bytes as the build for this machine.
test-aarch64:
	@status=0; tools/prepare_aarch64.sh build-aarch64/libraries || status=$$?; \
	  [ $$status != 3 ] || exit 0; [ $$status = 0 ] || exit $$status; $(MAKE) run-aarch64

run-aarch64:
	@tools/install_packages.sh test
	@$(NO_FLOAT)
	@mkdir -p build
	@$(CONFIGURE) release -DSUBBYTE_TESTS=ON -DSUBBYTE_FLOAT=$(FLOAT) >build/configure.log
	@$(NINJA) -C build bin/train_and_save
	@$(CONFIGURE) aarch64 -DSUBBYTE_OTHER_TRAINER=$(CURDIR)/build/bin/train_and_save >build-aarch64/configure.log
	@$(NINJA) -C build-aarch64 $(AARCH64_TESTS:%=test_%) train_and_save
	@RC_PARAMS=$(AARCH64_CASES) $(CTEST) --test-dir build-aarch64 \
	  -L '^($(subst $(SPACE),|,$(AARCH64_TESTS))|architectures)$$' -E '$(AARCH64_LEFT_OUT)'

# So short a training does best without random crops.
demo:
	@tools/install_packages.sh demo
	@$(MAKE) build
	build/bin/subbyte train --model resnet20 --data fashion-mnist --format w4a4g4 --epochs $(DEMO_EPOCHS) --lr 0.2 \
	  --set data.crop=0 --set evaluation.test=last --out runs/demo --force
	build/bin/subbyte report runs/demo -o runs/demo/report.html

fuzz:
	@tools/install_packages.sh fuzz
	@mkdir -p build-fuzz
	@$(CONFIGURE) fuzz >build-fuzz/configure.log
	@$(NINJA) -C build-fuzz
	@tools/run_fuzzers.sh build-fuzz $(FUZZ_SECONDS)

# The hardware: simulated against the library, synthesized; docs/results/fpga.md is written anew.
fpga: fpga-core
	@fpga/cosim --library build-core/libsubbyte.a --work build/fpga --jobs $(JOBS)
	@fpga/report --work build/fpga --jobs $(JOBS)

fpga-test: fpga-core
	@fpga/cosim --short --library build-core/libsubbyte.a --work build/fpga --jobs $(JOBS)
	@fpga/budget --work build/fpga --jobs $(JOBS)

fpga-core:
	@tools/install_packages.sh fpga
	@mkdir -p build-core
	@$(CONFIGURE) core >build-core/configure.log
	@$(NINJA) -C build-core libsubbyte.a

clean:
	@rm -rf build build-aarch64 build-sanitize build-fuzz build-core

help:
	@echo "make build  install what is missing, build build/bin/subbyte"
	@echo "make test   the same, then build and run every test, most of them again under sanitizers, and emulated for aarch64"
	@echo "make demo   train ResNet-20 in 4 bits on Fashion-MNIST into runs/demo (DEMO_EPOCHS=$(DEMO_EPOCHS))"
	@echo "make fuzz   run every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS) (needs clang)"
	@echo "make fpga   simulate the hardware in fpga/ against the library, synthesize it, write docs/results/fpga.md"
	@echo "make fpga-test  the short simulation and the thresholds of size and clock"
	@echo "make clean  remove the build folders (not runs/)"
