"""The caller's own preferences."""

from google.protobuf.empty_pb2 import Empty

from mizan.notify.v1 import preference_pb2
from servicekit.call import Call
from servicekit.errors import Invalid
from servicekit.patch import changes_of
from services.notify.commands import preferences as commands
from services.notify.domain.preferences import CHOICES, EXCEPTIONS, NULLABLE, exceptions_problem
from services.notify.queries import preferences as queries
from services.notify.service.convert import preferences_message


class PreferenceService:
    """Implements mizan.notify.v1.PreferenceService."""

    async def GetPreferences(self, _request: Empty, call: Call) -> preference_pb2.Preferences:
        user_id = call.principal.user_id
        return preferences_message(await queries.preferences_of(call.read(), call.principal.tenant, user_id), user_id)

    async def UpdatePreferences(
        self, request: preference_pb2.UpdatePreferencesRequest, call: Call
    ) -> preference_pb2.Preferences:
        user_id, restaurant_id = call.principal.user_id, call.principal.tenant
        changes = changes_of(request, CHOICES, nullable=NULLABLE)
        if problem := exceptions_problem(changes.get(EXCEPTIONS, {})):
            raise Invalid.field(EXCEPTIONS, problem)
        session = await call.session()
        call.notes.entity_id = str(user_id)
        return preferences_message(await commands.change_preferences(session, restaurant_id, user_id, changes), user_id)
