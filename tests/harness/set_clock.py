"""A program whose wall clock somebody sets while it runs: its monotonic clock goes on, as the kernel's does."""

from __future__ import annotations

import dataclasses
import mmap
import struct
import subprocess
from pathlib import Path

from tests.harness.products import Product

SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """The wall clock of the programs started as `of(product)`. folder: for what is compiled and shared."""

    def __init__(self, folder: Path) -> None:
        self.library = folder / "set_clock.so"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", str(self.library), str(SOURCE), "-ldl"], check=True)
        self.path = folder / "clock-off"
        self.path.write_bytes(bytes(mmap.PAGESIZE))

    def of(self, product: Product) -> Product:
        """The product on this clock."""
        words = ("env", f"LD_PRELOAD={self.library}", f"CLOCK_OFF={self.path}")
        return dataclasses.replace(product, command=(*words, *product.command))

    def set(self, seconds: int) -> None:
        """So far from the true time, from now on."""
        with self.path.open("r+b") as file:
            file.write(struct.pack("q", seconds))
