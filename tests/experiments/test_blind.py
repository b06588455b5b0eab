"""Blind votes: nothing on the page tells whose a picture is, no vote is lost, and the tally is the known one."""

import json
import threading
from http.client import HTTPConnection
from io import BytesIO
from itertools import product

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from scotopic.errors import DataError
from scotopic.experiments.comparing.blind import Session, Shot, ask, open_server, page
from scotopic.experiments.comparing.preference import (
    Vote,
    append_vote,
    bradley_terry,
    lines,
    read_votes,
    tally,
    to_json,
)

BASEBALL = [  # wins of the row over the column, American League East 1987 (Agresti, Categorical Data Analysis)
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]
ABILITIES = [1.581, 1.436, 1.294, 1.248, 1.108, 0.684, 0]
"""Published with it, and given by R's BradleyTerry2: relative to the last team."""


def vote(picture, left, right, picked, **more):
    return Vote(str(picture), f"scene {picture}", left, right, picked, **more)


def test_scores_are_the_published_ones():
    scores = bradley_terry(np.array(BASEBALL, float), prior=0)
    assert scores - scores[-1] == pytest.approx(ABILITIES, abs=6e-4)
    assert scores.mean() == pytest.approx(0)


def test_who_always_won_has_a_finite_score_and_few_votes_prove_nothing():
    found = tally([vote(i, "a", "b", "left") for i in range(3)])
    assert found.standings[0].score - found.standings[1].score == pytest.approx(np.log(3.5 / 0.5))  # Firth's correction
    assert (found.duels[0].share, found.duels[0].p) == (1, 0.25)
    with pytest.raises(DataError, match="never preferred"):
        bradley_terry(np.array([[0.0, 3], [0, 0]]), prior=0)
    with pytest.raises(DataError, match="nothing to tally"):
        tally([])


def test_no_difference_counts_half_for_each():
    ties = tally([vote(0, "a", "b", "left"), vote(1, "a", "b", "right"), vote(2, "a", "b", "none")])
    assert [standing.score for standing in ties.standings] == pytest.approx([0, 0])
    assert ties.duels[0].share == 0.5
    assert ties.picks == {"left": 1, "right": 1, "none": 1}


def test_sides_do_not_matter_and_intervals_tell_the_better_one():
    votes = [vote(i, *(("a", "b", "left") if i % 2 else ("b", "a", "right"))) for i in range(16)]
    votes += [vote(i, "c", "b", "none") for i in range(16)] + [vote(20, "b", "a", "left")]
    found = tally(votes)
    best = found.standings[0]
    assert (best.name, best.preferred, best.undecided, best.votes) == ("a", 16, 0, 17)
    assert all(best.low > other.high for other in found.standings[1:])
    assert found.duels[0].low < found.duels[0].share < found.duels[0].high == 1
    assert any("no difference" in line for line in lines(found))


def test_one_scene_says_nothing_about_others():
    one = tally([vote(0, "a", "b", "left")])
    assert not [line for line in lines(one) if "nan" in line]
    found = to_json(one)
    assert found["standings"][0]["low"] is None
    json.loads(json.dumps(found, allow_nan=False))


def test_a_killed_writer_loses_no_vote_and_the_last_word_counts(tmp_path):
    path = tmp_path / "votes.jsonl"
    append_vote(path, vote(1, "a", "b", "left"))
    with open(path, "a") as file:
        file.write('{"picture": "2", "sc')
    assert read_votes(path) == [vote(1, "a", "b", "left", shown=("", ""))]
    append_vote(path, vote(2, "a", "b", "none"))
    append_vote(path, vote(1, "b", "a", "left"))
    assert [(v.picture, v.left, v.picked) for v in read_votes(path)] == [("2", "a", "none"), ("1", "b", "left")]
    path.write_text('{"picture": 3}\n')
    with pytest.raises(DataError, match="Line 1"):
        read_votes(path)


def test_two_who_judge_at_once_lose_no_vote(tmp_path):
    path = tmp_path / "votes.jsonl"

    def judge(reader):
        for i in range(40):
            append_vote(path, vote(f"{reader} {i}", "a", "b", "left"))

    readers = [threading.Thread(target=judge, args=(reader,)) for reader in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(read_votes(path)) == 160


@pytest.fixture
def shots(tmp_path):
    """Two scenes by three methods; the file of each betrays its method in name, folder and metadata."""
    made = []
    for scene, method in product("xy", ("secret_a", "secret_b", "secret_c")):
        path = tmp_path / method / f"{scene}.png"
        path.parent.mkdir(exist_ok=True)
        info = PngInfo()
        info.add_text("Software", method)
        pixels = np.full((20, 30, 3), 10 + len(made) * 5 + ord(method[-1]), np.uint8)
        Image.fromarray(pixels).save(path, pnginfo=info)
        if method.endswith("a"):
            made.append(Shot(f"picture {scene}", scene, {}, (4, 5)))
        made[-1].files[method] = path
    return made


@pytest.fixture
def serve(tmp_path):
    """Serves a session: gives a function (method, path, body, headers) -> status, headers, body."""
    servers = []

    def start(session):
        server = open_server(session)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))

        def request(method, path, body=None, **headers):
            connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            if body is not None:
                headers = {"Content-Type": "application/json", **headers}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, dict(answer.headers), content

        return request

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_nothing_gives_a_name_away_and_scores_come_last(shots, tmp_path, serve):
    ended = []
    questions, left_out = ask(shots, seed=1)
    assert (len(questions), left_out) == (6, [])
    request = serve(Session(questions, tmp_path, ended.append))
    seen = b""
    for number in range(6):
        status, headers, body = request("GET", f"/question/{number}")
        assert (status, headers["Cache-Control"]) == (200, "no-store")
        seen += body + str(headers).encode()
        shown = json.loads(body)
        assert set(shown) == {"left", "right", "width", "height", "x", "y"}
        for side, truth in zip(("left", "right"), questions[number].sides, strict=True):
            status, headers, png = request("GET", shown[side])
            assert (status, headers["Content-Type"]) == (200, "image/png")
            seen += png + shown[side].encode()
            picture = Image.open(BytesIO(png))
            assert picture.size == (30, 20)
            assert np.array_equal(np.asarray(picture), np.asarray(Image.open(truth.path)))
        assert request("GET", "/result")[0] == 409
        assert ended == []
        answer = request("POST", "/vote", json.dumps({"question": number, "picked": "left"}))
        assert answer[0] == 200
        assert len(read_votes(tmp_path / "votes.jsonl")) == number + 1  # on the disk at once
    assert b"secret" not in seen + page().encode()
    assert b"picture x" not in seen
    assert json.loads(answer[2]) == {"judged": 6, "of": 6, "next": None}
    assert json.loads(request("GET", "/result")[2]) == json.loads(json.dumps(ended[0]))
    assert sum(standing["preferred"] for standing in ended[0]["standings"]) == 6


def test_addresses_and_sides_are_drawn_by_chance(shots):
    one, two = ask(shots, seed=1)[0], ask(shots, seed=1)[0]
    tokens = [side.token for questions in (one, two) for question in questions for side in question.sides]
    assert len(set(tokens)) == len(tokens) == 24
    assert [q.picture for q in one] == [q.picture for q in two]
    first = {tuple(side.method for side in q.sides) for seed in range(20) for q in ask(shots, seed)[0]}
    assert len(first) == 6  # every pair both ways round


def test_going_on_skips_what_was_judged_unless_the_picture_changed(shots, tmp_path):
    questions, _ = ask(shots)
    Session(questions, tmp_path).vote(2, "none")
    again, _ = ask(shots)
    session = Session(again, tmp_path)
    assert session.state() == {"judged": 1, "of": 6, "next": 0}
    session.vote(0, "left")
    session.vote(0, "right")  # one changes one's mind
    assert session.judged == 2
    assert [v.picked for v in read_votes(tmp_path / "votes.jsonl")] == ["none", "right"]
    judged = questions[2].sides[0].path
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(judged)
    assert Session(ask(shots)[0], tmp_path).judged == 2 - (judged in {side.path for side in questions[0].sides}) - 1


def test_pictures_of_two_sizes_or_missing_are_not_asked_about(shots, tmp_path):
    shots[0].files["secret_a"].unlink()
    Image.fromarray(np.zeros((20, 31, 3), np.uint8)).save(shots[1].files["secret_b"])
    questions, left_out = ask(shots)
    assert len(questions) == 2
    assert sorted(line.partition(": ")[2].rpartition(": ")[2] for line in left_out) == [
        *["a picture is missing"] * 2,
        *["the pictures are not of one size"] * 2,
    ]
    with pytest.raises(DataError, match="save-pictures"):
        Session([], tmp_path)


def test_only_this_computer_and_only_votes_are_heard(shots, tmp_path, serve):
    request = serve(Session(ask(shots)[0], tmp_path))
    good = json.dumps({"question": 0, "picked": "left"})
    assert request("GET", "/", Host="evil.example:80")[0] == 403
    assert request("GET", "/state", Host="localhost")[0] == 200  # as browsers write port 80
    assert request("POST", "/vote", good, Host="evil.example")[0] == 403
    assert request("POST", "/vote", good, **{"Content-Type": "text/plain"})[0] == 403
    for path in ("/picture/nonsense.png", "/question/6", "/votes.jsonl", "/../votes.jsonl", "/picture/..%2fx.png"):
        assert request("GET", path)[0] == 404
    for bad in ("{", "[]", "{}", '{"question": 6, "picked": "left"}', '{"question": 0, "picked": "both"}', "9" * 2000):
        assert request("POST", "/vote", bad)[0] == 400
    assert request("POST", "/vote", '{"question": true, "picked": "left"}')[0] == 400
    assert not (tmp_path / "votes.jsonl").exists()
    status, headers, body = request("GET", "/")
    assert (status, body.decode()) == (200, page())
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "http" not in page().replace("http-equiv", "")  # asks nothing of any other computer
