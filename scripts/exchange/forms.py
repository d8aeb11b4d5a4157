"""The forms of a model that check.py exports and loads: a row each in FORMS; BACK is what others save and cnntrain
reads. Packages are imported only where a form needs them."""
import importlib.util
import json
import logging
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import types


def safetensors_header(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])


def safetensors_tensors(path):
    import numpy

    header, content = safetensors_header(path), path.read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    kinds = {"F32": "<f4", "I64": "<i8"}
    tensors = {}
    for name, about in header.items():
        if name != "__metadata__":
            first, last = about["data_offsets"]
            numbers = numpy.frombuffer(content[start + first : start + last], kinds[about["dtype"]])
            tensors[name] = numbers.reshape(about["shape"])
    return tensors


class Unfit(Exception):
    """What another program cannot do, or is known to do otherwise."""


def softmax(logits):
    import numpy

    powers = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class Form:
    """ending of the file, options of `cnntrain convert`, and load(path, trained) -> probabilities (images, classes).
    beside: the ending of a second file that the first is of no use without, written by another convert."""

    def __init__(self, ending, options, load, packages=(), tools=(), beside=None):
        self.ending, self.options, self.load = ending, options.split(), load
        self.packages, self.tools, self.beside = packages, tools, beside

    def missing(self):
        """Why the form cannot be loaded here; "" where it can."""
        for name in self.packages:
            try:
                importlib.import_module(name)
            except ImportError as error:
                return f"{name} cannot be imported: {error}"
        lacking = [name for name in self.tools if shutil.which(name) is None]
        return f"there is no {' and no '.join(lacking)}" if lacking else ""


# ---- ONNX ----


def onnx_loader(pixels=False, nchw=False, logits=False):
    def load(path, trained):
        import numpy
        import onnx
        import onnxruntime

        onnx.checker.check_model(str(path), full_check=True)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        images = (trained.pixels if pixels else trained.normalized).astype("float32")
        if nchw:
            images = numpy.ascontiguousarray(images.transpose(0, 3, 1, 2))
        output = "logits" if logits else "probabilities"
        found = session.run([output], {"input": images})[0]
        alone = session.run([output], {"input": images[:1]})[0]
        assert numpy.abs(alone - found[:1]).max() <= 1e-5 * max(1, numpy.abs(found).max()), "a batch of one differs"
        names = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])
        assert names == trained.class_names, names
        return softmax(found) if logits else found

    return load


ONNX = ("onnx", "onnxruntime")
FORMS = {
    "onnx": Form(".onnx", "", onnx_loader(), ONNX),
    "onnx nchw": Form(".nchw.onnx", "--nchw", onnx_loader(nchw=True), ONNX),
    "onnx logits": Form(".logits.onnx", "--logits", onnx_loader(logits=True), ONNX),
    "onnx pixels": Form(".pixels.onnx", "--preprocessing", onnx_loader(pixels=True), ONNX),
    "onnx pixels nchw logits": Form(".all.onnx", "--preprocessing --nchw --logits",
                                    onnx_loader(pixels=True, nchw=True, logits=True), ONNX),
}

# ---- C ----

WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
COMPILER = os.environ.get("CC", "cc")


def c_loader(pixels=False, logits=False):
    def load(path, trained):
        import ctypes
        import numpy

        library = path.with_suffix(".so")
        subprocess.run([COMPILER, "-std=c99", "-O2", *WARNINGS, "-shared", "-fPIC", "-o", library, path, "-lm"],
                       check=True)
        if shutil.which("c++"):
            subprocess.run(["c++", "-x", "c++", *WARNINGS, "-fsyntax-only", path], check=True)
        code = ctypes.CDLL(str(library))
        name = "".join(letter if letter.isalnum() else "_" for letter in path.stem)
        predict = code[f"{name}_predict"]
        predict.restype = None
        images = (trained.pixels if pixels else trained.normalized).astype("float32")
        found = numpy.zeros((len(images), len(trained.class_names)), "float32")
        for image, out in zip(images, found):
            flat = numpy.ascontiguousarray(image)
            predict(flat.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p))
        names = (ctypes.c_char_p * len(trained.class_names)).in_dll(code, f"{name}_class_names")
        assert [one.decode() for one in names] == trained.class_names
        return softmax(found) if logits else found

    return load


FORMS["c"] = Form(".c", "", c_loader(), tools=(COMPILER,))
FORMS["c pixels logits"] = Form("-all.c", "--preprocessing --logits", c_loader(pixels=True, logits=True),
                                tools=(COMPILER,))

# ---- Keras ----


def keras_said(model, trained):
    import keras
    import numpy

    for layer in model.layers:
        border = isinstance(layer, keras.layers.AveragePooling2D) and layer.padding == "same"
        if border and keras.backend.backend() == "torch":
            raise Unfit("Keras' torch backend counts border cells in the means of some windows; its others do not")
    return numpy.asarray(model.predict(trained.normalized.astype("float32"), verbose=0))


def load_keras(path, trained):
    import keras

    return keras_said(keras.saving.load_model(path, compile=False), trained)


def model_of_json(path):
    import keras

    return keras.models.model_from_json(path.read_text())


def load_keras_weights(path, trained):
    model = model_of_json(path.with_name(path.name.replace(".weights.h5", ".json")))
    model.load_weights(path)
    return keras_said(model, trained)


def load_safetensors(path, trained):
    """Keras' layout: a tensor LAYER/WEIGHT for each of a layer's weights, in Keras' shapes."""
    model = model_of_json(path.with_suffix(".json"))
    tensors = safetensors_tensors(path)
    for layer in model.layers:
        for weight in layer.weights:
            weight.assign(tensors.pop(f"{layer.name}/{weight.name}"))
    assert not tensors, f"{sorted(tensors)} are no weights of the model"
    return keras_said(model, trained)


KERAS = ("keras",)
FORMS["keras"] = Form(".keras", "", load_keras, KERAS)
FORMS["keras h5"] = Form(".h5", "", load_keras, KERAS)
FORMS["keras json, weights.h5"] = Form(".weights.h5", "", load_keras_weights, KERAS, beside=".json")
FORMS["keras json, safetensors"] = Form(".safetensors", "", load_safetensors, KERAS, beside=".json")

# ---- PyTorch ----


def stand_in_for_safetensors():
    """load_file of the package safetensors, for float32 alone."""
    import numpy
    import torch

    def load_file(path):
        return {name: torch.from_numpy(numpy.array(values))
                for name, values in safetensors_tensors(pathlib.Path(path)).items()}

    sys.modules["safetensors"] = types.ModuleType("safetensors")
    sys.modules["safetensors.torch"] = types.SimpleNamespace(load_file=load_file)


def torch_loader(logits=False):
    def load(path, trained):
        import runpy
        import torch

        if "safetensors" not in sys.modules and importlib.util.find_spec("safetensors") is None:
            stand_in_for_safetensors()
        model = runpy.run_path(str(path.with_suffix(".py")))["model"]
        images = torch.tensor(trained.normalized.astype("float32").transpose(0, 3, 1, 2).copy())
        with torch.no_grad():
            found = model(images).numpy()
        return softmax(found) if logits else found

    return load


TORCH = ("torch",)
FORMS["torch"] = Form(".safetensors", "--layout torch", torch_loader(), TORCH)
FORMS["torch logits"] = Form("-logits.safetensors", "--layout torch --logits", torch_loader(logits=True), TORCH)

# A model that one of these cannot hold is wrong; the others may refuse.
TAKES_ALL = [name for name in FORMS if name.split()[0] in ("onnx", "c")]

# ---- what others save ----


def saved_by_keras(numpy):
    """Sequential models of Keras with weights that are all alike in no layer."""
    import keras
    from keras import layers

    def model(*parts):
        made = keras.Sequential([keras.Input((13, 10, 3)), *parts, layers.Flatten(),
                                 layers.Dense(10, activation="softmax")])
        generator = numpy.random.default_rng(5)
        for weight in made.weights:
            numbers = generator.normal(0, 0.2, weight.shape)
            weight.assign(numpy.abs(numbers) + 0.5 if "variance" in weight.path else numbers)
        return made

    return {
        "plain": model(layers.Conv2D(6, 3, activation="relu"), layers.MaxPooling2D(), layers.Dropout(0.5)),
        "normalized": model(layers.Conv2D(6, (2, 3), strides=2, padding="same", use_bias=False),
                            layers.BatchNormalization(), layers.ReLU(), layers.LayerNormalization()),
        "depthwise": model(layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), layers.ELU(),
                           layers.SeparableConv2D(5, 2, activation="gelu"), layers.LeakyReLU()),
        "enlarged": model(layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="silu"),
                          layers.UpSampling2D(2, interpolation="bilinear"), layers.Cropping2D(((1, 2), (3, 0))),
                          layers.ZeroPadding2D(1), layers.PReLU(shared_axes=[1, 2])),
        "pooled": model(layers.Conv2D(6, 3, groups=3, dilation_rate=2), layers.AveragePooling2D(2),
                        layers.GlobalMaxPooling2D(keepdims=True), layers.Rescaling(0.5, offset=0.1)),
    }


def read_from_keras(folder, run, write_png, numpy):
    """Returns what was wrong. Pixels go in as cnntrain scales them for models that do not say how: from 0 to 1."""
    try:
        models = saved_by_keras(numpy)
    except ImportError as error:
        print(f"skipped: saved by keras: keras cannot be imported: {error}")
        return []
    logging.getLogger("absl").setLevel(logging.ERROR)  # that .h5 is of yesterday
    wrong, largest = [], 0.0
    pixels = numpy.random.default_rng(7).integers(0, 256, (2, 13, 10, 3), dtype=numpy.uint8)
    paths = [folder / f"keras-{i}.png" for i in range(len(pixels))]
    for path, image in zip(paths, pixels):
        write_png(path, image)
    for name, model in models.items():
        expected = numpy.asarray(model.predict(pixels.astype("float32") / 255, verbose=0))
        for ending in (".keras", ".h5"):
            path = folder / f"keras-{name}{ending}"
            model.save(path)
            said = json.loads(run("predict", path, *paths, "--top", 10, "--json"))
            found = numpy.zeros_like(expected)
            for row, one in zip(found, said):
                for guess in one["top"]:
                    row[int(guess["label"])] = guess["probability"]
            distance = float(numpy.abs(found - expected).max())
            largest = max(largest, distance)
            if not distance <= 1e-5:
                wrong.append(f"saved by keras: {path.name}: probabilities differ by {distance:.2e}")
    print(f"{'saved by keras':28} {2 * len(models)} files, at most {largest:.1e} apart")
    return wrong


BACK = {"saved by keras": read_from_keras}
