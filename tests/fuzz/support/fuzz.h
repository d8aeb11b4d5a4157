/* What the fuzz harnesses share. Each tests/fuzz/fuzz_NAME.c defines LLVMFuzzerTestOneInput, which libFuzzer calls with
 * inputs it makes up (`make fuzz`) and replay.c with those that are kept (`make test`). */
#ifndef CNNTRAIN_TESTS_FUZZ_SUPPORT_FUZZ_H
#define CNNTRAIN_TESTS_FUZZ_SUPPORT_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/dataset.h"
#include "core/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* libFuzzer's own mutation, for harnesses that unpack an input first. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed);

/* The path of a file of this name in the process's own temporary folder, which is gone at exit; valid until the process
 * ends. At most a handful of names are used. */
const char *fuzz_path(const char *name);
/* Writes that file anew and returns its path. */
const char *fuzz_write(const char *name, const void *bytes, size_t size);
/* The file is not there any more. */
void fuzz_remove(const char *name);
/* The input with a 0 behind it; free() it. */
char *fuzz_text(const uint8_t *data, size_t size);

/* What every parser promises: 0 without an error; or -1 with a place, a sentence that is whole, and a code that blames
 * the input: never ERROR_RUN, for no input may ask for more memory than there is. */
void fuzz_check(int status, const struct error *error);
/* Loads the data of a config's data section, {"source": ...}, from a path, and checks as above; on success also that
 * all labels are classes and the pixels are there. */
void fuzz_load(const char *json, const char *path);

/* Aborts with the sentence. */
_Noreturn void fuzz_fail(const char *sentence);

#endif
