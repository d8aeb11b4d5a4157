/* A good checkpoint of a small training, in which one entry of the metadata is replaced by the input. */
#ifndef CNNTRAIN_TESTS_FUZZ_SUPPORT_FUZZ_STATE_H
#define CNNTRAIN_TESTS_FUZZ_SUPPORT_FUZZ_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "core/training_state.h"

/* Writes such a file, with fitting checksum, and returns its path; NULL where the input is no text for it. */
const char *fuzz_checkpoint(const char *key, const uint8_t *data, size_t size);
/* A state of that training, which may load the file; training_state_close it. */
void fuzz_open_state(struct training_state *state);

#endif
