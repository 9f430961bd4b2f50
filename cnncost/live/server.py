"""The live page over HTTP: on the loopback interface, behind a token in the URL, for no other host's pages.

Every path begins with the token. A request whose Host is not this server's is refused (a page of another host
that was pointed at this machine), and so is one whose Origin is another page. Nothing is fetched from
outside.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncost.border import parse_json
from cnncost.errors import CnncostError, UnavailableError, UsageError
from cnncost.live import answers
from cnncost.live.question import LiveQuestion
from cnncost.live.watched import ChangedMeanwhile, Watched
from cnncost.web import FOLDER as SHARED

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

STATIC = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
LOCAL = ("127.0.0.1", "localhost", "[::1]")
MOST_BYTES = 4_000_000
"""Of a request: a spec and a few words."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self';"
    " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page may load what this server has, and nothing else; the editor sets styles itself."""
INSTALL = 'pip install "cnncost[live]"'

Answering = Callable[[dict[str, Any]], dict[str, Any]]
Handler = Callable[["Request"], Awaitable["Response"]]


def application(watched: Watched, token: str, port: int, others: Sequence[str] = ()) -> Starlette:
    """The ASGI application; `others` are files or names that may be compared with, beside the zoo's.

    Raises UnavailableError where starlette is not there.
    """
    try:
        from starlette.applications import Starlette
        from starlette.routing import Route
    except ImportError:
        raise UnavailableError(f"`cnncost live` needs starlette and uvicorn\n  {INSTALL}") from None

    got = {
        "": page,
        "static/{name}": page,
        "revision": get(lambda: revision(watched)),
        "words": get(lambda: answers.words() | {"choices": choices(others)}),
    }
    posted = {
        "count": post(lambda asked: count(watched, asked)),
        "explain": post(lambda asked: explain(watched, asked)),
        "difference": post(lambda asked: difference(watched, asked, others)),
        "save": post(lambda asked: save(watched, asked)),
    }
    return Starlette(
        routes=[
            Route(f"/{{token}}/{path}", guarded(handler, token, port), methods=[method])
            for method, handlers in (("GET", got), ("POST", posted))
            for path, handler in handlers.items()
        ],
        exception_handlers={404: incomplete},
    )


def refused(request: Request, token: str, port: int) -> str:
    """Why whoever asks may not: a page of another host, or an address without its token; "": they may."""
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    known = [f"{name}:{port}" for name in LOCAL]
    if host not in known:
        return f"This server answers to {known[0]} only.\n"
    if origin is not None and origin not in [f"http://{name}" for name in known]:
        return "This page is of another host.\n"
    if not hmac.compare_digest(request.path_params["token"].encode(), token.encode()):
        return "The address is not complete: it has a token in it.\n"
    return ""


def guarded(answer: Handler, token: str, port: int) -> Handler:
    """The same for those who may ask."""

    async def route(request: Request) -> Response:
        from starlette.responses import PlainTextResponse

        why = refused(request, token, port)
        return PlainTextResponse(why, 403) if why else await answer(request)

    return route


async def page(request: Request) -> Response:
    """A file of the page, the page itself if none is named."""
    from starlette.responses import PlainTextResponse, Response

    name = request.path_params.get("name") or "live.html"
    paths = [folder / name for folder in (STATIC, SHARED)]
    found = [path for path in paths if path.parent in (STATIC, SHARED) and path.is_file()]
    if not found or found[0].suffix not in TYPES:
        return PlainTextResponse("There is nothing here.\n", 404)
    headers = {
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return Response(found[0].read_bytes(), media_type=TYPES[found[0].suffix], headers=headers)


def get(make: Callable[[], dict[str, Any]]) -> Handler:
    """A route that answers with a JSON object."""

    async def route(request: Request) -> Response:
        from starlette.responses import JSONResponse

        return JSONResponse(make())

    return route


def post(make: Answering) -> Handler:
    """A route that takes a JSON object and answers with one."""

    async def route(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import JSONResponse, PlainTextResponse

        body = bytearray()
        async for part in request.stream():  # what a header says of its length is not believed
            body += part
            if len(body) > MOST_BYTES:
                return PlainTextResponse("This is too much.\n", 413, {"Connection": "close"})
        try:
            asked = json_object(body.decode())
        except ValueError:
            return PlainTextResponse("A JSON object is expected.\n", 400)
        return JSONResponse(await run_in_threadpool(answers.answered, lambda: make(asked)))

    return route


def json_object(text: str) -> dict[str, Any]:
    """An object written as JSON. Raises ValueError for anything else."""
    found = parse_json(text)
    if not isinstance(found, dict):
        raise ValueError
    json.dumps(
        found, ensure_ascii=False
    ).encode()  # not of a lone surrogate: it can be neither read nor saved
    return found


async def incomplete(request: Request, error: Exception) -> Response:
    """The answer to an address that is not ours, most often the one without its token."""
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(
        "Open the whole address that `cnncost live` printed: it has a token in it.\n", 404
    )


def choices(others: Sequence[str] = ()) -> dict[str, list[str]]:
    """What the controls of the page offer."""
    from cnncost import devices, dtypes
    from cnncost.analysis.conventions import CONVENTIONS
    from cnncost.analysis.grouping import LEVELS
    from cnncost.language import zoo

    return {
        "convention": list(CONVENTIONS),
        "dtype": list(dtypes.DTYPES),
        "by": list(LEVELS),
        "device": devices.names(),
        "other": [*others, *zoo.names()],
    }


def revision(watched: Watched) -> dict[str, Any]:
    """The text of the file as it is now, or why it cannot be read."""
    try:
        now = watched.now()
    except CnncostError as error:
        return {"error": str(error)}
    return {"file": watched.name, "text": now.text, "mark": now.mark}


def count(watched: Watched, asked: dict[str, Any]) -> dict[str, Any]:
    """The table and totals of the text that is typed."""
    return answers.count(LiveQuestion.of(asked), watched.name)


def explain(watched: Watched, asked: dict[str, Any]) -> dict[str, Any]:
    """The working of a line."""
    line = asked.get("line")
    if not isinstance(line, int) or isinstance(line, bool):
        raise UsageError("question.line must be a whole number")
    return answers.explain(LiveQuestion.of(asked), watched.name, line)


def difference(watched: Watched, asked: dict[str, Any], others: Sequence[str]) -> dict[str, Any]:
    """What changed from the saved file, from a network of the zoo, or from one of the `others`."""
    question, name = LiveQuestion.of(asked), str(asked.get("other") or "")
    if name:
        from cnncost.language import load, zoo

        if name not in (*others, *zoo.names()):  # a page opens no file that the command line did not name
            raise UsageError(f"{name!r} is no network of the zoo, and --compare did not name it")
        return answers.difference(question, watched.name, load(name), name)
    saved = question._replace(text=watched.now().text)
    return answers.difference(question, watched.name, answers.graph(saved, watched.name), "saved")


def save(watched: Watched, asked: dict[str, Any]) -> dict[str, Any]:
    """Write the text; `changed` where somebody else has written in the meantime."""
    text, mark = asked.get("text"), asked.get("mark")
    if not isinstance(text, str) or not isinstance(mark, str):
        raise UsageError("question.text and question.mark must be texts")
    try:
        return {"mark": watched.save(text, mark).mark}
    except ChangedMeanwhile as error:
        return {"changed": str(error), "mark": watched.now().mark}


def serve(
    watched: Watched, token: str, port: int, said: Callable[[str], None], others: Sequence[str] = ()
) -> None:
    """Serve until Ctrl-C. `said` is told the address. Raises UsageError for a port that is in use."""
    import socket

    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listening.close()
        raise UsageError(
            f"port {port} cannot be used: {getattr(error, 'strerror', None) or error}\n"
            "  --port takes another; without it a free one is found"
        ) from None
    port = listening.getsockname()[1]
    served = application(watched, token, port, others)
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(served, log_level="error", lifespan="off", access_log=False))
    said(f"http://127.0.0.1:{port}/{token}/")
    server.run(sockets=[listening])
