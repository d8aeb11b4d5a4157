/* HDF5 files read whole, through libhdf5. One changed byte in a hundred makes libhdf5 crash or loop, so it reads in a
 * process of its own (core/isolate.h), and what it found there comes over as a safetensors file, which is checked. */
#ifndef CNNTRAIN_CORE_INTEROP_HDF5_READ_H
#define CNNTRAIN_CORE_INTEROP_HDF5_READ_H

#include <stdbool.h>

#include "core/interop/safetensors.h"

/* Whether the bytes begin as an HDF5 file does. */
bool hdf5_is_file(const char *bytes, size_t length);

/* All tensors of a file of `length` bytes in memory, as floats (F32) named by their path ("layers/conv2d/vars/0"), and
 * all texts among the attributes of its groups as metadata: the key is the group's path, "@" and the name
 * ("@model_config"), the value the text, or a JSON list of texts. What stands below "optimizer" and "optimizer_weights"
 * is left out. `path` is what errors call the file. ERROR_DATA where it is damaged or holds what no weights are:
 * links to other files, types that are no numbers, tensors larger than the file. On failure `tree` holds nothing;
 * else safetensors_free it. */
int hdf5_read(const char *path, const char *bytes, size_t length, struct safetensors *tree, struct error *error);

#endif
