"""A mail server on loopback for the tests: says its port, then every e-mail it takes, a JSON object a line.

It ends when its standard input does, so it never outlives the test that started it. Lines of standard input are answers to
the next recipients, one each, in place of "250 OK". Arguments: a port or 0; starttls or tls, a certificate, its key, and the
user and the password that are then required.
"""

import asyncio
import json
import ssl
import sys
from collections import deque
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

answers = deque()


def say(value):
    print(json.dumps(value), flush=True)


class Taker:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if answers:
            return answers.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.content, policy=policy.default)
        parts = {
            part.get_content_type(): part.get_content().replace("\r\n", "\n")
            for part in message.walk()
            if not part.is_multipart()
        }
        say({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in message.items()],
            "plain": parts.get("text/plain"),
            "html": parts.get("text/html"),
                        "user": (session.auth_data or LoginPassword(b"", b"")).login.decode(),
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
            "raw": envelope.content.decode("latin-1"),
        })
        return "250 OK"


def authenticator(user, password):
    def check(server, session, envelope, mechanism, data):
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == (user, password), auth_data=data, handled=False,
                          message=None if given == (user, password) else "535 5.7.8 Authentication credentials invalid")
    return check


async def main(port, encryption="none", certificate=None, key=None, user=None, password=None):
    options, wrapper = {}, None
    if encryption != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        options = {"authenticator": authenticator(user, password), "auth_required": True}
        if encryption == "tls":
            wrapper = context
            options["auth_require_tls"] = False
        else:
            options |= {"tls_context": context, "require_starttls": True}
    loop = asyncio.get_running_loop()
    taker = lambda: SMTP(Taker(), loop=loop, **options)
    server = await loop.create_server(taker, "127.0.0.1", int(port), ssl=wrapper)
    say(server.sockets[0].getsockname()[1])
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        answers.append(line.strip())
        say("noted")


asyncio.run(main(*sys.argv[1:]))
