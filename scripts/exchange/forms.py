"""The forms of a model that check.py exports and loads: a row each in FORMS; BACK is what others save and cnntrain
reads. Packages are imported only where a form needs them."""
import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys


def safetensors_header(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])


def softmax(logits):
    import numpy

    powers = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


class Form:
    """ending of the file, options of `cnntrain convert`, and load(path, trained) -> probabilities (images, classes)."""

    def __init__(self, ending, options, load, packages=(), tools=()):
        self.ending, self.options, self.load = ending, options.split(), load
        self.packages, self.tools = packages, tools

    def missing(self):
        lacking = [name for name in self.packages if importlib.util.find_spec(name) is None]
        lacking += [name for name in self.tools if shutil.which(name) is None]
        return f"{' and '.join(lacking)} missing" if lacking else ""


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

# A model that one of these cannot hold is wrong; the others may refuse.
TAKES_ALL = [name for name in FORMS]

# ---- Keras ----

KERAS = ("keras", "h5py")


def keras_answer(model, trained):
    return model.predict(trained.normalized.astype("float32"), verbose=0)


def keras_whole(path, trained):
    import keras

    return keras_answer(keras.models.load_model(path, compile=False), trained)


def keras_parts(path, trained):
    """The layers and the weights, each in a file of its own."""
    import keras

    layers = path.with_name(f"{trained.run.name}-layers.json")
    program = os.environ.get("CNNTRAIN_PROGRAM", "build/cnntrain")
    subprocess.run([program, "convert", trained.run, layers, "-q"], check=True)
    model = keras.models.model_from_json(layers.read_text())
    model.load_weights(path)
    return keras_answer(model, trained)


FORMS["keras"] = Form(".keras", "", keras_whole, KERAS)
FORMS["keras h5"] = Form(".h5", "", keras_whole, KERAS)
FORMS["keras json and weights"] = Form(".weights.h5", "", keras_parts, KERAS)

# ---- PyTorch ----


def stand_in_for_safetensors():
    """load_file of the package safetensors, for float32 alone."""
    import pathlib
    import types

    import numpy
    import torch

    def load_file(path):
        header, content = safetensors_header(pathlib.Path(path)), pathlib.Path(path).read_bytes()
        begin = 8 + struct.unpack("<Q", content[:8])[0]
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            first, last = entry["data_offsets"]
            numbers = numpy.frombuffer(content[begin + first : begin + last], "float32").copy()
            tensors[name] = torch.from_numpy(numbers.reshape(entry["shape"]))
        return tensors

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

# ---- what others save ----


def keras_saves(folder, run, write_png, numpy):
    """A model that Keras saved in each of its forms, as cnntrain predicts with it."""
    if any(importlib.util.find_spec(name) is None for name in KERAS):
        print("skipped: models that Keras saved: keras or h5py missing")
        return []
    import keras
    from keras import layers

    generator = numpy.random.default_rng(5)
    model = keras.Sequential([
        keras.Input((12, 12, 3)), layers.Conv2D(5, 3, padding="same", activation="elu"), layers.BatchNormalization(),
        layers.SeparableConv2D(6, 3, strides=2), layers.AveragePooling2D(2, padding="same"),
        layers.Conv2DTranspose(3, 3, strides=2), layers.LayerNormalization(), layers.Flatten(),
        layers.Dense(7, activation="softmax"),
    ])
    model.set_weights([generator.uniform(0.1, 1, weight.shape) - (0 if "variance" in weight.path else 0.5)
                       for weight in model.weights])
    pixels = generator.integers(0, 256, (12, 12, 3), dtype=numpy.uint8)
    write_png(folder / "foreign.png", pixels)
    expected = model.predict(pixels[None].astype("float32") / numpy.float32(255), verbose=0)[0]
    wrong = []
    for ending in (".keras", ".h5"):
        path = folder / f"foreign{ending}"
        model.save(path)
        said = json.loads(run("predict", path, folder / "foreign.png", "--top", 7, "--json", "-q"))[0]["top"]
        found = [guess["probability"] for guess in sorted(said, key=lambda guess: int(guess["label"]))]
        distance = float(numpy.abs(expected - numpy.array(found)).max())
        print(f"{'from ' + ending:28} {distance:.1e}")
        if not distance <= 1e-5:
            wrong.append(f"a model that Keras saved as {ending}: probabilities differ by {distance:.2e}")
    return wrong


BACK = {"keras saves": keras_saves}
