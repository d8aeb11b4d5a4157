/* Where Keras keeps weights in HDF5 files, in both of its ways:
 * Keras 3 (.weights.h5, and inside .keras): layers/<class in snake case, counted>/vars/0.., with the layer's name
 * beside; before (.h5): a group for each layer, in the order of the attribute layer_names, its tensors in that of
 * weight_names. */
#ifndef CNNTRAIN_CORE_INTEROP_KERAS_WEIGHTS_H
#define CNNTRAIN_CORE_INTEROP_KERAS_WEIGHTS_H

#include "core/interop/hdf5_write.h"
#include "core/interop/safetensors.h"
#include "core/model.h"

/* The weights of `context`, a struct model, as model.save_weights("x.weights.h5") of Keras 3 lays them out: for
 * hdf5_write. */
void keras_weights_write(struct hdf5_writer *writer, const void *context);
/* As the older way has them, below the group `root`, which is made. */
void keras_weights_write_legacy(struct hdf5_writer *writer, const struct model *model, const char *root);

/* Renames the tensors of a file read by hdf5_read, in either way, to the names that the model's weights have here. A
 * file that fits the model layer by layer, as Keras' load_weights asks, is taken so, whatever its layers are called; of
 * any other, the layers of the same name are taken, or where the file has no such name, those at the same place.
 * Tensors that no weight of the model claims keep their names. ERROR_DATA where there are no weights of Keras in the
 * file. */
int keras_weights_assign(struct safetensors *tree, const struct model *model, struct error *error);

#endif
