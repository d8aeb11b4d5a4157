"""Times Keras 3, on the backend it is set up for, on a network of cnntrain's, images in memory already.

usage: keras.py --version
       keras.py choose FOLDER BATCH THREADS PASS
       keras.py time FOLDER BATCH THREADS PASS FORM SECONDS

As pytorch.py, with network.json for network.py: what `cnntrain convert CONFIG network.json` writes. There is one form,
"compiled", which is what Keras does by itself.
"""
import json
import os
import pathlib
import sys
import time

# This file has the name of the package it imports.
sys.path = [entry for entry in sys.path if os.path.abspath(entry or ".") != os.path.dirname(os.path.abspath(__file__))]
THREADS = sys.argv[4] if len(sys.argv) > 4 else "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OMP_NUM_THREADS"] = THREADS

import keras
import numpy


class Network:
    """The network of a folder, and the shapes of images and classes."""

    def __init__(self, folder):
        summary = json.loads(pathlib.Path(folder, "summary.json").read_text())
        self.images = tuple(summary["input_shape"])
        self.classes = summary["layers"][-1]["output_shape"][-1]
        self.model = keras.models.model_from_json(pathlib.Path(folder, "network.json").read_text())
        if self.model.count_params() != summary["parameters"]:
            sys.exit(f"Keras' network has {self.model.count_params()} parameters, cnntrain's {summary['parameters']}")
        if tuple(self.model.output_shape) != (None, self.classes):
            sys.exit(f"Keras' network puts out {self.model.output_shape}, cnntrain's {(None, self.classes)}")

    def loss(self):
        last = self.model.layers[-1]
        softmax = isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax
        return keras.losses.SparseCategoricalCrossentropy(from_logits=not softmax)


def set_threads():
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(int(THREADS))
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(int(THREADS))


def main():
    if sys.argv[1] == "--version":
        print("Keras", keras.__version__, "on", keras.backend.backend())
        return
    command, folder, batch, _, what, *rest = sys.argv[1:]
    if command == "choose":
        print("compiled")
        return
    set_threads()
    network = Network(folder)
    model = network.model
    model.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9), loss=network.loss())
    images = numpy.random.default_rng(1).random((int(batch), *network.images), dtype="float32")
    labels = numpy.arange(int(batch), dtype="int32") % network.classes
    step = (lambda: model.train_on_batch(images, labels)) if what == "training" else (lambda: model.predict_on_batch(images))
    for _ in range(5):
        step()
    times, end = [], time.perf_counter() + float(rest[1])
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(f"{int(batch) / sorted(times)[len(times) // 2]:.1f}")


main()
