"""The blind page: two pictures of one scene side by side, nobody knows whose, and the reader says which is better.

Served to this computer alone. Addresses are random, pictures are encoded anew (no metadata, no names), both sides have
one size, and no score is told before the last question is answered. Every vote is on the disk before the next question
comes; what was judged is not asked again, unless a picture has changed since.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from scotopic.image import Picture, open_source, read, write

from ...errors import ControlError, DataError, ScotopicError
from .preference import PICKS, Pick, Vote, append_vote, read_votes, tally, to_json

MOST_BODY = 1000
"""Bytes of a vote."""
POLICY = (
    "default-src 'none'; img-src 'self' data:; connect-src 'self'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'"
)


@dataclass(frozen=True)
class Shot:
    """Finished pictures of one scene: a file for each method's name, and the place to look at first (row, column)."""

    picture: str
    scene: str
    files: Mapping[str, Path]
    focus: tuple[int, int]


@dataclass(frozen=True)
class Side:
    """What one side shows. `token` is its address, new for every session and every question."""

    method: str
    path: Path
    sha256: str
    token: str


@dataclass(frozen=True)
class Question:
    """Two pictures of `width` x `height` pixels, and where both are looked at first."""

    picture: str
    scene: str
    sides: tuple[Side, Side]
    width: int
    height: int
    focus: tuple[int, int]

    def answered_by(self, vote: Vote) -> bool:
        """Whether the vote was given on just these two files."""
        return (vote.picture, set(vote.shown)) == (self.picture, {side.sha256 for side in self.sides}) and {
            vote.left,
            vote.right,
        } == {side.method for side in self.sides}


def ask(shots: Sequence[Shot], seed: int = 0) -> tuple[list[Question], list[str]]:
    """A question for every two methods on every shot, sides and order by chance; and what could not be asked, and why.

    A pair is left out where a picture is missing, or the two are not of one size: nothing is resized to be judged.
    """
    rng = np.random.default_rng(seed)
    questions, left_out = [], []
    for shot in shots:
        seen: dict[str, tuple[int, int] | None] = {name: _size(path) for name, path in shot.files.items()}
        for a, b in combinations(shot.files, 2):
            size = seen[a]
            if size is None or size != seen[b]:
                why = "a picture is missing" if None in (size, seen[b]) else "the pictures are not of one size"
                left_out.append(f"{shot.picture}: {a} and {b}: {why}")
                continue
            pair = (a, b) if rng.random() < 0.5 else (b, a)
            left, right = (Side(n, shot.files[n], _sha256(shot.files[n]), secrets.token_urlsafe(12)) for n in pair)
            questions.append(Question(shot.picture, shot.scene, (left, right), *size, shot.focus))
    return [questions[i] for i in rng.permutation(len(questions))], left_out


def _size(path: Path) -> tuple[int, int] | None:
    try:
        with open_source(path) as source:
            return source.width, source.height
    except ScotopicError:
        return None


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Session:
    """Questions, and the votes on them so far. Its methods may be called from several threads.

    `on_end` is called with the tally whenever the last open question has been answered.
    """

    def __init__(
        self, questions: Sequence[Question], folder: Path, on_end: Callable[[dict[str, Any]], None] = lambda _: None
    ) -> None:
        if not questions:
            raise DataError(
                "There is nothing to judge: no two methods have finished pictures of one size of the scenes. Evaluate "
                "them with --save-pictures."
            )
        self.questions = questions
        self._file = folder / "votes.jsonl"
        self._on_end = on_end
        self._lock = threading.Lock()
        self._pictures = {side.token: side.path for question in questions for side in question.sides}
        earlier = read_votes(self._file) if self._file.exists() else []
        self._judged = {i for i, q in enumerate(questions) if any(q.answered_by(vote) for vote in earlier)}

    @property
    def judged(self) -> int:
        return len(self._judged)

    def state(self) -> dict[str, Any]:
        """How far it is, and the number of the next question, None after the last."""
        still = (i for i in range(len(self.questions)) if i not in self._judged)
        return {"judged": self.judged, "of": len(self.questions), "next": next(still, None)}

    def show(self, number: int) -> dict[str, Any]:
        """A question as the page may know it."""
        question = self.questions[number]
        left, right = (f"/picture/{side.token}.png" for side in question.sides)
        size = {"width": question.width, "height": question.height}
        return {"left": left, "right": right, **size, "y": question.focus[0], "x": question.focus[1]}

    def picture(self, token: str) -> bytes:
        """A picture as PNG, 8 bits, with nothing in it but pixels. KeyError for an unknown token."""
        stream = BytesIO()
        write(Picture(read(self._pictures[token]).pixels), stream, format="png", bits=8)
        return stream.getvalue()

    def vote(self, number: int, picked: Pick) -> dict[str, Any]:
        """Keep a vote; a second one on a question replaces the first. What comes next is returned."""
        question = self.questions[number]
        left, right = question.sides
        when = datetime.now(UTC).isoformat(timespec="seconds")
        shown = left.sha256, right.sha256
        with self._lock:
            append_vote(
                self._file, Vote(question.picture, question.scene, left.method, right.method, picked, shown, when)
            )
            self._judged.add(number)
            if self.judged == len(self.questions):
                self._on_end(self.result())
            return self.state()

    def result(self) -> dict[str, Any]:
        """The tally of all votes in the folder. DataError before the last question is answered."""
        if self.judged < len(self.questions):
            raise DataError("Scores are told after the last question, so that they sway no vote.")
        return to_json(tally(read_votes(self._file)))


class Handler(BaseHTTPRequestHandler):
    """Answers the page's requests, those of this computer only."""

    protocol_version = "HTTP/1.1"
    timeout = 60  # a connection that says nothing holds a thread no longer

    def __init__(self, session: Session, *more: Any) -> None:
        self.session = session
        super().__init__(*more)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if not self._from_here():
            return self._send(403, "Ask 127.0.0.1 or localhost.")
        if path == "/":
            return self._send(200, page(), "text/html; charset=utf-8")
        if path == "/state":
            return self._json(self.session.state())
        if path == "/result":
            try:
                return self._json(self.session.result())
            except ScotopicError as error:
                return self._send(409, str(error))
        if (found := re.fullmatch(r"/question/(\d{1,9})", path)) and int(found[1]) < len(self.session.questions):
            return self._json(self.session.show(int(found[1])))
        if found := re.fullmatch(r"/picture/([\w-]+)\.png", path):
            try:
                return self._send(200, self.session.picture(found[1]), "image/png")
            except KeyError:
                pass
            except ScotopicError:  # whose words would name the file
                return self._send(500, "A picture of this question cannot be read any more.")
        return self._send(404, "There is nothing here.")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isdecimal() and int(length) <= MOST_BODY):
            self.close_connection = True  # what was not read would be taken for the next request
            return self._send(400, "No vote: a few bytes of JSON are wanted.")
        body = self.rfile.read(int(length))
        # Another site's page can send us a form, but not JSON: so it cannot vote.
        if not self._from_here() or self.headers.get_content_type() != "application/json":
            return self._send(403, "Votes come from the page itself.")
        try:
            vote = json.loads(body)
            number, picked = vote["question"], vote["picked"]
            known = picked in PICKS and type(number) is int and 0 <= number < len(self.session.questions)
        except (ValueError, TypeError, KeyError):
            known = False
        if self.path != "/vote" or not known:
            return self._send(400, f"No vote: a question's number and one of {', '.join(PICKS)} are wanted.")
        try:
            return self._json(self.session.vote(number, picked))
        except ScotopicError as error:
            return self._send(500, str(error))

    def _from_here(self) -> bool:
        """Another site can point its name at 127.0.0.1 and read along; the Host header gives it away."""
        return self.headers.get("Host", "").partition(":")[0] in ("127.0.0.1", "localhost")

    def _json(self, answer: object) -> None:
        self._send(200, json.dumps(answer), "application/json")

    def _send(self, status: int, body: str | bytes, kind: str = "text/plain; charset=utf-8") -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal is for the tally."""


def page() -> str:
    return (files(__package__) / "blind.html").read_text(encoding="utf-8")


class Server(ThreadingHTTPServer):
    """As the standard library's, but a browser that hangs up is no news."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def open_server(session: Session, port: int = 0) -> Server:
    """A server on 127.0.0.1, at any free port if it is 0. `serve_forever` runs it."""
    try:
        return Server(("127.0.0.1", port), partial(Handler, session))
    except OSError as error:
        raise ControlError(f"Port {port} cannot be had: {error.strerror}. Choose another --port, or none.") from error
