"""Clients of python-socketio that do what lines of JSON say: see languages.js.

The argument chooses the client: "threads" or "asyncio".
"""

import asyncio
import base64
import contextlib
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import engineio
import socketio
from engineio.payload import Payload

# The client refuses a poll of more than 16 packets, whichever server sends it. Its documentation raises this number.
Payload.max_decode_packets = 10_000

options = {"reconnection_delay": 0.05, "reconnection_delay_max": 0.25, "randomization_factor": 0}


class Engine(engineio.Client):
    """Handles messages one after the other. The client has a thread for each, and they would overtake each other."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.handler = ThreadPoolExecutor(1)

    def _trigger_event(self, event, *args, run_async=False, **kwargs):
        if not run_async:
            return super()._trigger_event(event, *args, **kwargs)
        self.handler.submit(super()._trigger_event, event, *args, **kwargs)


class Client(socketio.Client):
    def _engineio_client_class(self):
        return Engine


def read(line):
    return json.loads(line, object_hook=lambda o: base64.b64decode(o["$bytes"]) if "$bytes" in o else o)


output = threading.Lock()


def say(**line):
    text = json.dumps(line, default=lambda data: {"$bytes": base64.b64encode(data).decode()})
    with output:
        print(text, flush=True)


def listen(client, number, do):
    """Reports the events of a socket. What the server asks is answered with the same values."""

    def on(event, name):
        def handler(*args):
            say(socket=number, name=name, args=args)
            if name == "question":
                return ("answered", *args)

        client.on(event, handler, namespace=do["namespace"])

    for name in ["connect", "disconnect", *do["events"]]:
        on(name, name)
    on("connect_error", "refused")


def parameters(do):
    """The arguments of connect."""
    return {
        "transports": do["transports"],
        "namespaces": [do["namespace"]],
        "auth": do["auth"],
        "wait_timeout": 15,
    }


def event(do, number):
    """The arguments of emit, with a callback where an answer is wanted."""
    wanted = do["do"] == "ask"
    return {
        "event": do["name"],
        "data": tuple(do["args"]),
        "namespace": do["namespace"],
        "callback": (lambda *args: say(socket=number, answer=do["id"], args=args)) if wanted else None,
    }


def with_threads():
    clients = {}
    for line in sys.stdin:
        do = read(line)
        number = do["socket"]
        # What may wait for the server has a thread of its own.
        if do["do"] == "connect":
            client = clients[number] = Client(**options)
            listen(client, number, do)
            threading.Thread(target=connect, args=(client, do), daemon=True).start()
        elif do["do"] == "leave":
            threading.Thread(target=leave, args=(clients[number],), daemon=True).start()
        else:
            settle(clients[number])
            clients[number].emit(**event(do, number))


def settle(client):
    """Waits until the client is connected, which it is a little later than it says. Before, it notices no end."""
    deadline = time.monotonic() + 10
    while not client.connected and time.monotonic() < deadline:
        time.sleep(0.001)


def connect(client, do):
    with contextlib.suppress(socketio.exceptions.ConnectionError):  # reported as refused
        client.connect(do["url"], **parameters(do))


def leave(client):
    if client.connected:
        client.eio.queue.join()  # a client that leaves during a POST says nothing more
    client.shutdown()


async def with_asyncio():
    clients = {}
    async with asyncio.TaskGroup() as tasks:
        while line := await asyncio.to_thread(sys.stdin.readline):
            do = read(line)
            number = do["socket"]
            if do["do"] == "connect":
                client = clients[number] = socketio.AsyncClient(**options)
                listen(client, number, do)
                tasks.create_task(connect_async(client, do))
            elif do["do"] == "leave":
                tasks.create_task(leave_async(clients[number]))
            else:
                await clients[number].emit(**event(do, number))


async def connect_async(client, do):
    with contextlib.suppress(socketio.exceptions.ConnectionError):
        await client.connect(do["url"], **parameters(do))


async def leave_async(client):
    if client.connected:
        await client.eio.queue.join()
    await client.shutdown()


say()
if sys.argv[1] == "asyncio":
    asyncio.run(with_asyncio())
else:
    with_threads()
