"""``report.html``, read back with a parser."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from sampt.benchmarks.metrics.protocols import MEASURES
from sampt.benchmarks.running.charts import duration, encodings, percent, percent_over_seeds, ranked, stages
from sampt.benchmarks.running.published import PublishedRow, PublishedTable
from sampt.benchmarks.running.strips import StripFrame
from sampt.config import as_mapping, load_config
from sampt.errors import EvaluationError, OutputError

from .runs import frame_scores, page, record, report


def frames(name: str) -> tuple[StripFrame, ...]:
    return StripFrame("00000", True, b"first"), StripFrame("00019", False, b"last")


def test_the_run_stands_beside_the_published_rows_of_its_dataset(tmp_path: Path) -> None:
    made = page(tmp_path, report())
    assert made.row("this run") == ["75.0", "72.0", "78.0"]
    assert made.row("SAM-PT-reinit") == ["76.6 ± 0.7", "74.4 ± 0.8", "78.9 ± 0.6"]
    assert made.row("SAM-PT, MobileSAM") == ["71.07", "–", "–"]


def test_measures_with_other_spellings_meet_the_published_ones(tmp_path: Path) -> None:
    means = {"G": 0.6, "J_seen": 0.61, "J_unseen": 0.5, "F_seen": 0.7, "F_unseen": 0.59, "J&F-Mean": 0.62}
    made = page(tmp_path, report(dataset="youtubevos2018", split="valid", measures={0: means}))
    (head,) = [row for row in made.rows if row[:2] == ["method", "G"]]
    ours, theirs = (dict(zip(head[1:], made.row(name), strict=True)) for name in ("this run", "SegGPT"))
    assert (ours["J_unseen"], theirs["J_unseen"]) == ("50.0", "67.4")
    assert (ours["J&F-Mean"], theirs["J&F-Mean"]) == ("62.0", "–")


def test_seeds_are_shown_one_by_one_and_as_mean_and_standard_deviation(tmp_path: Path) -> None:
    measures = {3: {"J&F-Mean": 0.70}, 4: {"J&F-Mean": 0.72}}
    made = page(tmp_path, report(seeds=(3, 4), measures=measures))
    assert made.row("3") == ["70.0"]
    assert made.row("4") == ["72.0"]
    assert made.row("mean ± std") == ["71.0 ± 1.4"]
    assert made.row("this run")[0] == "71.0 ± 1.4"


def test_sequences_are_sorted_by_score(tmp_path: Path) -> None:
    made = page(tmp_path, report({"a": 0.5, "b": math.nan, "c": 0.934, "d": 0.0}))
    assert [row[:2] for row in made.sequences] == [["c", "93.4"], ["a", "50.0"], ["d", "0.0"], ["b", "–"]]


def test_bars_are_as_long_as_the_scores(tmp_path: Path) -> None:
    made = page(tmp_path, report({"a": 0.25, "b": 0.934}))
    assert [style for style in made.attributes("td", "style") if style] == ["--share:93.4%", "--share:25.0%"]


@pytest.mark.parametrize(("sequences", "frames", "most"), [(30, 70, 80_000), (474, 27, 400_000)])
def test_hundreds_of_sequences_with_all_frames_make_a_small_page(
    tmp_path: Path, sequences: int, frames: int, most: int
) -> None:
    """The sizes of DAVIS 2017 and YouTube-VOS 2018, with two objects in every sequence."""
    names = [f"sequence-{i:03d}" for i in range(sequences)]
    j = [[t / frames for t in range(frames)]] * 2
    records = [record(name, scores=frame_scores(name, *j)) for name in names]
    per_sequence = {name: dict.fromkeys(MEASURES, i / sequences) for i, name in enumerate(names)}
    made = page(tmp_path, report(records=records, per_sequence=per_sequence))
    assert len(made.sequences) == sequences
    assert made.sequences[0][:2] == [names[-1], f"{100 - 100 / sequences:.1f}"]
    assert len(made.source.encode()) < most


def test_best_and_worst_sequences_have_pictures_with_alternative_texts(tmp_path: Path) -> None:
    scores = {name: i / 10 for i, name in enumerate("abcdefgh")}
    made = page(tmp_path, report(scores, strip=frames))
    shown = [alt.split()[3] for alt in made.attributes("img", "alt") if alt]
    assert shown[::2] == ["h", "g", "f", "a", "b", "c"]
    assert "Frame 00019 of h with the predicted masks" in made.attributes("img", "alt")
    assert made.attributes("img", "src")[0] == "data:image/jpeg;base64,Zmlyc3Q="
    assert "frame 00000 · given" in made.text


def test_a_single_sequence_is_shown_once(tmp_path: Path) -> None:
    made = page(tmp_path, report({"only": 0.4}, strip=frames))
    assert len(made.attributes("img", "alt")) == 2
    assert "Worst sequences" not in made.text


def test_pictures_that_cannot_be_made_give_way_to_the_reason(tmp_path: Path) -> None:
    def broken(name: str) -> tuple[StripFrame, ...]:
        raise EvaluationError(f"the result {name}/00000.png is missing")

    made = page(tmp_path, report(strip=broken))
    assert "the result bear/00000.png is missing" in made.text
    assert made.row("this run")


def test_without_truth_there_is_everything_but_scores(tmp_path: Path) -> None:
    what = report(
        dataset="mose",
        split="valid",
        records=[record("a"), record("b")],
        measures={},
        per_sequence={},
        strip=frames,
    )
    made = page(tmp_path, what)
    assert "mose valid has no public annotations" in made.text
    assert [row[:2] for row in made.sequences] == [["a", "2"], ["b", "2"]]
    assert not [row for row in made.rows if row[0] == "this run"]
    assert made.row("SegGPT") == ["45.1", "42.2", "48.0"]
    assert "4.00 frames/s" in made.text
    assert len(made.attributes("img", "alt")) == 4


def test_failures_are_listed_with_their_reasons(tmp_path: Path) -> None:
    made = page(tmp_path, report(failures={"kite-surf": "00007.jpg cannot be read", "dog": "out of memory"}))
    assert made.row("kite-surf") == ["00007.jpg cannot be read"]
    assert made.row("dog") == ["out of memory"]
    assert "2 not finished" in made.text


def test_what_users_name_is_never_markup(tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>'
    what = report(
        {evil: 0.5},
        title=evil,
        run={"command": evil, evil: {evil: evil}},
        failures={evil: evil},
        strip=lambda _: (StripFrame(evil, False, b""),),
        records=[record(evil, scores=frame_scores(evil, [0.5, 0.5]))],
        per_sequence={evil: {"J&F-Mean": 0.5}},
        notes=[evil],
    )
    made = page(tmp_path, what)
    data, program = made.scripts
    assert set(json.loads(data)) == {evil}
    assert made.scripts[1:] == [program] and "alert" not in program
    assert made.text.count(evil) >= 7
    assert made.attributes("img", "alt") == [f"Frame {evil} of {evil} with the predicted masks"]


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    made = page(tmp_path, report(strip=frames))
    loading = {name: made.attributes(tag, name) for tag in ("img", "script", "iframe") for name in ("src",)}
    assert all(value is None or value.startswith("data:") for values in loading.values() for value in values)
    assert not {"link", "iframe", "object", "base"} & {tag for tag, _ in made.tags}
    assert "url(" not in made.source
    assert "@import" not in made.source
    policy = dict(zip(made.attributes("meta", "http-equiv"), made.attributes("meta", "content"), strict=True))
    allowed = str(policy["Content-Security-Policy"])
    assert allowed.startswith("default-src 'none'")
    (program,) = made.scripts
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    assert allowed.endswith(f"script-src 'sha256-{digest}'")


def test_tables_have_headers_and_sections_have_names(tmp_path: Path) -> None:
    made = page(tmp_path, report(strip=frames, failures={"a": "b"}))
    assert all(scope in ("col", "row", "rowgroup") for scope in made.attributes("th", "scope"))
    ids = {attributes["id"] for _, attributes in made.tags if "id" in attributes}
    assert set(made.attributes("section", "aria-labelledby")) <= ids
    assert made.attributes("html", "lang") == ["en"]


def test_times_are_shares_of_everything_and_the_rest_is_other(tmp_path: Path) -> None:
    made = page(tmp_path, report())
    assert made.row("track") == ["", "60 %", "6.0 s", "150.0 ms"]
    assert made.row("other") == ["", "20 %", "2.0 s", "50.0 ms"]
    said = "40 frames encoded once, and their embeddings used again 14 times (14 from main memory)."
    assert said in made.text


def test_the_configuration_and_the_run_are_told(tmp_path: Path) -> None:
    run = {
        "commit": "92f696c",
        "config": {"tracker": {"name": "pips", "options": {}}, "prompting": {"refinements": 12}},
        "checkpoints": {"sam-vit-h": "a7bf3b02"},
    }
    made = page(tmp_path, report(run=run))
    assert "tracker pips refinements 12 seed 0" in made.text
    assert made.row("commit") == ["92f696c"]
    assert made.row("tracker.options") == ["none"]
    assert made.row("sam-vit-h") == ["a7bf3b02"]


def test_frames_that_were_encoded_again_for_a_later_seed_are_counted() -> None:
    assert encodings([record("a", 0), record("a", 1, encoder={"frames": 20, "disk_hits": 1})]) == (
        "40 encodings of 20 frames, and their embeddings used again 8 times "
        "(7 from main memory, 1 from temporary files)"
    )
    assert encodings([record("a", encoder={})]) == ""


def test_scores_of_all_frames_are_embedded(tmp_path: Path) -> None:
    records = [record("bear", scores=frame_scores("bear", [0.9, 1.0])), record("camel")]
    made = page(tmp_path, report(records=records))
    data = json.loads(made.scripts[0])
    assert data == {"bear": {"frames": [1, 1, 5, 2], "objects": [[1, "p0rs", "cidw"]]}}


def test_notes_and_facts_stand_above_the_published_rows(tmp_path: Path) -> None:
    run = {"dataset": {"name": "davis2017", "split": "val", "options": {"resolution": "480p"}}, "seeds": [0]}
    note = "The paper reads Full-Resolution frames, and this run read those of 480p."
    made = page(tmp_path, report(run=run, notes=[note]))
    assert "This run: resolution 480p, 1 seed." in made.text
    assert 0 < made.text.index(note) < made.text.index("SAM-PT-reinit")


def test_the_published_row_of_the_same_setting_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The packaged file need not say yet which configuration made a row."""

    @dataclass(frozen=True)
    class Row(PublishedRow):
        setting: str | None = None

    methods = {"SAM-PT": "sam_pt", "SAM-PT-reinit": "sam_pt_reinit", "XMem": None}
    rows = tuple(Row(name, True, {"J&F": "76.3"}, setting=setting) for name, setting in methods.items())
    table = PublishedTable("a paper", "https://example.org", ("J&F",), rows)
    monkeypatch.setattr("sampt.benchmarks.running.report.published", lambda *_: (table,))
    config = {**as_mapping(load_config("sam_pt")), "device": "cuda"}  # which changes no result
    made = page(tmp_path, report(run={"task": "vos", "config": config}))
    assert made.row("SAM-PT this setting") and made.row("SAM-PT-reinit") and made.row("XMem")
    config["prompting"] = {**config["prompting"], "refinements": 3}
    other = page(tmp_path, report(run={"task": "vos", "config": config}))
    assert other.row("SAM-PT") and "this setting" not in other.text


def test_videos_are_linked_relative_to_the_page(tmp_path: Path) -> None:
    videos = {"bear": tmp_path / "overlays/bear #1.mp4"}
    made = page(tmp_path, report(overlays=videos, strip=frames))
    assert made.attributes("a", "href")[-2:] == ["overlays/bear%20%231.mp4", "#pictures-camel"]
    assert "pictures-camel" in made.attributes("div", "id")


@pytest.mark.parametrize("complete", [True, False])
def test_part_of_a_split_is_not_passed_off_as_all(tmp_path: Path, complete: bool) -> None:
    made = page(tmp_path, report(complete=complete))
    assert ("published numbers" in made.text) != complete


def test_preview_quality_is_said(tmp_path: Path) -> None:
    assert "preview" not in page(tmp_path, report()).text
    made = page(tmp_path, report({"a": 0.5}, records=[record("a", quality="preview")]))
    assert "preview" in made.text


def test_a_dataset_without_published_rows_has_its_own_numbers_only(tmp_path: Path) -> None:
    made = page(tmp_path, report(dataset="generic", split="all"))
    assert made.row("this run") == ["75.0", "72.0", "78.0"]
    assert "SAM-PT" not in made.text


def test_a_run_in_which_everything_failed_still_has_a_page(tmp_path: Path) -> None:
    what = report(records=[], measures={}, per_sequence={}, failures={"a": "no memory"}, strip=frames)
    made = page(tmp_path, what)
    assert made.row("a") == ["no memory"]
    assert "no public annotations" not in made.text


def test_a_page_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        page(tmp_path / "missing", report())


@pytest.mark.parametrize(("dataset", "split"), [("generic", "all"), ("youtubevos2018", "valid")])
def test_a_run_that_only_a_server_can_score_says_so(tmp_path: Path, dataset: str, split: str) -> None:
    """Whether there are published rows or not."""
    made = page(tmp_path, report({"a": 0.5}, dataset=dataset, split=split, measures={}, per_sequence={}))
    assert made.text.count(f"{dataset} {split} has no public annotations") == 1
    scored = page(tmp_path, report({"a": 0.5}, dataset=dataset, split=split))
    assert "no public annotations" not in scored.text


def test_per_cent() -> None:
    assert [percent(v) for v in (0.8349, -0.0001, math.nan, None)] == ["83.5", "0.0", "–", "–"]
    assert percent_over_seeds([0.5, math.nan]) == "50.0"
    assert percent_over_seeds([0.5, 0.7]) == "60.0 ± 14.1"


def test_equal_scores_are_ranked_by_name() -> None:
    assert ranked({"b": 0.5, "a": 0.5, "c": 0.6}) == ["c", "a", "b"]


def test_stages_without_a_total_are_shares_of_their_sum() -> None:
    only = stages([record("a", seconds={"track": 1.0, "prompt": 3.0})])
    assert [(s.bar.label, s.bar.share) for s in only] == [("prompt", 0.75), ("track", 0.25)]


@pytest.mark.parametrize(
    ("seconds", "text"), [(7.26, "7.3 s"), (59.97, "1 min 00 s"), (245, "4 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
