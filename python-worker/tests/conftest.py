"""Settings of all Python tests: nothing is fetched, and arithmetic takes one thread of a processor."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# Before torch looks: the suite is the same on every machine, and npm run test:gpu names the other device.
if os.environ.get("LONGFORM_TEST_DEVICE") != "cuda":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
