"""Times PyTorch on one of cnntrain's deep networks, images in memory already.

usage: pytorch.py --version
       pytorch.py choose NETWORK BATCH THREADS PASS
       pytorch.py time NETWORK BATCH THREADS PASS FORM SECONDS

PASS is training or inference. A form is how the code is written: "plain" is what a tutorial would show, the others are
tuned, by memory format and with or without torch.compile. "choose" prints the fastest of the tuned ones, "time" the
images a second of the median step. scripts/bench-peers sets the environment that goes with each.
"""
import sys
import time

import torch
import torch.nn.functional as functional
from torch import nn

CLASSES, CHANNELS, SIDE = 10, 3, 32


def block(kind, channels, filters, pooling, inplace):
    """The layers of one block and the channels they put out."""
    pool = nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2)
    if kind == "conv":
        layers, out = [nn.Conv2d(channels, filters, 3, padding=1)], filters
    elif kind == "dw":
        layers, out = [nn.Conv2d(channels, 4 * channels, 3, padding=1, groups=channels)], 4 * channels
    else:
        depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        layers, out = [depthwise, nn.Conv2d(channels, filters, 1)], filters
    return layers + [nn.ReLU(inplace), pool], out


def network(name, inplace):
    """deep_KIND_POOLING as configs/ has it."""
    _, kind, pooling = name.split("_")
    layers, channels = [], CHANNELS
    for filters in (32, 64, 128):
        more, channels = block(kind, channels, filters, pooling, inplace)
        layers += more
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * channels, 128), nn.ReLU(inplace), nn.Linear(128, CLASSES))


def training_step(model, images, labels, tuned):
    options = {"foreach": True} if tuned else {}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, **options)

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


def step_of(name, batch, what, form):
    """One step, warm."""
    tuned = form != "plain"
    layout = torch.channels_last if form.startswith("channels_last") else torch.contiguous_format
    torch.manual_seed(1)
    model = network(name, inplace=tuned).to(memory_format=layout)
    model.train(what == "training")
    images = torch.rand(batch, CHANNELS, SIDE, SIDE).contiguous(memory_format=layout)
    labels = torch.arange(batch) % CLASSES
    run = torch.compile(model) if form.endswith("+compile") else model
    step = training_step(run, images, labels, tuned) if what == "training" else inference_step(run, images, tuned)
    for _ in range(5):
        step()
    return step


def choose(name, batch, what):
    """The form whose quickest step is the quickest; one that this installation cannot run is left out."""
    best = {}
    for form in FORMS:
        try:
            best[form] = step_times(step_of(name, batch, what, form), 0.7)[0]
        except Exception as problem:
            print(f"{form}: {str(problem).splitlines()[:1]}", file=sys.stderr)
    return min(best, key=best.get)


def main():
    if sys.argv[1] == "--version":
        print("PyTorch", torch.__version__)
        return
    command, name, batch, threads, what, *rest = sys.argv[1:]
    torch.set_num_threads(int(threads))
    if command == "choose":
        print(choose(name, int(batch), what))
        return
    times = step_times(step_of(name, int(batch), what, rest[0]), float(rest[1]))
    print(f"{int(batch) / times[len(times) // 2]:.1f}")


main()
