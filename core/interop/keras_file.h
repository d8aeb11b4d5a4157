/* Keras' files with weights, read: .keras (a zip archive), .weights.h5 and .h5 (HDF5). */
#ifndef CNNTRAIN_CORE_INTEROP_KERAS_FILE_H
#define CNNTRAIN_CORE_INTEROP_KERAS_FILE_H

#include "core/interop/exchange.h"

/* The `recognizes` and `read` of the formats .keras, and of .weights.h5 and .h5. */
bool keras_archive_recognizes(const char *start, size_t length);
int keras_archive_read(const char *path, struct exchange_file *file, struct error *error);
bool keras_hdf5_recognizes(const char *start, size_t length);
int keras_hdf5_read(const char *path, struct exchange_file *file, struct error *error);

/* What a model of Keras does not say, for KERAS_FACTS_KEY: the facts and the config, as JSON. NULL without memory; the
 * caller deletes it. */
cJSON *keras_facts(const struct exchange *exchange, struct error *error);
/* The model, as text on one line; malloc'd, NULL on failure. */
char *keras_model_text(const struct exchange *exchange, struct error *error);

#endif
