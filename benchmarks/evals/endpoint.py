"""How many requests a second are asked of an endpoint, as a share of what so many calls under way could have?

python endpoint.py: a server on loopback, in a process of its own, answers each call after three to seven seconds.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from statistics import fmean

_LATENCY = (3.0, 7.0)  # seconds until a call is answered, evenly spread
_TASKS = ("calm/ate-natural", "calm/cde-natural", "calm/ett-natural", "calm/nie-natural")
_ROUNDS = 12  # conversations for each call that may be under way: three times as many as are begun together


async def _serve() -> None:
    """Answer every call after a while; print the port, and at the end of stdin the most calls that were under way."""
    choice = {"message": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}
    told = {"model": "m", "choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 1}}
    body = json.dumps(told).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    now = most = 0
    draw = Random(0)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The calls of one connection, until it is closed."""
        nonlocal now, most
        try:
            while asked := await reader.readuntil(b"\r\n\r\n"):
                length = next(line for line in asked.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.split(b":")[1]))
                now += 1
                most = max(most, now)
                await asyncio.sleep(draw.uniform(*_LATENCY))
                now -= 1
                writer.write(head + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(most, flush=True)


def _measured(parallel: int) -> tuple[int, float, float, int]:
    """Conversations, seconds, processor seconds of asking, and the most calls that were under way."""
    from aetia.evals import EvaluationStudy, evaluate

    server = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    port = int(server.stdout.readline())
    items = _ROUNDS * parallel // len(_TASKS)
    study = EvaluationStudy(model=f"http://127.0.0.1:{port}/v1#m", tasks=_TASKS, items=items, parallel=parallel)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AETIA_CACHE"] = folder
        before = time.process_time()
        run = evaluate(study, out=Path(folder) / "run")
        spent = time.process_time() - before
        events = [json.loads(line) for line in (Path(folder) / "run" / "events.jsonl").read_text().splitlines()]
    assert run.status == "complete", run.manifest.failed
    seconds = [event["seconds"] for event in events if event["kind"] in ("started", "batch")]
    most = int(server.communicate()[0])
    return items * len(_TASKS), seconds[-1] - seconds[0], spent, most


def main() -> None:
    """Serve, or measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parallel", type=int, nargs="+", default=[16, 256, 1024])
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))
    if given.serve:
        asyncio.run(_serve())
        return
    print("| calls under way | seen at once | conversations | s | a second | of the limit | processor s |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for parallel in given.parallel:
        count, seconds, spent, most = _measured(parallel)
        share = count / seconds / (parallel / fmean(_LATENCY))
        row = (f"{parallel:,}", f"{most:,}", f"{count:,}", f"{seconds:.1f}", f"{count / seconds:,.0f}", f"{share:.0%}")
        print("|", " | ".join((*row, f"{spent:.1f}")), "|", flush=True)


if __name__ == "__main__":
    main()
