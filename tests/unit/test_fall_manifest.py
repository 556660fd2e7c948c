"""The manifest of `eval falls`: what it may say, and the sentence for everything else."""

import csv
import io
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care_robot.evaluation.fall_manifest import COLUMNS, Label, ManifestError, read_manifest

HEADER = ",".join(COLUMNS)
FALL = "a/fall.mp4,fall,30.0,160,2.7,3.7,person A,fall from a chair"
ADL = 'a/sit.mp4,adl,15,90,,,group F,"walk in, sit down"'


def write(folder: Path, *lines: str, ending: str = "\n", encoding: str = "utf-8") -> Path:
    path = folder / "manifest.csv"
    path.write_bytes((ending.join(lines) + ending).encode(encoding))
    return path


def test_falls_and_activities_are_read_in_their_order(tmp_path: Path) -> None:
    fall, adl = read_manifest(write(tmp_path, HEADER, FALL, ADL), tmp_path)
    assert (fall.label, fall.fps, fall.frames, fall.fall_start_s, fall.fall_end_s) == (
        Label.FALL,
        30.0,
        160,
        2.7,
        3.7,
    )
    assert fall.path == tmp_path / "a" / "fall.mp4"
    assert (fall.group, fall.activity, fall.line) == ("person A", "fall from a chair", 2)
    assert (adl.label, adl.activity, adl.line) == (Label.ADL, "walk in, sit down", 3)
    assert math.isnan(adl.fall_start_s)


@pytest.mark.parametrize(
    ("ending", "encoding"), [("\r\n", "utf-8"), ("\n", "utf-8-sig"), ("\r\n", "utf-8-sig")]
)
def test_files_of_spreadsheets_are_read(tmp_path: Path, ending: str, encoding: str) -> None:
    path = write(tmp_path, HEADER, FALL, "", ADL, ending=ending, encoding=encoding)
    assert [clip.file for clip in read_manifest(path, tmp_path)] == ["a/fall.mp4", "a/sit.mp4"]


def test_more_columns_in_another_order_do_not_matter(tmp_path: Path) -> None:
    more = [f"extra{n}" for n in range(3000)]
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow([*more, *reversed(COLUMNS)])
    table.writerow([*("x" for _ in more), *reversed(FALL.split(","))])
    (clip,) = read_manifest(write(tmp_path, text.getvalue()), tmp_path)
    assert (clip.file, clip.activity) == ("a/fall.mp4", "fall from a chair")


def changed(column: str, entry: str) -> str:
    entries = FALL.split(",")
    entries[COLUMNS.index(column)] = entry
    return ",".join(entries)


@pytest.mark.parametrize(
    ("column", "entry", "wanted"),
    [
        ("file", "", "path"),
        ("file", "/etc/passwd", "path"),
        ("file", "a/../../secret.mp4", "path"),
        ("label", "tumble", "fall or adl"),
        ("label", "", "fall or adl"),
        ("fps", "0", "number from"),
        ("fps", "-30", "number from"),
        ("fps", "nan", "number from"),
        ("fps", "inf", "number from"),
        ("fps", "thirty", "number from"),
        ("fps", "1e9", "number from"),
        ("frames", "nan", "number from"),
        ("frames", "0", "number from"),
        ("frames", "1.5", "whole number"),
        ("fall_start_s", "", "number from"),
        ("fall_start_s", "-1", "number from"),
        ("fall_start_s", "nan", "number from"),
        ("fall_end_s", "2.6", "not before fall_start_s"),
        ("fall_end_s", "inf", "number from"),
    ],
)
def test_a_wrong_entry_is_named_by_line_and_column(
    tmp_path: Path, column: str, entry: str, wanted: str
) -> None:
    path = write(tmp_path, HEADER, ADL, changed(column, entry))
    with pytest.raises(ManifestError, match=rf"Line 3 of .*, column {column}: .*{wanted}"):
        read_manifest(path, tmp_path)


def test_the_line_is_right_after_an_entry_of_two_lines(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, ADL.replace(", sit", "\nsit"), changed("fps", "x"))
    with pytest.raises(ManifestError, match="Line 4 "):
        read_manifest(path, tmp_path)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([HEADER.replace(",fps", ""), FALL], "Line 1 .* lacks the column fps"),
        (["x,y", "1,2"], "lacks the columns file, label"),
        ([HEADER + ",fps", FALL + ",3"], "names the column fps twice"),
        ([HEADER, FALL + ",more"], "Line 2 .* has 9 entries, the header 8: quote"),
        ([HEADER, "a.mp4,fall"], "has 2 entries"),
        ([HEADER, FALL, ADL, FALL], "Line 4 .*column file: a/fall.mp4 already stands in line 2"),
        ([HEADER], "lists no clip"),
        ([""], "Line 1 .* lacks"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, lines: list[str], wanted: str) -> None:
    with pytest.raises(ManifestError, match=wanted):
        read_manifest(write(tmp_path, *lines), tmp_path)


def test_an_endless_entry_is_not_repeated_to_the_reader(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as refused:
        read_manifest(write(tmp_path, HEADER, changed("label", "x" * 100_000)), tmp_path)
    assert len(str(refused.value)) < 1000


def test_what_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, FALL, encoding="utf-16")
    with pytest.raises(ManifestError, match="UTF-8"):
        read_manifest(path, tmp_path)
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv", tmp_path)
    with pytest.raises(ManifestError, match="cannot be read"):
        read_manifest(tmp_path, tmp_path)
    with pytest.raises(ManifestError, match="--root"):
        read_manifest(path, tmp_path / "none")


def test_an_entry_cannot_move_the_cursor_of_a_terminal(tmp_path: Path) -> None:
    (clip,) = read_manifest(write(tmp_path, HEADER, changed("activity", "sits\x1b[2J down")), tmp_path)
    assert clip.activity == "sits [2J down"


@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=10), max_size=5))
def test_any_table_is_read_or_refused_with_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("manifest")
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path = folder / "manifest.csv"
    path.write_bytes((HEADER + "\n" + text.getvalue()).encode("utf-8", "surrogatepass"))
    refused = ""
    clips = []
    try:
        clips = read_manifest(path, folder)
    except ManifestError as error:
        refused = str(error)
    assert refused.endswith(".") if refused else all(0.0 < clip.fps < 1000.0 for clip in clips)
