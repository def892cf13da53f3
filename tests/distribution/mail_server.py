"""A mail server on loopback, as far as a client of it must see: it takes mail, refuses it, or says nothing."""

import base64
import socketserver
import threading
from email import message_from_bytes
from email.message import Message
from types import TracebackType
from typing import Self

PASSWORD = "never-shown-password"


class MailServer(socketserver.ThreadingTCPServer):
    """Use as a context; ``address`` is its apprise address."""

    allow_reuse_address = True
    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.messages: list[Message] = []
        self.passwords: list[str] = []
        self.is_full = False
        self.answers = threading.Event()
        self.answers.set()
        self._thread = threading.Thread(target=self.serve_forever)

    @property
    def address(self) -> str:
        place = f"127.0.0.1:{self.server_address[1]}"
        return f"mailto://shop:{PASSWORD}@{place}/?from=shop@shop.example&to=auditor@audit.example&mode=insecure"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.answers.set()
        for thread in threading.enumerate():
            if thread.name == "checkpoint":
                thread.join()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.server.answers.wait()
        self._say("220 mail.audit.example")
        while line := self.rfile.readline().decode().strip():
            command, _, rest = line.partition(" ")
            if command.upper() == "QUIT":
                self._say("221 bye")
                return
            self._answer(command.upper(), rest)

    def _answer(self, command: str, rest: str) -> None:
        match command:
            case "EHLO":
                self._say("250-mail.audit.example")
                self._say("250 AUTH PLAIN")
            case "AUTH":
                self.server.passwords.append(base64.b64decode(rest.split()[1]).decode().split("\0")[2])
                self._say("235 welcome")
            case "MAIL" if self.server.is_full:
                self._say("452 insufficient system storage")
            case "DATA":
                self._say("354 go on")
                self.server.messages.append(message_from_bytes(self._data()))
                self._say("250 taken")
            case _:
                self._say("250 yes")

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
