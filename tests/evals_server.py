"""OpenAI-compatible servers on loopback: one that serves a network, and one that follows a script."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aetia.evals.answerers.local import LocalAnswerer
from aetia.evals.dialogue import Message, Request
from aetia.models import Network

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Sent:
    """An answer: its status, its bytes, and what is wrong with it."""

    body: bytes
    status: int = 200
    kind: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    """How many promised bytes are not sent."""


@dataclass
class Seen:
    """What a server was asked, in order, with the most that were under way at once."""

    bodies: list[dict] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    now: int = 0
    most: int = 0


@contextmanager
def serving(answer: Callable[[str, dict, int], Sent]) -> Iterator[tuple[str, Seen]]:
    """Serve `answer(path, body, number)`; gives the address and what was asked."""
    seen, lock = Seen(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(seen.bodies)
                seen.bodies.append(body)
                seen.paths.append(self.path)
                seen.keys.append(self.headers.get("Authorization", ""))
                seen.now += 1
                seen.most = max(seen.most, seen.now)
            try:
                sent = answer(self.path, body, number)
            finally:
                with lock:
                    seen.now -= 1
            self.send_response(sent.status)
            for name, value in {"Content-Type": sent.kind, **sent.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent.body) + sent.cut))
            self.end_headers()
            self.wfile.write(sent.body)
            self.close_connection = bool(sent.cut)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def said(text: str, model: str = "m", *, usage: dict[str, object] | None = None, **told_by: object) -> Sent:
    """A chat's answer."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop", **told_by}
    usage = usage or {"prompt_tokens": 10, "completion_tokens": 5}
    return Sent(json.dumps({"model": model, "choices": [choice], "usage": usage}).encode())


def of_network(network: Network, name: str) -> Callable[[str, dict, int], Sent]:
    """Serve chats, completions and echoed prompts of a network."""
    chat, plain = (LocalAnswerer(network, template=template) for template in ("chat", "plain"))
    turn = threading.Lock()

    def answer(path: str, body: dict, _: int) -> Sent:
        with turn:
            if body.get("echo"):
                return _echoed(network, body["prompt"], name)
            if path.endswith("/chat/completions"):
                messages = tuple(Message(one["role"], one["content"]) for one in body["messages"])
            else:
                messages = (Message("user", body["prompt"]),)
            stop = tuple(body.get("stop", ()))
            request = Request(messages, body["max_tokens"], stop=stop, temperature=body["temperature"])
            ((_, reply),) = (chat if "messages" in body else plain).answer([request])
        choice = {"finish_reason": reply.finish, "text": reply.text, "message": {"content": reply.text}}
        usage = {"prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.tokens}
        return Sent(json.dumps({"model": name, "choices": [choice], "usage": usage}).encode())

    return answer


def _echoed(network: Network, prompt: str, name: str) -> Sent:
    assert network.tokenizer is not None
    coded = network.tokenizer(prompt, return_offsets_mapping=True)
    ids = coded["input_ids"]
    rows = network.logits(ids).double().log_softmax(-1)
    values = [None, *(float(rows[place, token]) for place, token in enumerate(ids[1:]))]
    told = {
        "tokens": [prompt[start:stop] for start, stop in coded["offset_mapping"]],
        "token_logprobs": values,
        "text_offset": [start for start, _ in coded["offset_mapping"]],
    }
    return Sent(json.dumps({"model": name, "choices": [{"text": prompt, "logprobs": told}]}).encode())
