from __future__ import annotations

from pathlib import Path

import torch

from longform_worker.models.tensors import StoredTensor, TensorFiles, write_tensors


def test_any_part_of_a_stored_tensor_is_that_of_the_whole(tmp_path: Path) -> None:
    tensors = {f"{len(shape)}": torch.randn(shape) for shape in ((), (5,), (3, 4), (3, 2, 2))}
    write_tensors(tensors, tmp_path / "model.safetensors")
    files = TensorFiles(tmp_path)
    for key, tensor in tensors.items():
        for start in range(tensor.numel() + 1):
            for end in range(start, tensor.numel() + 1):
                part = StoredTensor(files, key).part(start, end)
                assert torch.equal(part, tensor.flatten()[start:end]), (key, start, end)
