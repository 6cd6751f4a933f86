"""Does a local model answer as it would if each request were the only one?"""

import random
from dataclasses import replace

import pytest
import torch
from tiny_models import CONFIGS, tiny_network
from toy_tokenizer import CHAT, byte_level
from transformers import AutoModelForCausalLM, LlamaConfig

from aetia.errors import EvaluationError, SiteError, StudyError
from aetia.evals.answerers import local_generation, local_scoring
from aetia.evals.answerers.local import Budget, LocalAnswerer
from aetia.evals.answerers.local_edits import Edits, told
from aetia.evals.answerers.local_generation import Prompted, Speaker, writings
from aetia.evals.answerers.local_scoring import Scored, scores
from aetia.evals.answerers.local_text import Words
from aetia.evals.answerers.local_trees import Line, common, planted, tree_of
from aetia.evals.dialogue import Message, Request
from aetia.models import Add, Intervention, Knockout, Network, Scale, Set, Site, run_with_hooks, wrap
from aetia.models.interventions import Replace, zero

FAMILIES = [name for name in CONFIGS if name != "phi3_longrope"]
TIE = 5e-4


def prompts(count, seed=1, shared=12):
    """Token prompts that begin alike."""
    draw = random.Random(seed)
    stem = [draw.randrange(3, 90) for _ in range(shared)]
    return [tuple(stem + [draw.randrange(3, 90) for _ in range(draw.randrange(3, 9))]) for _ in range(count)]


def asked_of(count=5, options=3, seed=1):
    draw = random.Random(seed)
    found = {}
    for owner, prompt in enumerate(prompts(count, seed)):
        texts = [tuple(draw.randrange(3, 90) for _ in range(draw.randrange(1, 5))) for _ in range(options)]
        found[owner] = Scored(prompt, tuple(texts))
    return found


def plainly(network, prompt, continuation, interventions=()):
    """The log-probability of a continuation from one plain run with hooks, normalised in double precision."""
    run = run_with_hooks(network, prompt + continuation[:-1], interventions, keep=0)
    rows = run.logits[len(prompt) - 1 :].double().log_softmax(-1)
    return sum(float(rows[place, token]) for place, token in enumerate(continuation))


@pytest.mark.parametrize(
    ("family", "attention"), [*((family, None) for family in FAMILIES), ("llama", "eager"), ("gemma3", "eager")]
)
def test_scores_are_those_of_each_continuation_alone(family, attention):
    network = tiny_network(family, attention)
    asked = asked_of()
    budgets = [Budget(), Budget(saved=10), Budget(rows=20, saved=10**9)]
    found = [dict(scores(network, asked, Edits(), budget, TIE)) for budget in budgets]
    for owner, one in asked.items():
        expected = [plainly(network, one.prompt, part) for part in one.continuations]
        for values in found:
            assert values[owner] == pytest.approx(expected, abs=3e-5)


@pytest.mark.parametrize("family", ["llama", "gemma2"])
@pytest.mark.parametrize("size", [(1, 7), (3, 1), (2, 64)])
def test_scores_are_the_same_in_whatever_parts_the_logits_are_made(monkeypatch, family, size):
    network = tiny_network(family)
    asked = asked_of(count=3)
    monkeypatch.setattr(local_scoring, "_ROWS", size[0])
    monkeypatch.setattr(local_scoring, "_TOKENS", size[1])
    for owner, values in scores(network, asked, Edits(), Budget(), TIE):
        expected = [plainly(network, asked[owner].prompt, part) for part in asked[owner].continuations]
        assert values == pytest.approx(expected, abs=3e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_replies_are_those_of_the_module_itself(family):
    network = tiny_network(family)
    some = prompts(6)
    some += [some[0], some[1][:-2], (*some[1], 5), (*some[1], 5, 6)]  # twice the same, and one the beginning of others
    asked = {owner: Prompted(prompt, 3 + 20 * (owner % 2)) for owner, prompt in enumerate(some)}
    speaker = Speaker(network, Edits(), frozenset(), lambda tokens: " ".join(map(str, tokens)), TIE)
    for budget in (Budget(saved=10), Budget(parallel=2, saved=10**9), Budget(parallel=4, kept=20_000, rows=1)):
        found = dict(writings(speaker, asked, budget))
        for owner, one in asked.items():
            expected = list(one.prompt)
            for _ in range(one.most):
                expected.append(int(network.logits(expected)[-1].argmax()))
            assert found[owner].text == " ".join(map(str, expected[len(one.prompt) :]))
            assert found[owner].tokens == one.most


def test_prompts_that_begin_alike_are_read_once(monkeypatch):
    network, rows = tiny_network("llama"), []
    own = local_generation.read
    monkeypatch.setattr(
        local_generation,
        "read",
        lambda network, placed, edits, **how: (
            rows.extend(len(one.tree.tokens) for one in placed) or own(network, placed, edits, **how)
        ),
    )
    speaker = Speaker(network, Edits(), frozenset(), lambda tokens: " ".join(map(str, tokens)), 0.0)
    begun = prompts(4, shared=0)
    asked = {owner: Prompted((*begun[owner // 3], 80 + owner % 3), 2) for owner in range(12)}
    assert len(dict(writings(speaker, asked, Budget(saved=10**9)))) == 12
    assert sum(rows) == sum(map(len, begun)) + 12


def test_what_is_wanted_never_lies_in_a_stem_and_every_line_is_read_once():
    draw = random.Random(5)
    for _ in range(200):
        lines = []
        for owner in range(draw.randrange(1, 12)):
            prompt = [draw.randrange(2) for _ in range(draw.randrange(1, 9))]
            for part in range(draw.randrange(1, 4)):
                tail = [draw.randrange(2) for _ in range(draw.randrange(0, 4))]
                lines.append(Line(tuple(prompt + tail), len(prompt) - 1, owner, part))
        for shares in (True, False):
            rows, saved, most = draw.choice([0, 5, 50]), draw.randrange(1, 20), draw.choice([None, 1, 3])
            forests = list(planted(lines, rows=rows, saved=saved, shares=shares, most=most))
            assert all(len(tree.lines) <= (most or len(lines)) for forest in forests for tree in forest.trees)
            trees = [(forest, tree) for forest in forests for tree in forest.trees]
            assert sorted((line.owner, line.part) for _, tree in trees for line in tree.lines) == sorted(
                (line.owner, line.part) for line in lines
            )
            for forest, tree in trees:
                for line, path in zip(tree.lines, tree.paths, strict=True):
                    assert forest.stem + tuple(tree.tokens[row] for row in path) == line.tokens
                    assert line.first >= len(forest.stem)
                    reads = tree.ancestors()
                    for place, row in enumerate(path):
                        assert set(reads[row].nonzero()[0]) == set(path[: place + 1])
                if not shares:
                    assert not forest.stem
                    assert len({line.owner for line in tree.lines}) == 1


def test_a_stem_is_taken_where_it_saves_the_most():
    outer, inner = tuple(range(10)), tuple(range(100, 200))
    lines = [Line((*outer, *inner, owner, 7), 111, owner) for owner in range(4)]
    lines += [Line((*outer, 500 + owner, 7), 11, 10 + owner) for owner in range(3)]
    found = {forest.stem: sum(len(tree.lines) for tree in forest.trees) for forest in planted(lines, rows=0, saved=50)}
    assert found == {outer + inner: 4, (): 3}
    only = {forest.stem for forest in planted(lines[4:], rows=0, saved=20)}
    assert only == {outer}


def trees_of(lines, **limits):
    return [tree for forest in planted(lines, **limits) for tree in forest.trees]


def test_a_prompt_that_is_longer_than_a_tree_is_read_once_for_all_ways_of_asking():
    ways = [(*range(500), *ending) for ending in ((600,), (601, 602, 603), (604, 605))]
    [tree] = trees_of([Line(way, len(way) - 1, owner) for owner, way in enumerate(ways)], rows=384, saved=10**6)
    assert len(tree.tokens) == 500 + 1 + 3 + 2
    # A long stem is not a reason for large trees: what they read themselves is short.
    others = [Line((*range(900), owner, *range(40)), 940, owner) for owner in range(1000, 1060)]
    sizes = [len(tree.tokens) for tree in trees_of(others, rows=100, saved=512)]
    assert sum(sizes) == 60 * 41
    assert max(sizes) <= 100


def test_trees_share_rows_and_count_what_is_common():
    tree = tree_of([Line((1, 2, 3), 1, 0), Line((1, 2, 4, 5), 1, 0, 1)])
    assert (tree.tokens, tree.parents, tree.positions) == ((1, 2, 3, 4, 5), (-1, 0, 1, 1, 3), (0, 1, 2, 2, 3))
    assert tree.wanted == (1, 2, 3, 4)
    assert common((1, 2), (1, 2, 3)) == 2
    assert common((), (1,)) == 0


EDITS = [
    [Intervention(Site("resid_post", 1), Add(torch.linspace(-1, 1, 32)))],
    [zero(Site("z", 1, head=2, position=-1)), Intervention(Site("mlp_out", 0, position="2:4"), Scale(-1.5))],
    [Intervention(Site("resid_pre", 2, position="0:2"), Set(torch.randn(2, 32, generator=torch.manual_seed(3))))],
    [Intervention(Site("pattern", 1, position=-1), Knockout((0, 2)))],
    [Intervention(Site("pattern", 0, head=1, position="5:"), Knockout((1,))), zero(Site("embed", position=0))],
]


@pytest.mark.parametrize("edits", EDITS)
@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt2"])
def test_scores_under_interventions_are_those_of_plain_hooks(family, edits):
    network = tiny_network(family)
    asked = asked_of(3)
    found = dict(scores(network, asked, Edits(tuple(edits)), Budget(saved=10), TIE))
    unchanged = dict(scores(network, asked, Edits(), Budget(), TIE))
    for owner, one in asked.items():
        expected = []
        for part in one.continuations:
            # Hooks count positions in the whole run: name those of the prompt.
            fixed = [
                edit
                if edit.site.position == "all"
                else Intervention(edit.site.at(bounds(edit.site, len(one.prompt))), edit.operation)
                for edit in edits
            ]
            expected.append(plainly(network, one.prompt, part, fixed))
        assert found[owner] == pytest.approx(expected, abs=5e-5)
        # Gemma's windows are four tokens here, so that the end does not read the beginning.
        assert family == "gemma3" or found[owner] != pytest.approx(unchanged[owner], abs=1e-3)


def bounds(site, length):
    places = site.positions(length)
    return f"{places[0]}:{places[-1] + 1}"


@pytest.mark.parametrize("edits", [*EDITS, [Intervention(Site("pattern", 1), Knockout((1,)))]])
def test_replies_under_interventions_are_those_of_plain_hooks(edits):
    network = tiny_network("llama")
    asked = {owner: Prompted(prompt, 6) for owner, prompt in enumerate(prompts(4))}
    speaker = Speaker(network, Edits(tuple(edits)), frozenset(), lambda tokens: " ".join(map(str, tokens)), TIE)
    found = dict(writings(speaker, asked, Budget(saved=10, parallel=3)))
    for owner, one in asked.items():
        ids = list(one.prompt)
        for _ in range(one.most):
            fixed = [
                edit
                if edit.site.position == "all"
                else Intervention(edit.site.at(bounds(edit.site, len(one.prompt))), edit.operation)
                for edit in edits
            ]
            ids.append(int(run_with_hooks(network, ids, fixed).logits[-1].argmax()))
        assert found[owner].text == " ".join(map(str, ids[len(one.prompt) :]))


@pytest.fixture(scope="module")
def small() -> Network:
    """A random network that reads and writes text."""
    torch.manual_seed(7)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    module = AutoModelForCausalLM.from_config(
        LlamaConfig(vocab_size=400, num_key_value_heads=2, max_position_embeddings=64, **sizes)
    )
    for parameter in module.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return wrap(module, byte_level(CHAT))


def said(text, **told_by) -> Request:
    return Request((Message("user", text),), **told_by)


def test_a_pair_is_cut_where_the_prompt_ends_and_its_spaces_go_on(small):
    words = Words(small, "plain")
    prompt, (first, second) = words.pair(said("The capital of France is  ", continuations=("Paris", "Rome")))
    tokens = small.tokenizer("The capital of France is").input_ids
    assert list(prompt) == tokens
    assert small.tokenizer.decode(first) == "  Paris"
    assert list(prompt + second) == small.tokenizer("The capital of France is  Rome").input_ids


def test_a_dialogue_is_written_by_the_models_template_or_plainly(small):
    turns = (Message("system", "Be brief."), Message("user", "Go"))
    assert Words(small, "chat").text(turns) == "<|system|>\nBe brief.<|end|>\n<|user|>\nGo<|end|>\n<|assistant|>\n"
    assert Words(small, "plain").text(turns) == "Be brief.\nGo"


@pytest.mark.parametrize("template", ["chat", "plain"])
def test_replies_do_not_depend_on_what_else_is_asked(small, template):
    answerer = LocalAnswerer(small, template=template)
    requests = [said(f"Mary gave {n} to", continuations=(" John", " Paris", f" {n}")) for n in range(6)]
    requests += [said(f"{n} 2 3", tokens=5 + n) for n in range(6)]
    together = dict(answerer.answer(requests))
    assert sorted(together) == list(range(12))
    for place, request in enumerate(requests):
        ((_, alone),) = answerer.answer([request])
        assert replace(together[place], scores=()) == replace(alone, scores=())
        assert together[place].scores == pytest.approx(alone.scores, abs=1e-5)


def test_the_likeliest_of_equal_continuations_is_the_first(small):
    ((_, reply),) = LocalAnswerer(small).answer([said("1 2", continuations=(" 3", " 3"))])
    assert reply.text == " 3"
    assert reply.scores[0] == reply.scores[1]
    assert reply.lengths == (2, 2)  # the template's line break, and the digit with its space


def test_a_stop_text_ends_a_reply_and_is_no_part_of_it(small):
    answerer = LocalAnswerer(small, template="plain")
    ((_, whole),) = answerer.answer([said("1 2 3", tokens=8)])
    stop = whole.text[2:4]
    ((_, cut),) = answerer.answer([said("1 2 3", tokens=8, stop=(stop,))])
    assert cut.text == whole.text[: whole.text.find(stop)]
    assert (cut.finish, whole.finish) == ("stop", "length")


def test_the_models_own_end_ends_a_reply(small):
    words = Words(small, "plain")
    asked = {0: Prompted(words.prompt(said("1 2 3")), 8)}
    free = dict(writings(Speaker(small, Edits(), frozenset(), words.decode, TIE), asked, Budget()))[0]
    third = next(iter(asked[0].prompt))
    assert free.tokens == 8
    ids = list(asked[0].prompt)
    for _ in range(3):
        ids.append(int(small.logits(ids)[-1].argmax()))
    third = ids[-1]
    first = ids[len(asked[0].prompt) :].index(third)
    ended = dict(writings(Speaker(small, Edits(), frozenset([third]), words.decode, TIE), asked, Budget()))[0]
    assert ended.is_ended
    assert ended.tokens == first + 1
    assert ended.text == words.decode(ids[len(asked[0].prompt) :][:first])


def test_a_sampled_reply_depends_on_its_seed_and_on_nothing_else(small):
    answerer = LocalAnswerer(small, template="plain")
    requests = [said("1 2 3", tokens=12, temperature=1.0, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (reply.text for _, reply in sorted(answerer.answer(requests), key=lambda pair: pair[0]))
    assert first == again != other


def test_requests_that_cannot_be_answered_get_a_line_and_the_others_a_reply(small):
    requests = [said("1 " * 200), said("1", continuations=("", " 2")), said("1", tokens=0), said("1 2", tokens=3)]
    replies = dict(LocalAnswerer(small, template="plain").answer(requests))
    assert "at most 64" in replies[0].error
    assert replies[1].error == "Continuation 1 has no token of its own."
    assert replies[2].error
    assert not replies[3].error
    assert all("\n" not in reply.error for reply in replies.values())


def test_a_place_that_a_prompt_lacks_fails_that_prompt_only(small):
    far = [Intervention(Site("resid_post", 0, position=20), Scale(0.0))]
    answerer = LocalAnswerer(small, template="plain", interventions=far)
    replies = dict(answerer.answer([said("1", tokens=2), said("1 2 3 4 5 6 7 8 9 0 " * 2, tokens=2)]))
    assert "lies outside a prompt" in replies[0].error
    assert not replies[1].error


def test_the_identity_names_what_decides_replies(small):
    plain = LocalAnswerer(small, template="plain")
    assert plain.is_deterministic
    edit = Intervention(Site("resid_post", 0), Add(torch.ones(32)))
    others = [
        LocalAnswerer(small, template="chat"),
        LocalAnswerer(small, template="plain", interventions=[edit]),
        LocalAnswerer(small, template="plain", interventions=[replace(edit, operation=Add(torch.zeros(32)))]),
    ]
    assert plain.identity == LocalAnswerer(small, template="plain", budget=Budget(rows=7)).identity
    assert len({str(one.identity) for one in (plain, *others)}) == 4
    assert told(edit).startswith("L0.resid_post@all Add ")


def test_weights_and_dates_change_the_identity(small):
    before = LocalAnswerer(small).identity["weights"]
    weight = small.module.get_input_embeddings().weight
    with torch.no_grad():
        weight[0, 0] += 1
    try:
        assert LocalAnswerer(small).identity["weights"] != before
    finally:
        with torch.no_grad():
            weight[0, 0] -= 1
    dated = wrap(small.module, byte_level(CHAT + "{{ strftime_now('%d') }}"))
    assert not LocalAnswerer(dated, template="chat").is_deterministic
    assert LocalAnswerer(dated, template="plain").is_deterministic


def test_interventions_that_cannot_be_done_are_refused(small):
    def refused(site, operation):
        with pytest.raises((EvaluationError, SiteError)) as caught:
            LocalAnswerer(small, interventions=[Intervention(site, operation)])
        return caught.value.code

    assert refused(Site("resid_post", 0), Replace(lambda old: old)) == "AE-8403"
    assert refused(Site("pattern", 0), Scale(0.0)) == "AE-8404"
    assert refused(Site("resid_post", 0), Set(torch.ones(3, 32))) == "AE-8404"
    assert refused(Site("resid_post", 0, position="subject"), Scale(0.0)) == "AE-3106"
    assert refused(Site("resid_post", 9), Scale(0.0)) == "AE-3108"
    everything = [Intervention(Site("pattern", 0, position=0), Knockout((0,)))]
    with pytest.raises(EvaluationError) as caught:
        list(LocalAnswerer(small, interventions=everything).answer([said("1 2", tokens=2)]))
    assert caught.value.code == "AE-8405"


def test_networks_that_cannot_be_asked_are_refused():
    with pytest.raises(StudyError) as caught:
        LocalAnswerer(tiny_network("llama"))
    assert caught.value.code == "AE-1202"
    with pytest.raises(EvaluationError) as refused:
        LocalAnswerer(tiny_network("phi3_longrope"))
    assert refused.value.code == "AE-8401"
