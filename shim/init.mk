# build/gantry-init: process 1 of containers started with --init. Included by shim/Makefile; also works alone:
# make -C shim -f init.mk

BUILD ?= ../build
INIT_CFLAGS = -std=c11 -Os -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -fstack-protector-strong \
	-D_FORTIFY_SOURCE=2

$(BUILD)/gantry-init: init.c
	@mkdir -p $(BUILD)
	$(CC) $(INIT_CFLAGS) $(CFLAGS_EXTRA) -static -Wl,--gc-sections -s -o $@.tmp $<
	mv $@.tmp $@
