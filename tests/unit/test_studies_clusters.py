"""Do items that depend on each other count as one, in what is planned, exchanged, tested and said?"""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from tiny_models import tiny_folder, tiny_network
from toy_tokenizer import byte_level

from aetia.contrasts import AlignedContrast, find_set, read_contrasts
from aetia.errors import ContrastError, StudyError
from aetia.runs.keys import key_of
from aetia.studies import Null, drawn, null_of
from aetia.studies.clusters import check_clusters, clusters_of, counted
from aetia.studies.nulls import SYSTEM_NULLS
from aetia.studies.records import content_of
from aetia.tracing import TraceStudy
from aetia.tracing.instrument import Trace

STUDY = TraceStudy(contrasts="given", sites=("mlp_out",), positions="joint")


def item(number: int) -> AlignedContrast:
    clean, corrupted = (number, 20, 21, 22), (number + 40, 20, 21, 22)
    texts = tuple("abcd")
    labels = (60 + number,), (80 - number,)
    return AlignedContrast(f"i{number}", "", "", "", "", clean, corrupted, texts, texts, *labels, {"last": (3, 4)})


def families(count, each=2):
    """Items in clusters: those of one share their clean prompt, and their labels differ."""
    return tuple(
        replace(item(number), id=f"i{number}-{turn}", cluster=f"c{number}", foil_ids=(30 + turn,))
        for turn in range(each)
        for number in range(3, 3 + count)
    )


def test_items_of_one_prompt_without_a_common_cluster_are_one_clear_line():
    one, other = item(3), replace(item(3), id="again", corrupted_ids=(9, 20, 21, 22))
    with pytest.raises(StudyError) as caught:
        check_clusters([item(4), one, other])
    assert caught.value.code == "AE-1604"
    assert "The items i3 and again have the same clean prompt" in caught.value.found
    assert "`cluster`" in caught.value.mend
    with pytest.raises(StudyError):
        check_clusters([replace(one, cluster="a"), replace(other, cluster="b")])
    check_clusters([replace(one, cluster="a"), replace(other, cluster="a")])
    check_clusters([item(3), item(4)])


def test_a_cluster_is_counted_once_and_an_item_that_is_called_like_it_is_not_in_it():
    items = [*families(2), replace(item(9), id="c3")]
    assert clusters_of(items) == [[0, 2], [1, 3], [4]]
    assert counted(items) == "3 clusters of items"
    assert counted(items, 1) == "1 cluster of items"
    assert (counted([item(3)]), counted([item(3), item(4)])) == ("1 item", "2 items")


def test_clusters_exchange_their_prompts_as_wholes():
    items = families(7)
    _, permuted = drawn(Null("permuted-pairs", 19), 2, STUDY, tiny_network("llama"), items)
    given = {}
    for old, new in zip(items, permuted, strict=True):
        assert new.clean_ids != old.clean_ids
        given.setdefault(old.cluster, set()).add(new.clean_ids)
    assert [len(prompts) for prompts in given.values()] == [1] * 7


def test_clusters_too_few_for_the_level_are_said_to_be_clusters():
    labels = STUDY.model_copy(update={"null": "label-permutation"})
    with pytest.raises(StudyError) as caught:
        null_of(labels, families(2), SYSTEM_NULLS, comparisons=9)
    assert caught.value.code == "AE-1602"
    assert caught.value.found.startswith("Answers and foils of 2 clusters of items trade places in 3 ways at most")
    assert null_of(STUDY, families(12), SYSTEM_NULLS, comparisons=9) is None
    assert null_of(STUDY, families(20), SYSTEM_NULLS, comparisons=9) == Null("label-permutation", 39)
    with pytest.raises(StudyError, match="Only 5 clusters of items"):
        drawn(Null("permuted-pairs", 19), 0, STUDY, tiny_network("llama"), families(5))


def test_a_study_of_clusters_is_that_of_one_item_each_where_a_clusters_items_are_the_same():
    """Every item twice, which says nothing new, changes no number if the two are a cluster."""
    once = tuple(item(number) for number in range(3, 25))
    twice = tuple(replace(one, id=f"{one.id}{turn}", cluster=one.id) for turn in ("a", "b") for one in once)
    study = STUDY.model_copy(update={"null": "label-permutation"})
    alone, clustered = (Trace().run_on(study, tiny_network("llama"), items) for items in (once, twice))
    assert clustered.provenance["clusters"] == "22"
    assert "clusters" not in alone.provenance
    for row, known in zip(clustered.table.to_pylist(), alone.table.to_pylist(), strict=True):
        assert {name: row[name] for name in ("n", "null", "component", "layer")} == {
            name: known[name] for name in ("n", "null", "component", "layer")
        }
        # A share of clusters has fewer items behind it than there are, and a wider interval than theirs alone.
        bounds = () if row["unit"] == "proportion" else ("low", "high")
        for name in ("estimate", *bounds, "p", "q"):
            assert row[name] == (None if known[name] is None else pytest.approx(known[name], abs=1e-4))


def test_a_cluster_is_part_of_what_determines_a_value():
    assert key_of(content_of(item(3))) != key_of(content_of(replace(item(3), cluster="a")))


@pytest.mark.parametrize(("cluster", "known"), [("france", "france"), (7, "7"), (None, "")])
def test_a_file_says_the_cluster(tmp_path, cluster, known):
    path = tmp_path / "own.jsonl"
    row = {"clean": "The capital of France is", "corrupted": "The capital of Italy is"}
    path.write_text(json.dumps({**row, "answer": " Paris", "foil": " Rome", "cluster": cluster}))
    assert [contrast.cluster for contrast in read_contrasts(path)] == [known]
    table = tmp_path / "own.csv"
    table.write_text(f"clean,corrupted,answer,foil,cluster\n{row['clean']},{row['corrupted']}, Paris, Rome,{known}\n")
    assert [contrast.cluster for contrast in read_contrasts(table)] == [known]


@pytest.mark.parametrize("cluster", ["", " ", True, 1.5, ["a"]])
def test_a_cluster_that_is_no_name_is_one_clear_line(tmp_path, cluster):
    path = tmp_path / "own.jsonl"
    row = {"clean": "a b", "corrupted": "a c", "answer": " x", "foil": " y", "cluster": cluster}
    path.write_text(json.dumps(row))
    with pytest.raises(ContrastError, match="line 1: its cluster is") as caught:
        read_contrasts(path)
    assert caught.value.code == "AE-2106"


@pytest.mark.parametrize("name", ["capitals", "greater-than", "pronouns"])
def test_a_set_repeats_no_prompt_before_all_have_come_and_then_says_the_cluster(name):
    one = find_set(name)
    prompts = [contrast.clean for contrast in one.generate(1)]
    distinct = len(set(prompts))
    assert len(set(prompts[:distinct])) == distinct
    few, every = (one.draw(byte_level(), count, seed=1, continuation=True).items for count in (20, None))
    assert [item.cluster for item in few] == [""] * len(few)
    assert [item.id for item in every[: len(few)]] == [item.id for item in few]
    repeated = len({item.clean for item in every}) < len(every)
    assert [item.cluster for item in every] == [item.clean if repeated else "" for item in every]
    check_clusters(every)


def test_the_shell_says_which_items_share_a_prompt_and_how_many_clusters_there_are(tmp_path):
    folder = tiny_folder(tmp_path)
    own = folder / "own.jsonl"
    rows = [json.loads(line) for line in own.read_text().split("\n")]
    rows[7]["clean"] = rows[2]["clean"]

    def shell(*arguments):
        own.write_text("\n".join(json.dumps(row) for row in rows))
        code = "from aetia.cli import main; main()"
        command = [sys.executable, "-c", code, "trace", "--model", str(folder), "--contrasts", str(own), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    refused = shell("--dry-run")
    assert refused.returncode != 0
    assert "AE-1604 The items line-3 and line-8 have the same clean prompt" in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr
    for row in rows:
        row["cluster"] = row["clean"]
    planned = shell("--dry-run", "--json")
    assert planned.returncode == 0, planned.stderr
    assert "24 items in 23 clusters; the items of a cluster count as one." in json.loads(planned.stdout)["notes"]
