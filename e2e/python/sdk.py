"""What the programs of msgraph-sdk share: a client of Spillwatch, and a look at the SDK's errors."""

from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from steps import URL, check

ERRORS = {"XXX": ODataError}


class OneToken(AccessTokenProvider):
    """Hands out one token, to one host."""

    def __init__(self, token, host):
        self.token = token
        self.hosts = AllowedHostsValidator([host])

    async def get_authorization_token(self, uri, additional_authentication_context={}):
        return self.token if self.hosts.is_url_host_valid(uri) else ""

    def get_allowed_hosts_validator(self):
        return self.hosts


def connect(token):
    """A client of Spillwatch instead of Microsoft's service."""
    adapter = GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(OneToken(token, "127.0.0.1")))
    adapter.base_url = f"{URL}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


async def refused(what, status, code, call):
    """Makes a call that must fail, and looks at what the SDK made of the error."""
    try:
        await call
    except ODataError as error:
        check(f"{what}: status", error.response_status_code, status)
        check(f"{what}: code", error.error.code, code)
        check(f"{what}: has a message", bool(error.error.message), True)
        headers = {name.lower(): value for name, value in error.response_headers.items()}
        check(f"{what}: request-id", error.error.inner_error.request_id, headers["request-id"])
        check(f"{what}: has a date", error.error.inner_error.date is not None, True)
        return error
    check(what, "no error", code)
