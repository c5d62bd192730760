"""The limit of this machine: the matrix product of two 4096 x 4096 matrices, best of five after a warm-up, in GFLOP/s.

    python tests/benchmarks/limit.py cpu|cuda [side]

Prints one line of JSON; a precision that the processor only emulates is left out.
"""

from __future__ import annotations

import json
import sys
import time

import torch

SIDE, SMALL, BEST_OF = 4096, 512, 5
KINDS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def product_seconds(kind: torch.dtype, device: str, side: int, times: int) -> float:
    """Seconds of the fastest of so many products, after one that is not counted."""
    left, right = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    seconds = []
    for _ in range(times + 1):
        began = time.perf_counter()
        torch.mm(left, right)
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def main() -> None:
    """Measure both precisions."""
    device = sys.argv[1] if len(sys.argv) > 1 else "cpu"
    side = int(sys.argv[2]) if len(sys.argv) > 2 else SIDE
    torch.backends.cuda.matmul.allow_tf32 = True
    small = {name: product_seconds(kind, device, SMALL, BEST_OF) for name, kind in KINDS.items()}
    found = {
        name: 2 * side**3 / product_seconds(kind, device, side, BEST_OF) / 1e9
        for name, kind in KINDS.items()
        if small[name] <= 2 * small["fp32"]
    }
    print(json.dumps({"gflops": found, "threads": torch.get_num_threads(), "cuda": torch.cuda.is_available()}))


if __name__ == "__main__":
    main()
