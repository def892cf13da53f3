"""Mail, or a chat, through ``apprise``: the checkpoint is the text of the message, and attached as a file."""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from conversions.on_call.alerts import by_route
from conversions.transport.route import Route

MISSING = "it needs apprise: `pip install 'conversions[alerts]'`"


@dataclass(frozen=True, slots=True)
class Message:
    """One address of apprise."""

    address: str = field(repr=False)
    number: int
    """Its number in the settings: no more of it may be shown."""
    route: Route

    @property
    def shown(self) -> str:
        """The scheme, and the number in the settings."""
        return f"{self.address.partition('://')[0]}:// (number {self.number} of store.checkpoint_to)"

    def deliver(self, name: str, content: bytes) -> str | None:
        """Send one message."""
        try:
            import apprise
        except ImportError:
            return MISSING
        notifier = apprise.Apprise()
        if not notifier.add(self.address):
            return "apprise does not know this address"
        with TemporaryDirectory() as folder, by_route(self.route):
            file = Path(folder) / name
            file.write_bytes(content)
            text, attached = content.decode(), f"file://{quote(str(file))}"
            sent = notifier.notify(title=f"Checkpoint {name}", body=text, body_format="text", attach=attached)
        return None if sent else "the message was not accepted"
