"""What a restaurant subscribes to."""

from google.protobuf.empty_pb2 import Empty

from mizan.billing.v1 import subscription_pb2
from servicekit.call import Call
from servicekit.errors import Invalid
from services.billing.queries import subscriptions as queries
from services.billing.service.convert import subscription_message


class SubscriptionService:
    """Implements mizan.billing.v1.SubscriptionService."""

    async def GetSubscription(self, _request: Empty, call: Call) -> subscription_pb2.Subscription:
        restaurant_id = call.principal.restaurant_id
        if restaurant_id is None:
            raise Invalid("User does not belong to a restaurant", code="no_restaurant")
        return subscription_message(await queries.subscription_of(call.read(), restaurant_id))
