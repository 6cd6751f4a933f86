"""What does a centre-embedded sentence say: who did what to whom, in words that can be asked back?

`The dog that the mailman startled barked` says that the mailman startled the dog, and that the dog barked: the last
noun's verb comes first.
"""

import re
from dataclasses import dataclass

__all__ = ["Deed", "base_of", "deeds_of", "gerund_of", "is_past", "participle_base"]


def _pairs(text: str) -> dict[str, str]:
    pairs = (pair.partition(":") for pair in text.split())
    return {past: base for past, _, base in pairs}


_IRREGULAR = _pairs(
    "ran:run caught:catch swam:swim flew:fly cast:cast froze:freeze fled:flee hit:hit spun:spin cut:cut taught:teach "
    "hid:hide dove:dive saw:see fed:feed rode:ride fell:fall sent:send sold:sell found:find knew:know left:leave "
    "led:lead bit:bite ate:eat got:get took:take woke:wake lost:lose stung:sting smelt:smell overtook:overtake "
    "heard:hear slid:slide shot:shoot sang:sing rang:ring spat:spit read:read swept:sweep shook:shake pet:pet "
    "sped:speed stood:stand won:win drew:draw wrote:write gave:give blew:blow bred:breed went:go made:make was:be "
    "kept:keep told:tell met:meet held:hold threw:throw broke:break chose:choose hung:hang sank:sink struck:strike "
    "dug:dig drove:drive built:build brought:bring bought:buy fought:fight thought:think grew:grow leapt:leap "
    "wept:weep slept:sleep crept:creep wore:wear tore:tear swore:swear stole:steal spoke:speak sat:sit set:set "
    "lay:lie lit:light bent:bend burst:burst clung:cling came:come became:become began:begin drank:drink "
    "forgot:forget paid:pay said:say sought:seek swung:swing hurt:hurt put:put let:let shut:shut split:split "
    "lane-split:lane-split"
)
_PARTICIPLES = _pairs(
    "seen:see eaten:eat bitten:bite ridden:ride taken:take known:know shaken:shake chosen:choose driven:drive "
    "run:run swum:swim flown:fly frozen:freeze hidden:hide overtaken:overtake sung:sing rung:ring ringed:ring "
    "spat:spit drawn:draw written:write given:give blown:blow thrown:throw broken:break woken:wake gotten:get"
)
_REGULAR = _pairs(
    "taxied:taxi wheelied:wheelie died:die purred:purr patrolled:patrol expelled:expel squealed:squeal created:create "
    "examined:examine echolocated:echolocate adored:adore ignored:ignore captured:capture pictured:picture "
    "mimicked:mimic panicked:panic released:release retreated:retreat quieted:quiet targeted:target edited:edit "
    "apprehended:apprehend treated:treat seated:seat visited:visit cornered:corner petted:pet pressured:pressure "
    "guided:guide presided:preside pedaled:pedal gaveled:gavel subpoenaed:subpoena baaed:baa mooed:moo "
    "rehearsed:rehearse escaped:escape startled:startle confused:confuse advised:advise admired:admire "
    "hypnotized:hypnotize documented:document piloted:pilot orbited:orbit trumpeted:trumpet steamed:steam "
    "interrogated:interrogate disciplined:discipline amused:amuse prepared:prepare triaged:triage scavenged:scavenge "
    "managed:manage bandaged:bandage transcribed:transcribe prescribed:prescribe inspired:inspire shadowed:shadow "
    "assured:assure overruled:overrule jackknifed:jackknife evaded:evade "
    "eyed:eye sutured:suture lectured:lecture inquired:inquire supervised:supervise"
)
_GERUNDS = {
    "run": "running",
    "swim": "swimming",
    "hit": "hitting",
    "cut": "cutting",
    "spin": "spinning",
    "get": "getting",
    "pet": "petting",
    "spit": "spitting",
    "sit": "sitting",
    "win": "winning",
    "dig": "digging",
    "split": "splitting",
    "lane-split": "lane-splitting",
    "shut": "shutting",
    "put": "putting",
    "let": "letting",
    "set": "setting",
    "be": "being",
    "see": "seeing",
    "eye": "eyeing",
    "wheelie": "doing a wheelie",
    "flee": "fleeing",
}
_NO_VERB = frozenset({"bed", "seed", "weed", "shed", "red", "sled", "feed", "steed", "seaweed"})
_DOUBLED = re.compile(r"([bdgkmnprt])\1$")
_WANTS_E = re.compile(
    r"(?:[uvc]|[^z]z|[^s]s|[dnr]g|[aeiou]g|[bcdfgkptz]l|[^aeo]at|(?:^|[^aeiou])[aeiouy][bdfgklmnprtsz]|[^aeiou]ir)$"
)
_VOWELS = re.compile(r"[aeiouy]+")


@dataclass(frozen=True)
class Deed:
    """What one being of a sentence did.

    Args:
        who: The being.
        past: What it did, as in `startled` or `barked at`.
        whom: To whom; empty for the outermost being, whose deed is done to nobody.
    """

    who: str
    past: str
    whom: str

    def told(self, form: str) -> str:
        """The deed in the form `past`, `base` or `gerund`, with whom it was done to."""
        head, _, rest = self.past.partition(" ")
        verb = {"past": head, "base": base_of(head), "gerund": gerund_of(head)}[form]
        whom = f"the {self.whom}" if self.whom else ""
        apart = rest == "out" or rest.startswith("with ") or (form == "base" and rest.startswith("in "))
        parts = (verb, whom, rest) if apart else (verb, rest, whom)
        return " ".join(part for part in parts if part)


def base_of(past: str) -> str:
    """The plain form of a verb's past, as in `startle` of `startled`."""
    known = _IRREGULAR.get(past) or _REGULAR.get(past)
    if known or not past.endswith("ed"):
        return known or past
    front, dash, last = past.rpartition("-")
    if dash:
        return f"{front}-{base_of(last)}"
    stem = past[:-2]
    if stem.endswith("i"):
        return f"{stem[:-1]}y"
    return stem[:-1] if _DOUBLED.search(stem) else f"{stem}{'e' * _wants_e(stem)}"


def _wants_e(stem: str) -> bool:
    is_short = len(_VOWELS.findall(stem)) == 1
    is_plain = re.search(r"[aeiou][bdfklmnprt]$", stem) is not None and not stem.endswith("at")
    return _WANTS_E.search(stem) is not None and (is_short or not is_plain)


def gerund_of(past: str) -> str:
    """The form in -ing of a verb's past, as in `startling` of `startled`."""
    base = base_of(past)
    if base in _GERUNDS:
        return _GERUNDS[base]
    if past.endswith("ed") and past not in _IRREGULAR and not past.endswith("ied"):
        return f"{past[:-2]}ing"
    if base.endswith("ie"):
        return f"{base[:-2]}ying"
    return f"{base[:-1]}ing" if base.endswith("e") else f"{base}ing"


def is_past(word: str) -> bool:
    """Whether a verb's form is its past and not its plain form too, as `hit` is both."""
    plain = word in _IRREGULAR.values() or word in _NO_VERB
    return not plain and (word in _IRREGULAR or word.endswith("ed"))


def participle_base(word: str) -> str:
    """The plain form of a participle, as in `eat` of `eaten`."""
    return _PARTICIPLES.get(word) or base_of(word)


def deeds_of(sentence: str) -> tuple[Deed, ...]:
    """What each being did, the outermost first.

    Raises:
        ValueError: The sentence is not of this form, with the reason.
    """
    clauses = sentence.strip().rstrip(".").split(" that ")
    words = clauses[-1].split()
    starts = _verbs(words)
    if len(starts) != len(clauses):
        raise ValueError(f"the sentence has {len(clauses)} beings and {len(starts)} verbs")
    nouns = [*(_noun(clause) for clause in clauses[:-1]), _noun(" ".join(words[: starts[0]]))]
    if not all(nouns) or len(set(nouns)) < len(nouns):
        raise ValueError("the sentence does not name each being once")
    ends = [*starts[1:], len(words)]
    phrases = [" ".join(words[start:end]) for start, end in zip(starts, ends, strict=True)][::-1]
    whom = ["", *nouns[:-1]]
    return tuple(Deed(who, past, other) for who, past, other in zip(nouns, phrases, whom, strict=True))


def _noun(clause: str) -> str:
    article, _, noun = clause.strip().partition(" ")
    return noun if article.casefold() in {"the", "a", "an"} else ""


def _verbs(words: list[str]) -> list[int]:
    """Where the verbs begin; the word after `was` belongs to it."""
    starts: list[int] = []
    for place, word in enumerate(words):
        is_past = word in _IRREGULAR or (word.endswith("ed") and word not in _NO_VERB)
        if is_past and not (place and words[place - 1] == "was"):
            starts.append(place)
    return starts
