"""The forms of a model that check.py exports and loads: a row each in FORMS; BACK is what others save and cnntrain
reads. Packages are imported only where a form needs them."""
import importlib
import json
import os
import shutil
import struct
import subprocess


def safetensors_header(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])


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
    import numpy

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
    import numpy

    model = model_of_json(path.with_suffix(".json"))
    header, content = safetensors_header(path), path.read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    tensors = {}
    for name, about in header.items():
        if name != "__metadata__":
            first, last = about["data_offsets"]
            numbers = numpy.frombuffer(content[start + first : start + last], "<f4")
            tensors[name] = numbers.reshape(about["shape"])
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

# A model that one of these cannot hold is wrong; the others may refuse.
TAKES_ALL = [name for name in FORMS if name.split()[0] in ("onnx", "c")]

BACK = {}
