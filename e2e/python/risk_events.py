"""The classes that today's msgraph-sdk does not have: leakedCredentialsRiskEvent and its pages.

Written as the SDK's generator writes them, so that the SDK's adapter, page iterator and batch take them."""

from dataclasses import dataclass
from typing import Optional

from msgraph.generated.models.base_collection_pagination_count_response import BaseCollectionPaginationCountResponse
from msgraph.generated.models.base_delta_function_response import BaseDeltaFunctionResponse
from msgraph.generated.models.entity import Entity

TEXTS = {
    "userId": "user_id",
    "userDisplayName": "user_display_name",
    "userPrincipalName": "user_principal_name",
    "riskEventType": "risk_event_type",
    "riskLevel": "risk_level",
    "riskEventStatus": "risk_event_status",
    # Times as text: Python's datetime would cut the seventh digit.
    "riskEventDateTime": "risk_event_date_time",
    "closedDateTime": "closed_date_time",
    "createdDateTime": "created_date_time",
}


@dataclass
class RiskEvent(Entity):
    """A leakedCredentialsRiskEvent."""

    user_id: Optional[str] = None
    user_display_name: Optional[str] = None
    user_principal_name: Optional[str] = None
    risk_event_type: Optional[str] = None
    risk_level: Optional[str] = None
    risk_event_status: Optional[str] = None
    risk_event_date_time: Optional[str] = None
    closed_date_time: Optional[str] = None
    created_date_time: Optional[str] = None

    @staticmethod
    def create_from_discriminator_value(parse_node):
        return RiskEvent()

    def get_field_deserializers(self):
        def reader(attribute):
            return lambda node: setattr(self, attribute, node.get_str_value())

        return {**super().get_field_deserializers(), **{name: reader(field) for name, field in TEXTS.items()}}

    def serialize(self, writer):
        super().serialize(writer)
        for name, field in TEXTS.items():
            writer.write_str_value(name, getattr(self, field))


@dataclass
class RiskEvents(BaseCollectionPaginationCountResponse):
    """A page of them."""

    value: Optional[list[RiskEvent]] = None

    @staticmethod
    def create_from_discriminator_value(parse_node):
        return RiskEvents()

    def get_field_deserializers(self):
        value = {"value": lambda node: setattr(self, "value", node.get_collection_of_object_values(RiskEvent))}
        return {**super().get_field_deserializers(), **value}


@dataclass
class RiskEventChanges(BaseDeltaFunctionResponse):
    """A page of changes; a removed event has `@removed` in `additional_data`."""

    value: Optional[list[RiskEvent]] = None

    @staticmethod
    def create_from_discriminator_value(parse_node):
        return RiskEventChanges()

    def get_field_deserializers(self):
        value = {"value": lambda node: setattr(self, "value", node.get_collection_of_object_values(RiskEvent))}
        return {**super().get_field_deserializers(), **value}
