"""The C ABI of ``libcafe.so`` (``include/cafe_api.h``) by ctypes: loading, errors, handles."""

from __future__ import annotations

import ctypes
import json
import os
from pathlib import Path
from typing import Any

API_VERSION = 100
"""The version of the C ABI that this package was written for."""


class CafeError(ValueError):
    """An error of the library, as one sentence."""


class _Shape(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("games", "agents", "actions", "context", "candidate", "state")]


class _Status(ctypes.Structure):
    _fields_ = [("now", ctypes.c_double), ("revenue", ctypes.c_double)] + [
        (name, ctypes.c_int64) for name in ("tasks", "ended", "open", "acting", "illegal", "episode")
    ]


def library_path() -> Path:
    """Where ``libcafe.so`` is: ``CAFE_LIBRARY`` if set, else beside this file."""
    return Path(os.environ.get("CAFE_LIBRARY") or Path(__file__).parent / "_lib" / "libcafe.so")


def _load() -> ctypes.CDLL:
    path = library_path()
    if not path.exists():
        raise ImportError(f"{path} is missing: build it with `make wheel`, or install the wheel")
    lib = ctypes.CDLL(str(path))
    pointer, text, i32, i64, u64 = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_uint64
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "cafe_api_version": (i32, []),
        "cafe_api_error": (text, []),
        "cafe_api_free": (None, [pointer]),
        "cafe_api_threads": (None, [i32]),
        "cafe_api_call": (pointer, [text, text]),
        "cafe_games_create": (pointer, [text]),
        "cafe_games_free": (None, [pointer]),
        "cafe_games_get_shape": (i32, [pointer, ctypes.POINTER(_Shape)]),
        "cafe_games_reset": (i32, [pointer, i64, u64, i64]),
        "cafe_games_observe": (i32, [pointer, pointer, pointer]),
        "cafe_games_state": (i32, [pointer, pointer]),
        "cafe_games_step": (i32, [pointer, pointer, pointer, pointer, i32, pointer]),
        "cafe_games_get_status": (i32, [pointer, i64, ctypes.POINTER(_Status)]),
        "cafe_spread_create": (pointer, [i64, i64]),
        "cafe_spread_free": (None, [pointer]),
        "cafe_spread_begin": (i32, [pointer, u64, pointer]),
        "cafe_spread_play": (i32, [pointer] * 6),
        "cafe_labels_aggregate": (pointer, [text, i64, pointer, pointer, pointer, i64, i64, i64] + [pointer] * 4),
        "cafe_session_open": (pointer, [text]),
        "cafe_session_close": (None, [pointer]),
        "cafe_session_call": (pointer, [pointer, text, text]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    version = lib.cafe_api_version()
    if version // 100 != API_VERSION // 100 or version < API_VERSION:
        raise ImportError(f"{path} has version {version} of the C ABI; this package needs {API_VERSION}")
    return lib


_library: ctypes.CDLL | None = None
_owner = 0


def lib() -> ctypes.CDLL:
    """The library, loaded at the first call.

    Raises ``RuntimeError`` in a process that was forked after the library had been used: the threads of OpenMP and of
    the Swift run time do not survive a fork. Start workers with ``multiprocessing``'s method "spawn" or "forkserver".
    """
    global _library, _owner
    if _library is None:
        _library, _owner = _load(), os.getpid()
    if _owner != os.getpid():
        raise RuntimeError(
            "cafe was used before this process was forked, and its threads do not survive that: "
            'start worker processes with multiprocessing\'s method "spawn"'
        )
    return _library


def error() -> CafeError:
    """The last error of this thread as an exception."""
    return CafeError(lib().cafe_api_error().decode())


def check(status: int) -> None:
    """Raises the library's error where a call has failed."""
    if not status:
        raise error()


def take_text(pointer: int | None) -> str:
    """The string behind a pointer that the library returned, which is freed; raises where it is NULL."""
    if not pointer:
        raise error()
    try:
        return ctypes.string_at(pointer).decode()
    finally:
        lib().cafe_api_free(pointer)


def call(verb: str, document: Any = None) -> Any:
    """One JSON document in, one out; see ``cafe_api_call``."""
    request = json.dumps({} if document is None else document).encode()
    return json.loads(take_text(lib().cafe_api_call(verb.encode(), request)))


def set_threads(count: int) -> None:
    """How many threads kernels use; 0 asks for one per available processor. Results do not depend on it."""
    lib().cafe_api_threads(count)
