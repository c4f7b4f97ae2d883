"""Parquet files, typed: rows as objects, in batches of bounded size."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from longform_worker.data.importers.json_records import unreadable
from longform_worker.data.importers.source_row import RowPlace

BATCH_BYTES = 64 * 1024 * 1024
BATCH_ROWS = 1024


class ParquetFile:
    """One file. Raises EngineFailure (data_refused) when it cannot be read."""

    def __init__(self, file: Path) -> None:
        library: Any = importlib.import_module("pyarrow.parquet")
        self._file = file
        try:
            # Pages are read as they are needed: a row group of images may be larger than memory.
            self._table: Any = library.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20)
        except (OSError, ValueError) as error:  # the library's own errors are ValueErrors
            raise unreadable(file, error) from error
        self.rows: int = self._table.metadata.num_rows

    def nested_columns(self) -> list[str]:
        """Names of the columns that hold lists or objects."""
        types: Any = importlib.import_module("pyarrow.types")
        return [column.name for column in self._table.schema_arrow if types.is_nested(column.type)]

    def records(self, without: Collection[str]) -> Iterator[tuple[RowPlace, dict[str, object]]]:
        """Each row and where it is; the columns named in ``without`` are not read."""
        columns = [name for name in self._table.schema_arrow.names if name not in without]
        metadata = self._table.metadata
        size = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
        batch_rows = max(1, min(BATCH_ROWS, BATCH_BYTES * self.rows // max(1, size)))
        number = 0
        try:
            for batch in self._table.iter_batches(batch_size=batch_rows, columns=columns):
                for record in batch.to_pylist():
                    number += 1
                    yield RowPlace(str(self._file), f"row {number}"), record
        except (OSError, ValueError) as error:
            place = RowPlace(str(self._file), f"row {number + 1}")
            raise place.refuse("row", "parquet that can be read", str(error).splitlines()[0]) from error
        finally:
            self._table.close()
