"""Who is preferred: votes on pairs of pictures, and the score they come to.

The model is that of Bradley and Terry (Rank analysis of incomplete block designs, Biometrika 1952): every method has a
score s, and a is preferred to b with probability 1 / (1 + exp(s_b - s_a)). A vote "no difference" counts half for each.
The most likely scores are found by the MM iteration of Hunter (MM algorithms for generalized Bradley-Terry models,
Annals of Statistics 2004, eq. 3), and intervals by bootstrap over scenes, since pictures of a scene are judged alike.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, WriteError

Pick = Literal["left", "right", "none"]
PICKS: tuple[Pick, ...] = get_args(Pick)

PRIOR = 1.0
"""Votes "no difference" that each pair is given beforehand. Without them the score of a method that lost every time is
minus infinity. Between two methods this is Firth's correction of the bias of few votes (Biometrika 1993)."""
RESAMPLES = 1000
CLOSE = 1e-9
MOST_STEPS = 100_000

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Vote:
    """A judgement: which of two methods' pictures was picked. `shown` are the SHA-256 of the two files."""

    picture: str
    scene: str
    left: str
    right: str
    picked: Pick
    shown: tuple[str, str] = ("", "")
    when: str = ""

    @property
    def question(self) -> tuple[str, frozenset[str]]:
        """What was asked: the picture and the methods, whichever side they were on."""
        return self.picture, frozenset((self.left, self.right))


@dataclass(frozen=True)
class Standing:
    """A method among the others: in how many votes it was picked or not, its score and 95 % of the bootstrap's."""

    name: str
    votes: int
    preferred: int
    undecided: int
    score: float
    low: float
    high: float


@dataclass(frozen=True)
class Duel:
    """Two methods alone: `share` of the votes for `a`, halves for "no difference", and 95 % of the bootstrap's.

    `p`: how often a coin would decide the decided votes as one-sidedly (two-sided sign test). A few unanimous votes
    leave the bootstrap nothing to vary, and it seems certain; this does not.
    """

    a: str
    b: str
    preferred_a: int
    preferred_b: int
    undecided: int
    share: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Preference:
    """The tally, the best method first. `picks` counts left, right and none: a reader who leans to a side shows."""

    votes: int
    scenes: int
    picks: dict[str, int]
    standings: tuple[Standing, ...]
    duels: tuple[Duel, ...]


def read_votes(path: Path) -> list[Vote]:
    """The votes in a votes.jsonl; of several on one question the last. What a crash left of a last line is no vote."""
    if not path.is_file():
        raise DataError(f"There are no votes at '{path}'. 'scotopic compare … --blind' asks for them.")
    *lines, _ = path.read_text(encoding="utf-8").split("\n")
    votes: dict[tuple[str, frozenset[str]], Vote] = {}
    for number, line in enumerate(lines, 1):
        try:
            fields = json.loads(line)
            vote = Vote(**{**fields, "shown": tuple(fields["shown"])})
            assert vote.picked in PICKS
        except (ValueError, TypeError, KeyError, AssertionError) as error:
            raise DataError(f"Line {number} of '{path}' is no vote: {line!r}. Mend or remove it.") from error
        votes.pop(vote.question, None)
        votes[vote.question] = vote
    return list(votes.values())


def append_vote(path: Path, vote: Vote) -> None:
    """Add a vote as a line, on the disk when this returns. What a crash left of a last line is cut off.

    One at a time, over all processes: what another is writing must not be taken for what a crash left.
    """
    from filelock import FileLock

    line = json.dumps(asdict(vote), ensure_ascii=False) + "\n"
    try:
        with FileLock(path.with_name(f".{path.name}.lock")), open(path, "a+b") as file:
            file.seek(0)
            whole = file.read()
            file.truncate(whole.rfind(b"\n") + 1)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise WriteError(f"Cannot write '{path}': {error.strerror}. The vote is not counted; try again.") from error


def bradley_terry(wins: Doubles, prior: float = PRIOR) -> Doubles:
    """Scores `… k`, with mean 0, from `wins` `… k k`: how often the row's method was preferred to the column's.

    Of two methods, one preferred three times to the other's once:

    >>> bradley_terry(np.array([[0.0, 3.0], [1.0, 0.0]]), prior=0).round(3)  # log 3 apart
    array([ 0.549, -0.549])
    """
    wins = wins + prior / 2 * (1 - np.eye(wins.shape[-1]))
    won, met = wins.sum(-1), wins + np.swapaxes(wins, -1, -2)
    if not (won > 0).all():
        raise DataError("A method that was never preferred has no finite score. Ask for more votes, or give a prior.")
    score = np.zeros(wins.shape[:-1])
    for _ in range(MOST_STEPS):
        strength = np.exp(score)
        expected = met / (strength[..., :, None] + strength[..., None, :])
        better = np.log(won / expected.sum(-1))
        better -= better.mean(-1, keepdims=True)
        if np.abs(better - score).max() < CLOSE:
            return np.asarray(better)
        score = better
    raise DataError("The votes give no finite scores: some methods only won, or only lost. Ask for more votes.")


def tally(votes: Sequence[Vote], seed: int = 0) -> Preference:
    """What the votes come to. Votes on one scene alone have no intervals (NaN). DataError if there are none."""
    if not votes:
        raise DataError("There is nothing to tally: no vote has been given yet.")
    names = sorted({name for vote in votes for name in (vote.left, vote.right)})
    scenes = sorted({vote.scene for vote in votes})
    wins = np.zeros((len(scenes), len(names), len(names)))
    for vote in votes:
        left, right, scene = names.index(vote.left), names.index(vote.right), scenes.index(vote.scene)
        wins[scene, left, right] += _for_left(vote)
        wins[scene, right, left] += 1 - _for_left(vote)
    scores = bradley_terry(wins.sum(0))
    # Scenes drawn with replacement, as often as there are scenes: how often each was drawn.
    drawn = np.random.default_rng(seed).multinomial(len(scenes), np.full(len(scenes), 1 / len(scenes)), RESAMPLES)
    low, high = _ends(bradley_terry(np.tensordot(drawn.astype(np.float64), wins, 1)), scenes)
    standings = []
    for i in np.argsort(-scores, kind="stable"):
        own = [vote for vote in votes if names[i] in (vote.left, vote.right)]
        preferred = sum(_picked(vote) == names[i] for vote in own)
        undecided = sum(vote.picked == "none" for vote in own)
        standings.append(
            Standing(names[i], len(own), preferred, undecided, float(scores[i]), float(low[i]), float(high[i]))
        )
    order = [standing.name for standing in standings]
    duels = [_duel(votes, a, b, drawn, scenes) for a, b in combinations(order, 2)]
    picks = Counter(vote.picked for vote in votes)
    return Preference(
        votes=len(votes),
        scenes=len(scenes),
        picks={pick: picks[pick] for pick in PICKS},
        standings=tuple(standings),
        duels=tuple(duel for duel in duels if duel),
    )


def _ends(drawn: Doubles, scenes: Sequence[str]) -> Doubles:
    """95 % of the bootstrap's, over the first axis: what one scene says of others nobody can tell."""
    if len(scenes) < 2:
        return np.full((2, *drawn.shape[1:]), np.nan)
    return np.asarray(np.quantile(drawn, (0.025, 0.975), axis=0))


def _picked(vote: Vote) -> str:
    return {"left": vote.left, "right": vote.right, "none": ""}[vote.picked]


def _for_left(vote: Vote) -> float:
    return {"left": 1.0, "right": 0.0, "none": 0.5}[vote.picked]


def _duel(votes: Sequence[Vote], a: str, b: str, drawn: NDArray[np.int64], scenes: list[str]) -> Duel | None:
    both = [vote for vote in votes if {vote.left, vote.right} == {a, b}]
    if not both:
        return None
    counts = Counter(_picked(vote) for vote in both)
    gained, met = np.zeros(len(scenes)), np.zeros(len(scenes))
    for vote in both:
        scene = scenes.index(vote.scene)
        gained[scene] += _for_left(vote) if vote.left == a else 1 - _for_left(vote)
        met[scene] += 1
    times = drawn @ met
    low, high = _ends((drawn @ gained)[times > 0] / times[times > 0], scenes)
    share = gained.sum() / met.sum()
    p = sign_test(counts[a], counts[b])
    return Duel(a, b, counts[a], counts[b], counts[""], float(share), float(low), float(high), p)


def sign_test(wins: int, losses: int) -> float:
    """Probability that a fair coin falls at least as one-sidedly, either way.

    >>> sign_test(3, 0), sign_test(2, 2), sign_test(9, 1)
    (0.25, 1.0, 0.021484375)
    """
    count = wins + losses
    tail = sum(math.comb(count, k) for k in range(min(wins, losses) + 1)) / float(2**count)
    return min(1.0, 2 * tail)


def to_json(preference: Preference) -> dict[str, Any]:
    """For preference.json: the tally and how it was made. An end of an interval that nobody can tell is None."""
    how = (
        "Bradley-Terry scores (natural logarithm, mean 0; a is preferred to b with probability "
        f"1 / (1 + exp(b - a))), 'no difference' counting half for each, {PRIOR:g} such vote between any two "
        f"beforehand; 95 % intervals by {RESAMPLES} bootstrap samples of scenes"
    )
    fields = asdict(preference)
    for entry in (*fields["standings"], *fields["duels"]):
        entry |= {key: None for key in ("low", "high") if math.isnan(entry[key])}  # JSON has no NaN
    return {"how": how, **fields}


def lines(preference: Preference) -> list[str]:
    """The tally for people."""
    width = max(6, *(len(standing.name) for standing in preference.standings))
    picks = preference.picks
    rows = [
        f"{preference.votes} votes on {preference.scenes} scenes: {picks['left']} left, {picks['right']} right, "
        f"{picks['none']} no difference",
        "",
        f"{'method':<{width}}  score (95 %)             preferred  no difference  of votes",
    ]
    for s in preference.standings:
        interval = "one scene" if math.isnan(s.low) else f"{s.low:+.2f} to {s.high:+.2f}"
        score = f"{s.score:+.2f} ({interval})"
        rows.append(f"{s.name:<{width}}  {score:<23}  {s.preferred:>9}  {s.undecided:>13}  {s.votes:>8}")
    rows.append("")
    for d in preference.duels:
        interval = "one scene" if math.isnan(d.low) else f"{d.low:.0%} to {d.high:.0%}"
        rows.append(
            f"{d.a} rather than {d.b}: {d.share:.0%} ({interval}); {d.preferred_a} to {d.preferred_b}, "
            f"{d.undecided} no difference, p = {d.p:.2g}"
        )
    return rows
