"""Proof that a model folder is one: a fresh process opens it and writes a token about an image.

``python -m longform_worker.engines.train.prove FOLDER PRECISION PARENT_PID`` ends with 0, or prints why not and ends
with 1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from longform_worker.data.prompt import PromptEncoder
from longform_worker.engines.main import die_with
from longform_worker.failure import EngineFailure
from longform_worker.jobs import ImageReference, Precision, PromptLayout
from longform_worker.models.folder import refuse_model
from longform_worker.models.loaded import load_model

EXPECTED = "a model that opens in a fresh process and writes a token about an image"
PATIENCE_SECONDS = 900
SLOWEST_BYTES_A_SECOND = 5_000_000
GLANCE_SECONDS = 0.2


def prove_in_fresh_process(folder: Path, precision: Precision, asked: Callable[[], bool]) -> bool:
    """Whether it is proven: it is not when ``asked`` says to end first.

    The process runs on processors: the accelerators still hold the training. It has a session of its own, as a signal
    to the training's processes is not meant for it, and dies with this one. Raises EngineFailure (model_refused) with
    the last line that the process printed when it fails.
    """
    hidden = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment.update(PYTHONPATH=os.pathsep.join(filter(None, sys.path)), CUDA_VISIBLE_DEVICES="")
    limit_seconds = PATIENCE_SECONDS + weights_bytes(folder) // SLOWEST_BYTES_A_SECOND
    end = time.monotonic() + limit_seconds
    with subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder), str(precision), str(os.getpid())],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said = _said(process, end, asked)
        except TimeoutError:
            raise refuse_model(folder, EXPECTED, f"no token within {limit_seconds} seconds") from None
        finally:
            process.kill()
    if said is None:
        return False
    if process.returncode:
        lines = said.strip().splitlines()
        raise refuse_model(folder, EXPECTED, lines[-1][:500] if lines else f"exit code {process.returncode}")
    return True


def weights_bytes(folder: Path) -> int:
    """How many bytes the weights of a model folder are."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _said(process: subprocess.Popen[str], end: float, asked: Callable[[], bool]) -> str | None:
    """What a process printed until its end; None when ``asked`` says not to wait for it. Raises TimeoutError."""
    while not asked():
        try:
            return process.communicate(timeout=GLANCE_SECONDS)[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() > end:
                raise TimeoutError from None
    return None


def prove(folder: Path, precision: Precision) -> int:
    """The id of the token that the model writes about a grey image. Raises EngineFailure (model_refused)."""
    loaded = load_model(folder, precision)
    side = loaded.adapter.grid_multiple
    _, patches = loaded.adapter.smallest_image()
    image = ImageReference(sha256="", width=side, height=side)
    ids = PromptEncoder(loaded, PromptLayout.IMAGES_FIRST).prompt("?", [image], "proof").ids
    ids_1T = torch.tensor([ids])
    with torch.inference_mode():
        written = loaded.model.generate(
            input_ids=ids_1T,
            attention_mask=torch.ones_like(ids_1T),
            mm_token_type_ids=(ids_1T == loaded.adapter.image_token_id).int(),
            pixel_values=patches.values.to(loaded.model.dtype),
            image_grid_thw=torch.tensor([patches.grid]),
            max_new_tokens=1,
            do_sample=False,
        )
    if written.shape[1] != len(ids) + 1:
        raise refuse_model(folder, EXPECTED, f"{written.shape[1] - len(ids)} tokens")
    return int(written[0, -1])


if __name__ == "__main__":
    die_with(int(sys.argv[3]))
    try:
        prove(Path(sys.argv[1]), Precision(sys.argv[2]))
    except EngineFailure as failure:
        sys.stderr.write(f"{failure.detail}\n")
        os._exit(1)
    # Everything is proven; taking torch down again would cost another second.
    os._exit(0)
