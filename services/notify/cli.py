"""Notify's commands: `mizan notify --help`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from servicekit.cli import commands_of, read_settings, run, transaction
from servicekit.db import SessionReader
from services.notify.commands import announcements, deliveries, upkeep
from services.notify.commands.upkeep import Deleted, Kept
from services.notify.queries import channels
from services.notify.settings import Settings

LIMIT: Final = 1000
KINDS: Final = {
    "reminders": ("SHIFT_REMINDER", "CLOCK_IN_REMINDER", "CLOCK_OUT_REMINDER", "CHECKLIST_REMINDER"),
    "overdue": ("TASK_OVERDUE",),
    "compliance": ("COMPLIANCE_ALERT", "SAFETY_BRIEFING"),
}
ANNOUNCEMENTS: Final = "announcements"

app = commands_of("notify", "Notifications, and the channels that carry them.")


@app.command()
def check_notification_health() -> None:
    """Say which channels are set up, and how they do in all restaurants together."""
    settings = read_settings(Settings)

    async def check() -> list[str]:
        async with transaction(settings, "mizan-check-notification-health") as session:
            found = await channels.counts(SessionReader(session), None, datetime.now(UTC) - timedelta(days=1))
        configured = settings.configured
        return [
            f"email_configured: {configured.email}",
            f"firebase_initialized: {configured.push}",
            f"whatsapp_configured: {configured.whatsapp}",
            f"whatsapp_webhook_configured: {configured.webhook}",
            "twilio_configured: False",
            f"agent_webhooks_configured: {configured.agent}",
            f"device_tokens_count: {found.device_tokens}",
            f"announcement_disabled_count: {found.announcements_off}",
            f"failed_deliveries_count: {found.failed}",
            f"pending_deliveries_count: {found.pending}",
        ]

    for line in run(check()):
        typer.echo(line)


@app.command()
def cleanup_notifications(
    days: Annotated[int, typer.Option(help="Older notifications go; never before 14 days.", min=1)] = 90,
    log_days: Annotated[int, typer.Option(help="Older deliveries go.", min=1)] = 30,
    inactive_token_days: Annotated[int, typer.Option(help="Push tokens unused for longer go.", min=1)] = 180,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    keep_unread: Annotated[bool, typer.Option("--keep-unread", help="Keep what nobody has read.")] = False,
) -> None:
    """Delete old notifications, deliveries and push tokens of all restaurants."""
    settings = read_settings(Settings)
    kept = Kept(timedelta(days=days), timedelta(days=log_days), timedelta(days=inactive_token_days), unread=keep_unread)

    async def clean() -> Deleted:
        async with transaction(settings, "mizan-cleanup-notifications") as session:
            deleted = await upkeep.clean(session, kept, datetime.now(UTC))
            if dry_run:
                await session.rollback()
            return deleted

    deleted = run(clean())
    for what, count in deleted.counts.items():
        typer.echo(f"{'would delete' if dry_run else 'deleted'} {count} {what}")
    if dry_run:
        for example in deleted.examples:
            typer.echo(f"  {example}")


@app.command()
def send_scheduled_notifications(
    kind: Annotated[str, typer.Option("--type", help="reminders, overdue, compliance, announcements or all.")] = "all",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many are due.")] = False,
) -> None:
    """Queue what is due and has not been sent; a running notify service sends it, each once."""
    settings = read_settings(Settings)
    if kind not in ("all", ANNOUNCEMENTS, *KINDS):
        raise typer.BadParameter(f"{kind!r} is none of reminders, overdue, compliance, announcements and all")

    async def send() -> dict[str, int]:
        now, due = datetime.now(UTC), {}
        async with transaction(settings, "mizan-send-scheduled-notifications") as session:
            for name, kinds in KINDS.items():
                if kind in ("all", name):
                    due[name] = await deliveries.requeue_overdue(session, now, limit=LIMIT, kinds=kinds)
            if kind in ("all", ANNOUNCEMENTS):
                due[ANNOUNCEMENTS] = await announcements.queue_due(session, now, patience=timedelta())
            if dry_run:
                await session.rollback()
        return due

    for name, count in run(send()).items():
        typer.echo(f"{count} {name} {'due' if dry_run else 'queued'}")
