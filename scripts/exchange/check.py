#!/usr/bin/env python3
"""What scripts/check-exchange runs: trains MODELS, exports each in all FORMS, loads the files and compares."""
import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

import forms
import models

TOLERANCE = 1e-5
IMAGES = 4
PROGRAM = os.environ.get("CNNTRAIN_PROGRAM", "build/cnntrain")


def run(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"cnntrain ended with {done.returncode}")
    return done.stdout


def known_layers():
    return [line.split()[0] for line in run("layers").split("\n\n")[0].splitlines()]


def write_png(path, pixels):
    """pixels (h,w,3) of bytes"""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
                     + chunk(b"IEND", b""))


def train(folder, name, layers, normalize):
    config = {
        "name": name,
        "seed": 3,
        "data": {"source": "synth", "train": 96, "test": 10, "resize": list(models.SIZE), "normalize": normalize},
        "model": layers,
        "training": {"epochs": 2, "batch_size": 8, "optimizer": {"type": "Adam", "learning_rate": 0.01}},
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(config))
    run("train", path, "-q", "--out", folder / name)
    return folder / name


class Trained:
    """A run, its images as pixels and normalized, and what cnntrain says of them."""

    def __init__(self, folder, name, layers, numpy):
        self.run = train(folder, name, layers, "standardize")
        generator = numpy.random.default_rng(len(name))
        # Small values and large ones: probabilities that are all alike would show nothing.
        self.pixels = generator.integers(0, 256, (IMAGES, *models.SIZE, 3), dtype=numpy.uint8)
        self.pixels[0] //= 8
        self.pixels[1, :, : models.SIZE[1] // 2] = 255
        paths = [folder / f"{name}-{i}.png" for i in range(IMAGES)]
        for path, pixels in zip(paths, self.pixels):
            write_png(path, pixels)
        said = json.loads(run("predict", self.run, *paths, "--top", 10, "--json"))
        self.classes = sorted({guess["label"] for guess in said[0]["top"]})
        self.probabilities = numpy.array(
            [[{guess["label"]: guess["probability"] for guess in one["top"]}[label] for label in self.classes]
             for one in said])
        facts = json.loads(forms.safetensors_header(self.run / "last.safetensors")["__metadata__"]["facts"])
        mean, deviation = numpy.array(facts["mean"], "float32"), numpy.array(facts["std"], "float32")
        self.normalized = ((self.pixels * numpy.float32(facts["scale"])) - mean) / deviation
        self.class_names = facts.get("class_names") or [str(number) for number in range(10)]


def sorted_by_label(trained, probabilities, numpy):
    return numpy.asarray(probabilities)[:, [trained.class_names.index(label) for label in trained.classes]]


def check(trained, form, folder, numpy):
    """How far apart the numbers are, and what was said where they could not be had; no distance: cnntrain refused."""
    path = folder / f"{trained.run.name}{form.ending}"
    try:
        run("convert", trained.run, path, "-q", *form.options)
        if form.beside:
            run("convert", trained.run, folder / f"{trained.run.name}{form.beside}", "-q")
    except RuntimeError as refusal:
        return (None, str(refusal))
    try:
        found = form.load(path, trained)
    except forms.Unfit as error:
        return (None, str(error))
    except Exception as error:  # whatever another program says of the file
        return (float("inf"), f"cannot be loaded: {error}")
    return (float(numpy.abs(sorted_by_label(trained, found, numpy) - trained.probabilities).max()), "")


def chosen(names, wanted):
    return [name for name in names if not wanted or any(name.startswith(word) for word in wanted.split(","))]


def main():
    parser = argparse.ArgumentParser(prog="scripts/check-exchange")
    parser.add_argument("--forms", help="those alone whose names begin with one of these words")
    parser.add_argument("--models", help="likewise")
    parser.add_argument("--keep", help="a folder that the files are kept in")
    arguments = parser.parse_args()
    try:
        import numpy
    except ImportError:
        print("skipped: numpy is missing")
        return 0
    able = {}
    for name in chosen(forms.FORMS, arguments.forms):
        missing = forms.FORMS[name].missing()
        if missing:
            print(f"skipped: {name}: {missing}")
        else:
            able[name] = forms.FORMS[name]
    known = known_layers()
    used = {layer["type"] for layers in models.MODELS.values() for layer in layers}
    wrong = [f"no model of scripts/exchange/models.py has {layer}" for layer in known if layer not in used]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(arguments.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        wrong += check_all(folder, chosen(models.MODELS, arguments.models), able, known, numpy)
        for name in chosen(forms.BACK, arguments.forms):
            wrong += forms.BACK[name](folder, run, write_png, numpy)
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


def check_all(folder, names, able, known, numpy):
    wrong, largest, refused, count = [], {name: 0.0 for name in able}, {}, 0
    for name in names:
        layers = models.MODELS[name]
        if any(layer["type"] not in known for layer in layers):
            continue
        trained = Trained(folder, name, layers, numpy)
        count += 1
        for form in able:
            distance, refusal = check(trained, able[form], folder, numpy)
            if distance is None:
                refused.setdefault(form, []).append((name, refusal))
                continue
            largest[form] = max(largest[form], distance)
            if not distance <= TOLERANCE:
                wrong.append(f"{form}: {name}: {refusal or f'probabilities differ by {distance:.2e}'}")
    for form in able:
        print(f"{form:28} {count - len(refused.get(form, []))} models, at most {largest[form]:.1e} apart")
        for name, refusal in refused.get(form, []):
            print(f"    {name}: {refusal}")
            if form in forms.TAKES_ALL:
                wrong.append(f"{form}: {name}: {refusal}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
