"""How are many replies written at once, each as if it were the only one?

A reply has a slot: room for the keys and values of its prompt and of what is written. The replies that are being
written take one step together; where one ends, the next prompt takes its slot. A step reads what a reply is likely to
say again, too, so that a reply which repeats itself takes several tokens a step.

Letters: n replies being written, R tokens that a step reads, H heads, K key/value heads, d head width, L what a row may
read at most, in tokens, V vocabulary.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import torch
from torch import Tensor

from aetia.evals.answerers.local_drafts import Draft, Said
from aetia.evals.answerers.local_edits import Edits, Rows, edited_run
from aetia.evals.answerers.local_reader import KeyValues, Placed, additive, attended, forward, logits, read
from aetia.evals.answerers.local_scoring import Budget, planted_units
from aetia.evals.answerers.local_trees import Line, Tree, planted, tree_of
from aetia.models.attention import AttentionCall, handled_attention, weights_attention
from aetia.models.network import Network

__all__ = ["Prompted", "Speaker", "Written", "writings"]

_TOGETHER = 8  # replies in one call of attention: their lengths, and how much of each is read, differ
_LIKE = 8  # times as long, and a reply is no longer of like length: its slot would mostly stand empty


@dataclass(frozen=True)
class Prompted:
    """What a reply is to be written to.

    Args:
        prompt: Its tokens.
        most: The most tokens of the reply, at least 1.
        stop: Texts that end it.
        temperature: 0 takes the likeliest token.
        seed: Of a sampled reply.
    """

    prompt: tuple[int, ...]
    most: int
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int = 0

    @property
    def room(self) -> int:
        """The most tokens that are ever kept of it."""
        return len(self.prompt) + self.most


@dataclass(frozen=True)
class Written:
    """A reply: its text, how many tokens were written, and whether it ended by itself."""

    text: str
    tokens: int
    is_ended: bool


@dataclass(frozen=True, eq=False)
class Speaker:
    """What is needed of a model to write.

    Args:
        network: The network.
        edits: What is done to it.
        ends: The tokens that end a reply.
        decode: The text of tokens.
        tie: Two tokens whose logits are closer than this are compared again in a run of that reply alone.
    """

    network: Network
    edits: Edits
    ends: frozenset[int]
    decode: Callable[[Sequence[int]], str]
    tie: float


@dataclass(eq=False)
class _Reply:
    """A reply being written; `kept` of its tokens, prompt included, have keys and values."""

    owner: int
    asked: Prompted
    kept: int
    random: Random
    draft: Draft
    tokens: list[int] = field(default_factory=list)
    written: Written | None = None

    def newest(self) -> list[int]:
        """What the next step reads: the last token, and a guess of those after it that leaves one to be written."""
        return [self.tokens[-1], *self.draft.guess(self.asked.most - len(self.tokens) - 1)]


def writings(speaker: Speaker, asked: Mapping[int, Prompted], budget: Budget) -> Iterator[tuple[int, Written]]:
    """Yields each reply with the request's number, as soon as it is written.

    Replies of like length are written together; so are those of the ways in which one item is asked, which begin alike
    and may take a few tokens or hundreds. At temperature 0 a reply depends on no other one: where rounding could
    decide between two tokens, they are compared in a run of their own.
    """
    waiting = sorted(asked, key=lambda owner: -asked[owner].room)
    while waiting:
        room = asked[waiting[0]].room
        count = sum(_LIKE * asked[owner].room > room for owner in waiting)
        wave, waiting = waiting[:count], waiting[count:]
        slots = max(1, min(budget.parallel, budget.kept // (room * _bytes(speaker.network)), count))
        yield from _wave(speaker, {owner: asked[owner] for owner in wave}, _Slots(speaker, slots, room), budget)


def _bytes(network: Network) -> int:
    """Of the keys and values of one token."""
    heads = network.heads
    return 2 * len(network.blocks) * heads.key_value * heads.width * network.dtype.itemsize


def _wave(
    speaker: Speaker, asked: Mapping[int, Prompted], slots: "_Slots", budget: Budget
) -> Iterator[tuple[int, Written]]:
    lines = [Line(one.prompt, len(one.prompt) - 1, owner) for owner, one in asked.items()]
    # Prompts are let in when a quarter of the slots is free: any tree then finds its place.
    most = max(1, slots.count // 4)
    shares = not speaker.edits.depends_on_prompt
    forests = planted(lines, rows=budget.rows, saved=budget.saved, shares=shares, most=most)
    units = planted_units(speaker.network, forests, speaker.edits)
    is_open = True
    while is_open or slots.replies:
        free = slots.count - len(slots.replies)
        if is_open and (not slots.replies or 4 * free >= slots.count):
            units_now, is_open = _admitted(units, free, most, budget.rows)
            slots.admit(units_now, asked)
        else:
            slots.step()
        yield from slots.ended()


def _admitted(
    units: Iterator[tuple[Tree, KeyValues | None]], free: int, most: int, rows: int
) -> tuple[list[tuple[Tree, KeyValues | None]], bool]:
    """The next trees, of `most` prompts each at most, for `free` slots and about `rows` tokens; and are there more?"""
    found: list[tuple[Tree, KeyValues | None]] = []
    size = 0
    while free >= most and size < rows:
        unit = next(units, None)
        if unit is None:
            return found, False
        found.append(unit)
        free -= len(unit[0].lines)
        size += len(unit[0].tokens)
    return found, True


class _Slots:
    """The replies being written: the first `len(replies)` of `count` slots are theirs, in that order."""

    def __init__(self, speaker: Speaker, count: int, room: int) -> None:
        network = speaker.network
        heads = network.heads
        # One place more: a full reply's last token is never read, but a step may write there.
        shape = (count, heads.key_value, room + 1, heads.width)
        kept = {"dtype": network.dtype, "device": network.device}
        self.keys = [torch.zeros(shape, **kept) for _ in network.blocks]
        self.values = [torch.zeros(shape, **kept) for _ in network.blocks]
        self.speaker, self.count = speaker, count
        self.replies: list[_Reply] = []
        self.said: Said = {}

    def admit(self, units: Sequence[tuple[Tree, KeyValues | None]], asked: Mapping[int, Prompted]) -> None:
        """Reads prompts, keeps their keys and values, and writes the first token of each reply."""
        placed: list[Placed] = []
        row = 0
        for tree, stem in units:
            placed.append(Placed(tree, stem, row, len(tree.lines[0].tokens)))
            row += len(tree.tokens)
        if not placed:
            return
        hidden, kept = read(self.speaker.network, placed, self.speaker.edits, keeps=True)
        wanted = [one.row + row for one in placed for row in one.tree.wanted]
        ends = []
        for one in placed:
            for line, path in zip(one.tree.lines, one.tree.paths, strict=True):
                self._keep(kept, one, [one.row + row for row in path])
                ends.append(wanted.index(one.row + path[-1]))
                prompt = asked[line.owner]
                random, draft = Random(f"{prompt.seed}"), Draft(prompt.prompt, self.said)
                self.replies.append(_Reply(line.owner, prompt, len(prompt.prompt), random, draft))
        self._say(self.replies[-len(ends) :], [[]] * len(ends), hidden[ends])

    def _keep(self, kept: Mapping[int, tuple[Tensor, Tensor]], one: Placed, rows: Sequence[int]) -> None:
        """Puts the keys and values of a prompt, its stem's and those of its own rows, into the next slot."""
        slot, start = len(self.replies), one.tree.stem
        own = slice(start, start + len(rows))
        for layer, (keys, values) in kept.items():
            if one.stem is not None:
                self.keys[layer][slot, :, :start] = one.stem.keys[layer][0, :, :start]
                self.values[layer][slot, :, :start] = one.stem.values[layer][0, :, :start]
            self.keys[layer][slot, :, own] = keys[0, :, rows]
            self.values[layer][slot, :, own] = values[0, :, rows]

    @torch.inference_mode()
    def step(self) -> None:
        """Reads the last token of each reply, with what is guessed to come after it, and writes what comes."""
        network, edits = self.speaker.network, self.speaker.edits.lasting
        read = [reply.newest() for reply in self.replies]
        starts = [reply.kept for reply in self.replies]
        attention = _SlotAttention(network, self, starts, [len(tokens) for tokens in read], edits)
        positions = [start + place for start, tokens in zip(starts, read, strict=True) for place in range(len(tokens))]
        tokens = [token for some in read for token in some]
        rows = Rows(tuple(positions), (), 0, 1, 0)
        with edited_run(network, edits, [rows]), handled_attention(network.config, attention):
            hidden = forward(network, tokens, positions, range(len(tokens)))
        for reply in self.replies:
            reply.kept += 1
        self._say(self.replies, [tokens[1:] for tokens in read], hidden)

    @torch.inference_mode()
    def _say(self, replies: Sequence[_Reply], guesses: Sequence[Sequence[int]], hidden: Tensor) -> None:
        """Writes the next token of each reply, and as many more as were guessed right.

        The rows of `hidden` are those of the replies in turn: after the last token, and after each that was guessed.
        """
        likely = logits(self.speaker.network, hidden)
        best, tokens = (part.tolist() for part in likely.topk(2))
        row = 0
        for reply, guess in zip(replies, guesses, strict=True):
            right = 0
            for place in range(row, row + len(guess) + 1):
                if reply.asked.temperature > 0:
                    token = _drawn(likely[place], reply)
                elif best[place][0] - best[place][1] < self.speaker.tie:
                    token = _likeliest_alone(self.speaker, reply)
                else:
                    token = tokens[place][0]
                reply.tokens.append(token)
                reply.draft.add(token)
                reply.written = _written(self.speaker, reply)
                if reply.written or right == len(guess) or token != guess[right]:
                    break
                right += 1
            reply.kept += right
            reply.draft.told(len(guess), right)
            row += len(guess) + 1

    def ended(self) -> Iterator[tuple[int, Written]]:
        """Yields the replies that have ended and gives their slots away."""
        for slot in reversed(range(len(self.replies))):
            written = self.replies[slot].written
            if written is None:
                continue
            owner = self.replies[slot].owner
            last = self.replies.pop()
            if slot < len(self.replies):
                self.replies[slot] = last
                for tensor in (*self.keys, *self.values):
                    tensor[slot, :, : last.kept] = tensor[len(self.replies), :, : last.kept]
            yield owner, written


def _written(speaker: Speaker, reply: _Reply) -> Written | None:
    """The reply if it has ended."""
    count = len(reply.tokens)
    if reply.tokens[-1] in speaker.ends:
        return Written(speaker.decode(reply.tokens[:-1]), count, is_ended=True)
    if reply.asked.stop:
        text = speaker.decode(reply.tokens)
        places = [place for place in map(text.find, reply.asked.stop) if place >= 0]
        if places:
            return Written(text[: min(places)], count, is_ended=True)
    if count >= reply.asked.most:
        return Written(speaker.decode(reply.tokens), count, is_ended=False)
    return None


def _drawn(likely: Tensor, reply: _Reply) -> int:
    """A token drawn at the reply's temperature, by the reply's own numbers."""
    shares = (likely.double() / reply.asked.temperature).softmax(-1).cumsum(-1)
    point = torch.tensor(reply.random.random() * float(shares[-1]), dtype=shares.dtype, device=shares.device)
    return min(int(torch.searchsorted(shares, point, right=True)), len(shares) - 1)


def _likeliest_alone(speaker: Speaker, reply: _Reply) -> int:
    tokens = (*reply.asked.prompt, *reply.tokens)
    tree = tree_of([Line(tokens, len(tokens) - 1, 0)])
    hidden, _ = read(speaker.network, [Placed(tree, None, 0, len(reply.asked.prompt))], speaker.edits)
    return int(logits(speaker.network, hidden)[0].argmax())


@dataclass(frozen=True, eq=False)
class _Neighbours:
    """Replies in slots side by side, whose attention is one call: k of them, with m rows each.

    Args:
        slots: Their slots.
        rows: The rows of the run that each has, its last one again where it has fewer, `[k, m]`.
        is_own: Where a row is none again, `[k, m]`.
        distances: How many positions lie between a row and what it may read, `[k, m, L]`.
    """

    slots: slice
    rows: Tensor
    is_own: Tensor
    distances: Tensor

    @classmethod
    def of(cls, first: int, row: int, starts: Tensor, counts: Tensor) -> "_Neighbours":
        """Of replies from the slot `first` and the row `row`, whose `counts` rows have positions from `starts`."""
        columns = torch.arange(int(counts.max()), device=counts.device)
        places = columns.minimum(counts[:, None] - 1)
        rows = row + places + (counts.cumsum(0) - counts)[:, None]
        reach = torch.arange(int((starts + counts).max()), device=counts.device)
        distances = (starts[:, None] + places)[:, :, None] - reach
        return cls(slice(first, first + len(counts)), rows, columns < counts[:, None], distances)

    def mask(self, window: object, dtype: torch.dtype) -> Tensor:
        """What is added where each row reads, `[k, 1, m, L]`: nothing, or minus infinity where it may not."""
        reads = self.distances >= 0
        reads = reads & (self.distances < window) if isinstance(window, int) else reads
        return additive(reads, dtype)[:, None]


class _SlotAttention:
    """Attention of the newest tokens of each reply to all that is kept of it, and to those of them before."""

    def __init__(
        self, network: Network, slots: _Slots, starts: Sequence[int], counts: Sequence[int], edits: Edits
    ) -> None:
        self.network, self.slots, self.edits = network, slots, edits
        count, start = torch.tensor(counts, device=network.device), torch.tensor(starts, device=network.device)
        self.parts: list[_Neighbours] = []
        row = 0
        for first in range(0, len(counts), _TOGETHER):
            some = slice(first, first + _TOGETHER)
            self.parts.append(_Neighbours.of(first, row, start[some], count[some]))
            row += sum(counts[some])
        self.owners = torch.arange(len(counts), device=network.device).repeat_interleave(count)  # (R,)
        within = torch.arange(len(self.owners), device=network.device) - (count.cumsum(0) - count)[self.owners]
        self.kept = start[self.owners] + within  # (R,)
        self.masks: dict[object, list[Tensor]] = {}

    def __call__(self, call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        layer = self.network.attentions[call.module]
        self.slots.keys[layer][self.owners, :, self.kept] = call.key[0].transpose(0, 1)
        self.slots.values[layer][self.owners, :, self.kept] = call.value[0].transpose(0, 1)
        window = call.options.get("sliding_window")
        if window not in self.masks:
            self.masks[window] = [part.mask(window, call.query.dtype) for part in self.parts]
        found = [self._part(call, *both, layer) for both in zip(self.parts, self.masks[window], strict=True)]
        return torch.cat(found)[None], None

    def _part(self, call: AttentionCall, part: _Neighbours, mask: Tensor, layer: int) -> Tensor:
        """The heads' outputs of some replies' rows, `[rows, H, d]`."""
        reach = mask.shape[-1]
        keys, values = (kept[layer][part.slots, :, :reach] for kept in (self.slots.keys, self.slots.values))
        query = call.query[0].transpose(0, 1)[part.rows].transpose(1, 2)  # (k, H, m, d)
        some = AttentionCall(call.module, query, keys, values, mask, call.options)
        cut = self.edits.cut_places(reach, layer, query.shape[1])
        out = attended(some) if cut is None else weights_attention(some, cut.to(mask.device))[0]
        return out[part.is_own]
