#!/usr/bin/env python3
"""Writes tests/golden/exchange: small models saved by Keras itself in every form, with the probabilities that Keras
computes for the picture of command_write_picture (tests/support/command.h), which tests/cmd/test_exchange.c compares.

pip install keras torch h5py numpy; KERAS_BACKEND=torch scripts/golden/exchange.py
"""
import json
import pathlib

import h5py
import keras
import numpy
from keras import layers

FOLDER = pathlib.Path(__file__).parents[2] / "tests/golden/exchange"


def picture(height, width, channels):
    i = numpy.arange(height * width * channels)
    return ((i * 7 + i // width * 3) % 256).astype("uint8").reshape(1, height, width, channels)


def fill(model, seed):
    """Weights that are not what any initializer gives: a tensor that is taken for another shows."""
    generator = numpy.random.default_rng(seed)
    model.set_weights([
        numpy.abs(generator.normal(0, 0.5, weight.shape)).astype("float32") + 0.1
        if "variance" in weight.path else generator.normal(0, 0.5, weight.shape).astype("float32")
        for weight in model.weights
    ])
    return model


def mixed():
    """The layers whose weights are easily taken for one another. It takes bytes."""
    return fill(keras.Sequential([
        keras.Input((8, 8, 3)),
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.SeparableConv2D(4, 3, name="first", activation="relu"),
        layers.BatchNormalization(),
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.PReLU(shared_axes=[1, 2]),
        layers.Conv2D(6, (1, 2), groups=2, use_bias=False, activation=layers.LeakyReLU(negative_slope=0.1)),
        layers.Flatten(),
        layers.Dense(5, activation="softmax", name="last"),
    ]), 1)


def counted():
    """Names with the numbers of a session in which other models came before, and logits instead of probabilities."""
    keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(1, 1), layers.Flatten(), layers.Dense(1)])
    return fill(keras.Sequential([
        keras.Input((6, 6, 1)), layers.Conv2D(2, 3, strides=2, padding="same"), layers.Conv2D(2, 3),
        layers.Flatten(), layers.Dense(3),
    ]), 2)


def save_as_keras2(model, path, whole):
    """As tf.keras 2 laid its files out: names of fixed size, tensors called kernel:0. The weights are the model's."""
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if whole else file
        if whole:
            file.attrs["model_config"] = numpy.bytes_(json.dumps(keras2_config(model)))
            file.attrs["keras_version"] = numpy.bytes_("2.8.0")
            file.attrs["backend"] = numpy.bytes_("tensorflow")
        group.attrs["layer_names"] = numpy.array([layer.name.encode() for layer in model.layers])
        group.attrs["keras_version"] = numpy.bytes_("2.8.0")
        group.attrs["backend"] = numpy.bytes_("tensorflow")
        for layer in model.layers:
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            inner = group.create_group(layer.name)
            inner.attrs["weight_names"] = numpy.array([name.encode() for name in names])
            for name, weight in zip(names, layer.weights):
                inner[name] = weight.numpy() if not hasattr(weight, "detach") else weight.detach().numpy()


def keras2_config(model):
    described = []
    for layer in model.layers:
        config = {key: value for key, value in layer.get_config().items() if not key.endswith("_constraint")}
        config["dtype"] = "float32"
        for key, value in config.items():
            if isinstance(value, dict):
                config[key] = {"class_name": value["class_name"], "config": {}}
        described.append({"class_name": type(layer).__name__, "config": config})
    shape = [None, *model.input_shape[1:]]
    described.insert(0, {"class_name": "InputLayer",
                         "config": {"batch_input_shape": shape, "dtype": "float32", "sparse": False, "name": "in"}})
    return {"class_name": "Sequential", "config": {"name": "counted", "layers": described}}


def probabilities(model, scale):
    logits = keras.ops.convert_to_numpy(model(picture(*model.input_shape[1:]).astype("float32") * numpy.float32(scale)))
    if model.layers[-1].activation is keras.activations.softmax:
        return logits[0].tolist()
    powers = numpy.exp(logits[0] - logits[0].max())
    return (powers / powers.sum()).tolist()


def main():
    FOLDER.mkdir(exist_ok=True)
    first, second = mixed(), counted()
    for model, name in ((first, "mixed"), (second, "counted")):
        model.save(FOLDER / f"{name}.keras")
        model.save(FOLDER / f"{name}.h5")
        model.save_weights(FOLDER / f"{name}.weights.h5")
    save_as_keras2(second, FOLDER / "keras2.h5", whole=True)
    save_as_keras2(second, FOLDER / "keras2-weights.h5", whole=False)
    expected = {"mixed": probabilities(first, 1), "counted": probabilities(second, 1 / 255)}
    (FOLDER / "probabilities.json").write_text(json.dumps(expected, indent=1) + "\n")
    again = keras.models.load_model(FOLDER / "keras2.h5", compile=False)
    assert numpy.allclose(probabilities(again, 1 / 255), expected["counted"], atol=1e-6)


if __name__ == "__main__":
    main()
