"""Opening a model whose weights are split over the ranks from the start (ZeRO stage 3).

No rank ever holds the whole model: rank 0 reads one weight at a time from the files, all get it, and each keeps its
part. DeepSpeed's own way of loading, inside ``zero.Init``, has left wrong numbers in weights without a word where ranks
are processors, so some of them are compared with the files afterwards.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from longform_worker.engines.train.backend.ranks import Ranks
from longform_worker.engines.train.backend.split import deepspeed
from longform_worker.engines.train.backend.zero_config import zero_config
from longform_worker.failure import EngineFailure
from longform_worker.jobs import TrainingJob
from longform_worker.models.folder import check_weights, refuse_model
from longform_worker.models.keys import keys_of_weights
from longform_worker.models.loaded import DTYPES, LoadedModel, ModelFolder, open_model_folder
from longform_worker.models.skeleton import empty_model
from longform_worker.models.tensors import TensorFiles

COMPARED = 16


def load_split_model(job: TrainingJob, text_attention: str, ranks: Ranks) -> LoadedModel:
    """Open the job's model with each rank holding its part of every weight.

    Raises EngineFailure: model_refused as ``load_model`` does, internal when a weight differs from its file.
    """
    folder = Path(job.model_path)
    opened = open_model_folder(folder)
    check_weights(folder)
    model = empty_model(opened, text_attention)
    files = TensorFiles(folder)
    keys = keys_of_weights(model, folder, files.keys())
    _check_shapes(model, files, keys)
    device = torch.device("cuda", ranks.local_rank) if torch.cuda.is_available() else torch.device("cpu")
    splitter: Any = deepspeed().zero.Init(
        config_dict_or_path=zero_config(job.zero, job.precision, job.optimizer.max_gradient_norm)
    )
    dtype = DTYPES[job.precision]
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    split: dict[int, nn.Parameter] = {}
    bare: list[nn.Parameter] = []  # kept, so that no other object gets the identity of one
    for module in model.modules():
        for own_name, parameter in list(module.named_parameters(recurse=False)):
            bare.append(parameter)
            if id(parameter) not in split:
                whole = torch.empty(parameter.shape, dtype=dtype, device=device)
                if ranks.leads:
                    whole.copy_(files.read(keys[names[id(parameter)]]))
                split[id(parameter)] = nn.Parameter(whole, requires_grad=parameter.requires_grad)
                # Sends rank 0's numbers to all and leaves each its part.
                splitter._convert_to_zero_parameters([split[id(parameter)]])
            setattr(module, own_name, split[id(parameter)])
    _compare(model, files, keys, ranks)
    model.to(device)  # the buffers
    parts = {name: getattr(opened, name) for name in ModelFolder.__dataclass_fields__}
    return LoadedModel(**parts, model=model.eval(), device=device)


def _check_shapes(model: Any, files: TensorFiles, keys: dict[str, str]) -> None:  # noqa: ANN401
    ignored: list[str] = [*(model._keys_to_ignore_on_load_unexpected or ())]
    unknown = set(files.keys()) - set(keys.values())
    unknown -= {key for key in unknown if any(re.search(pattern, key) for pattern in ignored)}
    unknown -= {key for key in unknown if key in dict(model.named_parameters(remove_duplicate=False))}  # tied
    wrong = [name for name, weight in model.named_parameters() if tuple(weight.shape) != files.shape(keys[name])]
    if unknown or wrong:
        found = f"missing, extra or misshapen: {sorted([*unknown, *wrong])[:5]}"
        raise refuse_model(files.folder, "weights that fit config.json", found)


def _compare(model: Any, files: TensorFiles, keys: dict[str, str], ranks: Ranks) -> None:  # noqa: ANN401
    """Put some weights together again and compare them with the files, bit by bit."""
    weights: list[tuple[str, Tensor]] = sorted(model.named_parameters(), key=lambda item: keys[item[0]])
    wrong: list[str] = []
    for name, weight in weights[:: max(1, len(weights) // COMPARED)]:
        with deepspeed().zero.GatheredParameters([weight]):
            if ranks.leads and not torch.equal(weight.cpu(), files.read(keys[name]).to(weight.dtype)):
                wrong.append(name)
    wrong = ranks.from_leader(wrong)
    if wrong:
        raise EngineFailure(
            "internal", f"Weights differ from their files after they were split: {', '.join(wrong)}.", weights=wrong
        )
