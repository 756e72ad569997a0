"""Jester: jokes rated from -10 to 10 (data set 1, part 1: 24,983 users, 100 jokes, 1.8 million ratings).

K. Goldberg, T. Roeder, D. Gupta, C. Perkins, "Eigentaste: A Constant Time Collaborative Filtering Algorithm",
Information Retrieval 4(2), 2001. The paper's tables say neither which of the Jester sets, which division nor which
features of a joke they stand for: these are ours, and the numbers are not of the same protocol.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.libraries import library
from hypernet.ratings.core.tables import Feature
from hypernet.ratings.sources.archives import read_member
from hypernet.ratings.sources.features import number
from hypernet.ratings.sources.interactions import RawRatings, check_ratings

RATINGS, TEXTS = "jester-data-1.zip", "joke_texts.zip"
RATINGS_MEMBER, TEXT_MEMBER = "jester-data-1.csv", "jokes/init{number}.html"
JOKES = 100
SCALE = (-10.0, 10.0)
NOT_RATED = 99.0
STATISTICS = ("mean_rating", "rating_count", "rating_deviation")
TOPICS = 10
# What names a topic: its terms of largest weight.
TOPIC_TERMS = 3
# Beyond this a topic's value differs between machines.
TOPIC_DIGITS = 6
TITLE_WORDS = 8
# What zipfile raises on a damaged or encrypted archive, or one packed in a way that it does not know.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError)

LENGTHS = (
    number("characters", "long text", "short text", "number of characters"),
    number("words", "many words", "few words", "number of words"),
    number("line_breaks", "in many lines", "in few lines", "number of line breaks"),
)
FORMS = (
    Feature("question", "binary", "item", "asks a question", "asks no question", "asks a question"),
    Feature("question_answer", "binary", "item", "question and answer", "no question and answer", "Q. and A. form"),
)


def read(raw: Path, title: str) -> RawRatings:
    """Read the archives of ratings and texts; ratings are not divided.

    Raises:
        UserError: a file is damaged, or scikit-learn is missing.
    """
    user, item, rating, users = read_ratings(raw / RATINGS)
    sources = read_texts(raw / TEXTS)
    texts = [plain_text(source) for source in sources]
    topics, topic_values = topics_of(texts)
    forms = np.array([_forms(source, text) for source, text in zip(sources, texts, strict=True)])
    return RawRatings(
        title=title,
        unit="points",
        users=np.arange(1, users + 1).astype(str),
        items=np.arange(1, JOKES + 1).astype(str),
        titles=np.array([_title(text) for text in texts]),
        user=user,
        item=item,
        rating=rating,
        test=None,
        user_features=(),
        user_values=np.zeros((users, 0)),
        item_features=(*LENGTHS, *FORMS, *topics),
        item_values=np.column_stack([forms, topic_values]),
        statistics=STATISTICS,
        facts={
            "note": "not the protocol of the published table: its data set, division and features are not known",
        },
    )


def read_ratings(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Users and jokes counted from 0, ratings, and the number of users, from the archive.

    A row is a user: how many jokes the user rated, then 100 ratings, 99 where there is none.

    Raises:
        UserError: another form; one line names the row.
    """
    import pandas

    try:
        with zipfile.ZipFile(path) as archive:
            content = io.BytesIO(read_member(archive, RATINGS_MEMBER))
        table = pandas.read_csv(content, header=None, dtype=np.float64).to_numpy()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (*UNREADABLE, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: no table of numbers {RATINGS_MEMBER} can be read from it ({reason})") from None
    where = f"{path}: {RATINGS_MEMBER}"
    if table.shape[1] != JOKES + 1:
        raise UserError(f"{where} has {table.shape[1]} columns; accepted: a count and {JOKES} ratings")
    rated = table[:, 1:] != NOT_RATED
    user, item = np.nonzero(rated)
    rating = table[:, 1:][rated]
    check_ratings(where, rating, user + 1, SCALE)
    wrong = rated.sum(axis=1) != table[:, 0]
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UserError(f"{where}, line {row + 1}: {rated[row].sum()} ratings, the first column says {table[row, 0]:g}")
    return user, item, rating, len(table)


def read_texts(path: Path) -> list[str]:
    """The 100 jokes as HTML, in the order of their numbers.

    Raises:
        UserError: one is missing, or has no beginning and end.
    """
    sources = []
    try:
        with zipfile.ZipFile(path) as archive:
            for joke in range(1, JOKES + 1):
                member = TEXT_MEMBER.format(number=joke)
                page = read_member(archive, member).decode("latin-1")
                match = re.search(r"<!--\s*begin of joke\s*-->(.*?)<!--\s*end of joke\s*-->", page, re.DOTALL)
                if not match:
                    raise UserError(f"{path}: {member} does not say where the joke begins and ends")
                sources.append(match.group(1))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (*UNREADABLE, ValueError) as error:
        raise UserError(f"{path}: the texts of the jokes cannot be read from it ({error})") from None
    return sources


def plain_text(source: str) -> str:
    """The text of a piece of HTML on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", source)).split())


def topics_of(texts: list[str]) -> tuple[tuple[Feature, ...], np.ndarray]:
    """Latent semantic analysis: how much each text is about each of ten topics.

    Words of at least two texts, weighted by TF-IDF, and the ten leading singular directions of the matrix of texts
    and words (Deerwester et al. 1990).

    Args:
        texts: T of them.

    Returns:
        the topics as features, named by their leading words, and values float64 ``[T, 10]``.

    Raises:
        UserError: scikit-learn is missing.
    """
    words = library("sklearn.feature_extraction.text", "scikit-learn", "ratings").TfidfVectorizer(
        stop_words="english", min_df=2
    )
    weights = words.fit_transform(texts)
    decomposition = library("sklearn.decomposition", "scikit-learn", "ratings").TruncatedSVD(
        TOPICS, algorithm="arpack", random_state=0
    )
    values = decomposition.fit_transform(weights)
    names = words.get_feature_names_out()
    topics = []
    for place, direction in enumerate(decomposition.components_):
        leading = "/".join(names[np.argsort(-direction, kind="stable")[:TOPIC_TERMS]])
        topics.append(
            number(f"topic_{place + 1}", f"about {leading}", f"not about {leading}", f"topic {leading}", digits=2)
        )
    return tuple(topics), values.round(TOPIC_DIGITS)


def _forms(source: str, text: str) -> list[float]:
    """The attributes :data:`LENGTHS` and :data:`FORMS` of a joke."""
    breaks = len(re.findall(r"<(?:p|br)\b[^>]*>", source, re.IGNORECASE))
    answer = re.search(r"\bQ\s*[.:].*\bA\s*[.:]", text) is not None
    return [len(text), len(text.split()), breaks, "?" in text, answer]


def _title(text: str) -> str:
    words = text.split()
    return " ".join(words[:TITLE_WORDS]) + (" …" if len(words) > TITLE_WORDS else "")
