"""Forms that were sent, read within limits.

Reads: the body of a request. Gives: its fields, and the file if one was uploaded. Refuses, with
FormError: a body that is too large or no form, and a form that was not made for this session.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from bouncewise.encode import for_storage
from bouncewise.service.api.decode import MAX_LIST
from bouncewise.service.guard import body_of

MAX_FORM = 64 << 10
"""Octets of a form without a file, and of the fields beside a file."""

MOST_FIELDS = 32
FORM_TOKEN = "form_token"  # noqa: S105 - the name of the field
_MAX_NAME = 200


class FormError(Exception):
    """A form that is answered with an error."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Form(NamedTuple):
    """The fields by name, and the uploaded file: its name and octets."""

    fields: dict[str, str]
    file_name: str = ""
    octets: bytes = b""


async def read(request: Request, *, with_file: bool = False) -> Form:
    """The form in *request*. Raises FormError."""
    limit = MAX_FORM + (MAX_LIST if with_file else 0)
    body = await body_of(request, limit)
    if body is None:
        raise FormError(
            413,
            f"the file is larger than {MAX_LIST >> 20} MiB; split it, or import it with "
            "`bouncewise suppressions import`"
            if with_file
            else "the form is too large",
        )
    sent = Request(request.scope, _replayed(body))
    try:
        async with sent.form(max_files=1, max_fields=MOST_FIELDS, max_part_size=MAX_FORM) as found:
            fields, files = dict[str, str](), list[tuple[str, bytes]]()
            for name, value in found.multi_items():
                if isinstance(value, UploadFile):
                    file_name = for_storage(value.filename or "")[-_MAX_NAME:]
                    files.append((file_name, await value.read()))
                else:
                    fields[name] = value
    except HTTPException as bad:
        raise FormError(400, f"the form cannot be read: {bad.detail}") from None
    except (UnicodeError, ValueError):
        raise FormError(400, "the form cannot be read") from None
    return Form(fields, *(files[0] if files and files[0][1] else ("", b"")))


async def read_own(request: Request, *, with_file: bool = False) -> Form:
    """The form in *request*, which was made for the session of its visitor. Raises FormError."""
    form = await read(request, with_file=with_file)
    if not request.scope["visitor"].session.owns(form.fields.pop(FORM_TOKEN, "")):
        raise FormError(
            403,
            "the form is of another session, perhaps one that has ended, and nothing was changed; "
            "open the page again",
        )
    return form


def _replayed(body: bytes) -> Any:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
