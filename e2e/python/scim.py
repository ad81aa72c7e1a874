"""scim2-client and scim2-tester (PyPI): a client that finds out what the server serves, and every check of compliance that
is made with it; then what clients of companies do first."""

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PatchOp, PatchOperation, SearchRequest
from scim2_tester import Status, check_server

from steps import TOKEN, URL, check

# The names of the tester's users have no domain: the server is started with one that completes them.
http = Client(base_url=f"{URL}/scim/v2", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
scim = SyncSCIMClient(http)
results = check_server(scim)


def is_computed(result):
    """The tester compares `name` as a whole, also `name.formatted`, which it knows to be the server's and has not sent."""
    data = result.data if isinstance(result.data, dict) else {}
    found = data.get("modify_actual")
    if data.get("urn") != "name" or found is None:
        return False
    sent = data.get("expected") or data.get("patch_value") or data.get("value")
    return (sent.given_name, sent.family_name) == (found.given_name, found.family_name)


failed = [
    f"{result.title} {result.resource_type or ''}: {result.reason}"
    for result in results
    if result.status in (Status.ERROR, Status.CRITICAL) and not is_computed(result)
]
check("tester: what failed", failed, [])
passed = sum(result.status == Status.SUCCESS for result in results)
check("tester: most checks are made", passed > 40, True)
skipped = sorted({result.title for result in results if result.status == Status.SKIPPED})
print(f"   {passed} passed, skipped: {skipped}")

# A client by itself, as a company's directory would work with it.
scim = SyncSCIMClient(Client(base_url=f"{URL}/scim/v2", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30))
scim.discover()
User = scim.get_resource_model("User")
missing = scim.query(User, query_parameters=SearchRequest(filter='userName eq "mara@fjord.example"'))
check("filter: nobody yet", missing.total_results, 0)
mara = User(user_name="mara@fjord.example", external_id="e-1", display_name="Mara Lind", password="a planted passphrase")
mara = scim.create(mara)
check("create: id", bool(mara.id), True)
check("create: password", mara.password, None)
found = scim.query(User, query_parameters=SearchRequest(filter='userName eq "MARA@fjord.example"'))
check("filter: found", [user.id for user in found.resources], [mara.id])
off = PatchOp[User](operations=[PatchOperation(op="replace", path="active", value=False)])
check("patch: active", scim.modify(User, mara.id, off).active, False)
mara = scim.query(User, mara.id)
mara.display_name = "Mara L."
check("put: displayName", scim.replace(mara).display_name, "Mara L.")
scim.delete(User, mara.id)
gone = scim.query(User, query_parameters=SearchRequest(filter='externalId eq "e-1"'))
check("delete: gone", gone.total_results, 0)
