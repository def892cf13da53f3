"""Approved settings, network routes, rectifications and looks."""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what approvals, routes to the platforms and the rights of people need."""
