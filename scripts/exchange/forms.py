"""The forms of a model that check.py exports and loads: a row each in FORMS; BACK is what others save and cnntrain
reads. Packages are imported only where a form needs them."""
import importlib.util
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

BACK = {}
