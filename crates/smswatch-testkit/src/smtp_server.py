"""A mail relay for tests, on aiosmtpd: keeps mails as files, and answers as a file tells it.

Usage: smtp_server.py FOLDER [USER PASSWORD]

Prints its port when it listens, and ends when its input does. Each mail becomes FOLDER/NNNN.json.
FOLDER/moods.json, where it exists, maps a stage (connect, auth, mail, rcpt, data) to the reply given
there instead of the usual one; `hang` gives none (and leaves a file FOLDER/hanging), `ramble` gives
one without end. The stage `rcpt:ADDRESS` is about that recipient alone.
"""

import asyncio
import email
import email.policy
import json
import os
import sys

from aiosmtpd.smtp import SMTP, AuthResult

FOLDER = sys.argv[1]
LOGIN = tuple(word.encode() for word in sys.argv[2:4])
HOSTNAME = "relay.test"


def mood(*stages):
    """The reply set for the first of `stages` that has one."""
    try:
        with open(os.path.join(FOLDER, "moods.json"), encoding="utf-8") as file:
            moods = json.load(file)
    except FileNotFoundError:
        return None
    return next((moods[stage] for stage in stages if stage in moods), None)


async def act(smtp, reply):
    """Turns a mood into the reply to give; hanging and rambling do not come back."""
    if reply == "hang":
        open(os.path.join(FOLDER, "hanging"), "w", encoding="utf-8").close()
        await asyncio.Event().wait()
    while reply == "ramble":
        await smtp.push("250-" + "x" * 400)
    return reply


class Relay(SMTP):
    """The server, with a say in its greeting."""

    async def push(self, status):
        if status.startswith("220 " + HOSTNAME):
            status = await act(self, mood("connect")) or status
        await super().push(status)

    async def smtp_AUTH(self, arg):
        reply = await act(self, mood("auth"))
        await (self.push(reply) if reply else super().smtp_AUTH(arg))


class Handler:
    """Keeps mails; every hook asks the moods first."""

    def __init__(self):
        self.count = 0

    async def handle_MAIL(self, server, session, envelope, address, options):
        reply = await act(server, mood("mail"))
        if reply:
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = await act(server, mood("rcpt:" + address, "rcpt"))
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        reply = await act(server, mood("data"))
        if reply:
            return reply
        self.count += 1
        self.keep(envelope)
        return f"250 OK queued as {self.count}"

    def keep(self, envelope):
        mail = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        bodies = {}
        for kind in ("plain", "html"):
            part = mail.get_body(preferencelist=(kind,))
            bodies[kind] = part.get_content().replace("\r\n", "\n") if part else ""
        path = os.path.join(FOLDER, f"{self.count:04}.json")
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(
                {
                    "envelope_from": envelope.mail_from,
                    "envelope_to": envelope.rcpt_tos,
                    "headers": [[name, str(value)] for name, value in mail.items()],
                    "text": bodies["plain"],
                    "html": bodies["html"],
                    "defects": [repr(one) for part in mail.walk() for one in defects(part)],
                    "raw": envelope.original_content.decode("utf-8", "replace"),
                },
                file,
            )
        os.rename(path + ".new", path)


def defects(part):
    """What the parser had to mend in a part and its headers."""
    return [*part.defects, *(one for value in part.values() for one in value.defects)]


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == LOGIN)


async def main():
    loop = asyncio.get_running_loop()
    handler = Handler()

    def relay():
        return Relay(
            handler,
            hostname=HOSTNAME,
            enable_SMTPUTF8=True,
            loop=loop,
            authenticator=authenticate if LOGIN else None,
            auth_required=bool(LOGIN),
            auth_require_tls=False,
        )

    server = await loop.create_server(relay, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
