"""Times Keras 3, on the backend it is set up for, on one of cnntrain's deep networks, images in memory already.

usage: keras.py --version
       keras.py choose NETWORK BATCH THREADS PASS
       keras.py time NETWORK BATCH THREADS PASS FORM SECONDS

As pytorch.py; there is one form, "compiled", which is what Keras does by itself.
"""
import os
import sys
import time

# This file has the name of the package it imports.
sys.path = [entry for entry in sys.path if os.path.abspath(entry or ".") != os.path.dirname(os.path.abspath(__file__))]
THREADS = sys.argv[4] if len(sys.argv) > 4 else "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["OMP_NUM_THREADS"] = THREADS

import keras
import numpy
from keras import layers

CLASSES, CHANNELS, SIDE = 10, 3, 32


def convolution(kind, filters):
    options = {"padding": "same", "activation": "relu"}
    if kind == "conv":
        return layers.Conv2D(filters, 3, **options)
    if kind == "dw":
        return layers.DepthwiseConv2D(3, depth_multiplier=4, **options)
    return layers.SeparableConv2D(filters, 3, **options)


def network(name):
    """deep_KIND_POOLING as configs/ has it."""
    _, kind, pooling = name.split("_")
    pool = layers.MaxPooling2D if pooling == "max" else layers.AveragePooling2D
    stack = [keras.Input((SIDE, SIDE, CHANNELS))]
    for filters in (32, 64, 128):
        stack += [convolution(kind, filters), pool(2)]
    stack += [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(CLASSES, activation="softmax")]
    return keras.Sequential(stack)


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
    command, name, batch, _, what, *rest = sys.argv[1:]
    if command == "choose":
        print("compiled")
        return
    set_threads()
    model = network(name)
    model.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9), loss="sparse_categorical_crossentropy")
    images = numpy.random.default_rng(1).random((int(batch), SIDE, SIDE, CHANNELS), dtype="float32")
    labels = numpy.arange(int(batch), dtype="int32") % CLASSES
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
