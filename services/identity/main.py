"""Identity's composition root: the only place where its parts are wired."""

import entitlements
from mizan.identity.v1 import (
    acceptance_pb2,
    access_pb2,
    agent_pb2,
    api_key_pb2,
    audit_pb2,
    auth_pb2,
    device_pb2,
    document_pb2,
    invitation_pb2,
    location_pb2,
    performance_pb2,
    pos_credentials_pb2,
    pos_transaction_pb2,
    profile_pb2,
    report_pb2,
    restaurant_pb2,
    role_pb2,
    schedule_audit_pb2,
    settings_pb2,
    staff_pb2,
    staff_request_pb2,
    user_pb2,
    wage_pb2,
)
from servicekit.clock import Clock, SystemClock
from servicekit.files import Files
from servicekit.mail import MailServer
from servicekit.runtime import Core, Service
from services.identity.admin.own_calls import OwnCalls
from services.identity.admin.site import AdminSite
from services.identity.filing import Filing
from services.identity.jobs import Cleaning, MailJobs, RecordJobs
from services.identity.projections import audit_trail, hours, messenger, till
from services.identity.service.acceptance import AcceptanceService
from services.identity.service.access import AccessService
from services.identity.service.agents import AgentService, ContextFinder
from services.identity.service.api_keys import ApiKeyService
from services.identity.service.audit import AuditService
from services.identity.service.auth import AuthService
from services.identity.service.devices import DeviceService
from services.identity.service.documents import DocumentService
from services.identity.service.ingest import RequestIngest
from services.identity.service.invitations import InvitationService
from services.identity.service.location import LocationService
from services.identity.service.performance import PerformanceService
from services.identity.service.pos_credentials import PosCredentialService
from services.identity.service.pos_transactions import PosTransactionService
from services.identity.service.profiles import ProfileService
from services.identity.service.reports import ReportService
from services.identity.service.restaurants import RestaurantService
from services.identity.service.roles import RoleService
from services.identity.service.schedule_audit import ScheduleAuditService
from services.identity.service.settings import SettingsService
from services.identity.service.staff import StaffService
from services.identity.service.staff_requests import StaffRequestService
from services.identity.service.users import UserService
from services.identity.service.wages import WageService
from services.identity.settings import Settings
from services.identity.vault import build_vault


def build(settings: Settings, clock: Clock | None = None) -> Service:
    """The whole service, connected to nothing yet."""
    clock = clock or SystemClock()
    core = Core.of("identity", settings)
    vault = build_vault(settings)
    mail = MailJobs(
        core.database,
        vault,
        clock,
        MailServer(settings.smtp_url.get_secret_value()),
        sender=settings.mail_from,
        frontend_url=settings.frontend_url,
    )
    files = Files.from_url(settings.files_url)
    core.health.check("files", files.ping, essential=False)
    filing = Filing(
        files, core.database, vault, clock, public_url=settings.public_url, max_bytes=settings.max_upload_bytes
    )
    finder = ContextFinder(vault, clock)
    calls = OwnCalls(core.minter, lambda: service.grpc.port)
    site = AdminSite(core.database, vault, clock, calls, public_url=settings.public_url)
    service = core.service(
        [
            (
                access_pb2.DESCRIPTOR.services_by_name["AccessService"],
                AccessService(vault, clock, settings.frontend_url),
            ),
            (auth_pb2.DESCRIPTOR.services_by_name["AuthService"], AuthService(vault, clock)),
            (restaurant_pb2.DESCRIPTOR.services_by_name["RestaurantService"], RestaurantService(vault, clock)),
            (settings_pb2.DESCRIPTOR.services_by_name["SettingsService"], SettingsService(vault, clock)),
            (location_pb2.DESCRIPTOR.services_by_name["LocationService"], LocationService(clock)),
            (device_pb2.DESCRIPTOR.services_by_name["DeviceService"], DeviceService(vault, clock)),
            (api_key_pb2.DESCRIPTOR.services_by_name["ApiKeyService"], ApiKeyService(vault, clock)),
            (audit_pb2.DESCRIPTOR.services_by_name["AuditService"], AuditService(clock)),
            (
                pos_transaction_pb2.DESCRIPTOR.services_by_name["PosTransactionService"],
                PosTransactionService(),
            ),
            (
                schedule_audit_pb2.DESCRIPTOR.services_by_name["ScheduleAuditService"],
                ScheduleAuditService(clock),
            ),
            (user_pb2.DESCRIPTOR.services_by_name["UserService"], UserService(vault, clock, settings.public_url)),
            (staff_pb2.DESCRIPTOR.services_by_name["StaffService"], StaffService(vault, clock)),
            (role_pb2.DESCRIPTOR.services_by_name["RoleService"], RoleService()),
            (
                invitation_pb2.DESCRIPTOR.services_by_name["InvitationService"],
                InvitationService(vault, clock, settings.invitation_lifetime),
            ),
            (acceptance_pb2.DESCRIPTOR.services_by_name["AcceptanceService"], AcceptanceService(vault, clock)),
            (profile_pb2.DESCRIPTOR.services_by_name["ProfileService"], ProfileService(filing, clock)),
            (document_pb2.DESCRIPTOR.services_by_name["DocumentService"], DocumentService(filing, clock)),
            (performance_pb2.DESCRIPTOR.services_by_name["PerformanceService"], PerformanceService(clock)),
            (
                staff_request_pb2.DESCRIPTOR.services_by_name["StaffRequestService"],
                StaffRequestService(filing, RequestIngest(finder, clock), clock),
            ),
            (agent_pb2.DESCRIPTOR.services_by_name["AgentService"], AgentService(finder)),
            (report_pb2.DESCRIPTOR.services_by_name["ReportService"], ReportService(clock)),
            (wage_pb2.DESCRIPTOR.services_by_name["WageService"], WageService()),
            (
                pos_credentials_pb2.DESCRIPTOR.services_by_name["PosCredentialService"],
                PosCredentialService(vault),
            ),
        ],
        subscriptions=[audit_trail(), till(), hours(), messenger(), entitlements.subscription("identity")],
        jobs={
            **mail.handlers(),
            **Cleaning(core.database, clock).handlers(),
            **RecordJobs(core.database, filing, clock).handlers(),
        },
        parts=[site],
        site=site,
    )
    return service
