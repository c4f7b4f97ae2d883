from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ResizeRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESIZE_RULE_UNSPECIFIED: _ClassVar[ResizeRule]
    RESIZE_RULE_KEEP_ASPECT: _ClassVar[ResizeRule]
    RESIZE_RULE_SQUARE: _ClassVar[ResizeRule]

class DatasetFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DATASET_FORMAT_UNSPECIFIED: _ClassVar[DatasetFormat]
    DATASET_FORMAT_SHAREGPT: _ClassVar[DatasetFormat]
    DATASET_FORMAT_MESSAGES: _ClassVar[DatasetFormat]
    DATASET_FORMAT_PARQUET: _ClassVar[DatasetFormat]
RESIZE_RULE_UNSPECIFIED: ResizeRule
RESIZE_RULE_KEEP_ASPECT: ResizeRule
RESIZE_RULE_SQUARE: ResizeRule
DATASET_FORMAT_UNSPECIFIED: DatasetFormat
DATASET_FORMAT_SHAREGPT: DatasetFormat
DATASET_FORMAT_MESSAGES: DatasetFormat
DATASET_FORMAT_PARQUET: DatasetFormat

class VisionPolicy(_message.Message):
    __slots__ = ("resize", "min_pixels", "max_pixels", "grid_multiple", "background", "max_images")
    RESIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_PIXELS_FIELD_NUMBER: _ClassVar[int]
    GRID_MULTIPLE_FIELD_NUMBER: _ClassVar[int]
    BACKGROUND_FIELD_NUMBER: _ClassVar[int]
    MAX_IMAGES_FIELD_NUMBER: _ClassVar[int]
    resize: ResizeRule
    min_pixels: int
    max_pixels: int
    grid_multiple: int
    background: str
    max_images: int
    def __init__(self, resize: _Optional[_Union[ResizeRule, str]] = ..., min_pixels: _Optional[int] = ..., max_pixels: _Optional[int] = ..., grid_multiple: _Optional[int] = ..., background: _Optional[str] = ..., max_images: _Optional[int] = ...) -> None: ...

class ImportJob(_message.Message):
    __slots__ = ("source_rows_path", "rows_path", "image_root", "blob_root", "vision_policy")
    SOURCE_ROWS_PATH_FIELD_NUMBER: _ClassVar[int]
    ROWS_PATH_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ROOT_FIELD_NUMBER: _ClassVar[int]
    BLOB_ROOT_FIELD_NUMBER: _ClassVar[int]
    VISION_POLICY_FIELD_NUMBER: _ClassVar[int]
    source_rows_path: str
    rows_path: str
    image_root: str
    blob_root: str
    vision_policy: VisionPolicy
    def __init__(self, source_rows_path: _Optional[str] = ..., rows_path: _Optional[str] = ..., image_root: _Optional[str] = ..., blob_root: _Optional[str] = ..., vision_policy: _Optional[_Union[VisionPolicy, _Mapping]] = ...) -> None: ...

class ImportResult(_message.Message):
    __slots__ = ("rows", "images", "new_images")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    NEW_IMAGES_FIELD_NUMBER: _ClassVar[int]
    rows: int
    images: int
    new_images: int
    def __init__(self, rows: _Optional[int] = ..., images: _Optional[int] = ..., new_images: _Optional[int] = ...) -> None: ...

class ReadJob(_message.Message):
    __slots__ = ("path", "format", "name", "image_root", "rows_path", "images_path", "limit")
    PATH_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ROOT_FIELD_NUMBER: _ClassVar[int]
    ROWS_PATH_FIELD_NUMBER: _ClassVar[int]
    IMAGES_PATH_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    path: str
    format: DatasetFormat
    name: str
    image_root: str
    rows_path: str
    images_path: str
    limit: int
    def __init__(self, path: _Optional[str] = ..., format: _Optional[_Union[DatasetFormat, str]] = ..., name: _Optional[str] = ..., image_root: _Optional[str] = ..., rows_path: _Optional[str] = ..., images_path: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ReadResult(_message.Message):
    __slots__ = ("rows", "image_root", "found")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ROOT_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    rows: int
    image_root: str
    found: str
    def __init__(self, rows: _Optional[int] = ..., image_root: _Optional[str] = ..., found: _Optional[str] = ...) -> None: ...
