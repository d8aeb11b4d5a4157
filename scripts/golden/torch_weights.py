#!/usr/bin/env python3
"""Writes state dicts of PyTorch to tests/golden/exchange, and to its probabilities.json what PyTorch computes for the
picture of scripts/golden/exchange.py; tests/cmd/test_convert.c compares.

pip install torch numpy; scripts/golden/torch_weights.py
"""
import json
import pathlib
import struct

import numpy
import torch
from torch import nn

FOLDER = pathlib.Path(__file__).parents[2] / "tests/golden/exchange"


def picture(height, width, channels):
    i = numpy.arange(height * width * channels)
    return ((i * 7 + i // width * 3) % 256).astype("uint8").reshape(1, height, width, channels)


class Named(nn.Module):
    """The same network as most people write it."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(4, 6, 3, groups=2, bias=False), nn.BatchNorm2d(6, eps=1e-3), nn.ReLU())
        self.classifier = nn.Linear(6 * 2 * 2, 10)

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def save(path, state):
    """As the package safetensors does: names in the order of the alphabet."""
    header, content = {"__metadata__": {"format": "pt"}}, b""
    for name in sorted(state):
        numbers = state[name].numpy()
        kind = {"float32": "F32", "int64": "I64"}[str(numbers.dtype)]
        header[name] = {"dtype": kind, "shape": list(numbers.shape),
                        "data_offsets": [len(content), len(content) + numbers.nbytes]}
        content += numbers.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)


def main():
    torch.manual_seed(3)
    named = Named().eval()
    for name, numbers in named.state_dict().items():
        if name.endswith("running_var"):
            numbers.uniform_(0.2, 2)
        elif numbers.is_floating_point():
            numbers.normal_(0, 0.5)
    sequential = nn.Sequential(*named.features, nn.Flatten(), named.classifier, nn.Softmax(dim=1)).eval()
    images = torch.tensor(picture(8, 8, 3).transpose(0, 3, 1, 2) / numpy.float32(255), dtype=torch.float32)
    with torch.no_grad():
        probabilities = sequential(images)[0].tolist()
    save(FOLDER / "torch-sequential.safetensors", sequential.state_dict())
    save(FOLDER / "torch-named.safetensors", named.state_dict())
    path = FOLDER / "probabilities.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"torch": probabilities}, indent=1) + "\n")


main()
