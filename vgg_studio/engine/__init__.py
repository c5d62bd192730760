"""The networks: everything that needs torch."""

import os

# Before torch is loaded: its threads should sleep, not spin, while they wait for each other. Spinning gains little on an idle
# machine and, where something else runs beside the training, slows it down many times over.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
