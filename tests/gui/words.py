# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests name controls by their English words; in a window that speaks another language the same controls are found by its translations."""
import functools
import gettext
import os
import pathlib
import re

PLACEHOLDER = re.compile(r"%[0-9]")


def locale_folder():
    return pathlib.Path(os.environ["PREON_SHARE"]) / "locale"


@functools.cache
def _catalogue(language):
    with open(locale_folder() / language / "LC_MESSAGES/preon.mo", "rb") as file:
        words = gettext.GNUTranslations(file)._catalog
    # A context is before the words; of plurals the first form has the words and a number.
    return {key.split("\4")[-1]: said for key, said in words.items() if key and isinstance(key, str)}


def _begins(english, shape):
    """Whether a message of that shape, where a zero byte stands for anything, may begin so. One that is nothing but placeholders is not meant."""
    if shape[0] not in ("\0", "“", english[0]):
        return False
    beginnings = (shape[:end] for end in range(1, len(shape) + 1))
    return any(re.search(r"\w", part) and re.fullmatch(re.escape(part).replace("\0", ".+"), english, re.DOTALL) for part in beginnings)


@functools.cache
def pattern(english, language):
    """Matches the beginning of a name that a control with this beginning of an English one has. What is no message (a disk's name) is the same everywhere."""
    said = [re.escape(english)]
    for words, translation in _catalogue(language).items() if language else ():
        if _begins(english, PLACEHOLDER.sub("\0", words)):
            said.append(re.escape(PLACEHOLDER.sub("\0", translation)).replace("\0", ".*"))
    return re.compile("|".join(said), re.DOTALL)


@functools.cache
def _english(language):
    """The shapes of all English words that are others in that language."""
    shapes = []
    for words, translation in _catalogue(language).items():
        pieces = PLACEHOLDER.split(words)
        # What is little more than placeholders is found in any text.
        if words != translation and re.search(r"\w{3}", "".join(pieces)):
            shapes.append(re.compile(".+".join(re.escape(piece) for piece in pieces), re.DOTALL))
    return shapes


def left_in_english(texts, language):
    """Of texts in a window those that are English words of ours, though it speaks that language."""
    said = set(_catalogue(language).values())
    return [text for text in texts if text not in said and any(shape.fullmatch(text) for shape in _english(language))]
