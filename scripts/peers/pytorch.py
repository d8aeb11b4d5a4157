"""Times PyTorch on a network of cnntrain's, images in memory already.

usage: pytorch.py --version
       pytorch.py choose FOLDER BATCH THREADS PASS
       pytorch.py time FOLDER BATCH THREADS PASS FORM SECONDS

FOLDER holds network.py, the nn.Sequential that `cnntrain convert CONFIG network.py --logits` writes, and summary.json,
what `cnntrain summary CONFIG --json` says of it. PASS is training or inference. A form is how the code is written:
"plain" is what a tutorial would show, the others are tuned, by memory format and with or without torch.compile.
"choose" prints the fastest of the tuned ones, "time" the images a second of the median step. scripts/bench-peers sets
the environment that goes with each.
"""
import json
import pathlib
import runpy
import sys
import time

import torch
import torch.nn.functional as functional
from torch import nn

# Their backward pass does not look at what they put out, so that the next module may write over it.
FORGETFUL = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d)
RELUS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU)


class Network:
    """The network of a folder: how to make it, and the shapes of images and classes."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder, "network.py")
        summary = json.loads(pathlib.Path(folder, "summary.json").read_text())
        shape = summary["input_shape"]
        self.images = (shape[2], shape[0], shape[1]) if len(shape) == 3 else tuple(shape)
        self.parameters = summary["parameters"]
        self.classes = summary["layers"][-1]["output_shape"][-1]

    def make(self, inplace):
        model = runpy.run_path(str(self.path))["model"]
        self.check(model)
        for before, module in zip(model, model[1:]):
            if inplace and isinstance(before, FORGETFUL) and isinstance(module, RELUS):
                module.inplace = True
        return model

    def check(self, model):
        """That it is what cnntrain times."""
        averages = [value for name, value in model.named_buffers() if name.endswith(("running_mean", "running_var"))]
        count = sum(value.numel() for value in [*model.parameters(), *averages])
        if count != self.parameters:
            sys.exit(f"PyTorch's network has {count} parameters, cnntrain's {self.parameters}")
        with torch.no_grad():
            shape = tuple(model.eval()(torch.rand(2, *self.images)).shape)
        if shape != (2, self.classes):
            sys.exit(f"PyTorch's network puts out {shape} for 2 images, cnntrain's {(2, self.classes)}")


def training_step(model, images, labels, tuned):
    options = {"foreach": True} if tuned else {}
    learned = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.SGD(learned, lr=0.01, momentum=0.9, **options)

    def step():
        if tuned:
            optimizer.zero_grad(set_to_none=True)
        else:
            optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def inference_step(model, images, tuned):
    def step():
        with torch.inference_mode() if tuned else torch.no_grad():
            functional.softmax(model(images), 1)

    return step


def step_times(step, seconds):
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return sorted(times)


FORMS = ["contiguous", "channels_last"]
if hasattr(torch, "compile"):
    FORMS += ["contiguous+compile", "channels_last+compile"]


def step_of(network, batch, what, form):
    """One step, warm."""
    tuned = form != "plain"
    layout = torch.channels_last if form.startswith("channels_last") else torch.contiguous_format
    torch.manual_seed(1)
    model = network.make(inplace=tuned).to(memory_format=layout)
    model.train(what == "training")
    images = torch.rand(batch, *network.images)
    if images.dim() == 4:
        images = images.contiguous(memory_format=layout)
    labels = torch.arange(batch) % network.classes
    run = torch.compile(model) if form.endswith("+compile") else model
    step = training_step(run, images, labels, tuned) if what == "training" else inference_step(run, images, tuned)
    for _ in range(5):
        step()
    return step


def choose(network, batch, what):
    """The form whose quickest step is the quickest; one that this installation cannot run is left out."""
    best = {}
    for form in FORMS:
        try:
            best[form] = step_times(step_of(network, batch, what, form), 0.7)[0]
        except Exception as problem:
            print(f"{form}: {str(problem).splitlines()[:1]}", file=sys.stderr)
    return min(best, key=best.get)


def main():
    if sys.argv[1] == "--version":
        print("PyTorch", torch.__version__)
        return
    command, folder, batch, threads, what, *rest = sys.argv[1:]
    torch.set_num_threads(int(threads))
    network = Network(folder)
    if command == "choose":
        print(choose(network, int(batch), what))
        return
    times = step_times(step_of(network, int(batch), what, rest[0]), float(rest[1]))
    print(f"{int(batch) / times[len(times) // 2]:.1f}")


main()
