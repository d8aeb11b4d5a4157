#!/usr/bin/env python3
"""Prints the rows of tests/core/test_optimizer.c, computed by Keras itself.

pip install keras jax numpy; KERAS_BACKEND=numpy scripts/golden/optimizers.py
"""
import keras
import numpy
from keras import optimizers

WEIGHTS = [0.5, -1.0, 2.0, -0.25, 0.0]
STEPS = 7
CASES = {
    "SGD": optimizers.SGD(),
    "SGD momentum": optimizers.SGD(learning_rate=0.1, momentum=0.9),
    "SGD nesterov": optimizers.SGD(learning_rate=0.1, momentum=0.9, nesterov=True),
    "SGD weight_decay": optimizers.SGD(learning_rate=0.1, weight_decay=0.01),
    "Adam": optimizers.Adam(),
    "Adam amsgrad": optimizers.Adam(learning_rate=0.1, beta_1=0.5, beta_2=0.75, amsgrad=True),
    "AdamW": optimizers.AdamW(learning_rate=0.01),
    "RMSprop": optimizers.RMSprop(),
    "RMSprop momentum": optimizers.RMSprop(learning_rate=0.01, rho=0.8, momentum=0.5),
    "RMSprop centered": optimizers.RMSprop(learning_rate=0.01, centered=True),
    "RMSprop both": optimizers.RMSprop(learning_rate=0.01, centered=True, momentum=0.9),
    "Adagrad": optimizers.Adagrad(learning_rate=0.1),
    "Nadam": optimizers.Nadam(learning_rate=0.01),
    "clipnorm": optimizers.SGD(learning_rate=0.1, clipnorm=1.0),
    "clipvalue": optimizers.SGD(learning_rate=0.1, clipvalue=0.5),
    "global_clipnorm": optimizers.SGD(learning_rate=0.1, global_clipnorm=1.0),
}


def gradient(step):
    values = [((i * 7 + step * 3) % 11 - 5) * 0.25 for i in range(len(WEIGHTS))]
    return numpy.array(values, dtype="float32")


for name, optimizer in CASES.items():
    first = keras.Variable(numpy.array(WEIGHTS[:3], dtype="float32"))
    second = keras.Variable(numpy.array(WEIGHTS[3:], dtype="float32"))
    for step in range(1, STEPS + 1):
        values = gradient(step)
        optimizer.apply([values[:3], values[3:]], [first, second])
        if step in (1, STEPS):
            weights = [*first.numpy(), *second.numpy()]
            print(name, step, ", ".join(f"{weight:.9g}F" for weight in weights))
