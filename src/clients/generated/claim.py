"""Claims, waits, renews and releases with a generated client, and reads a refusal as a problem."""

from __future__ import annotations

import os
import uuid

from larder_generated import AuthenticatedClient
from larder_generated.api.claims import create_claim, get_claim, list_claims, release_claim, renew_claim
from larder_generated.models import Claim, NewClaim, NewClaimPolicy, Problem, Renewal

client = AuthenticatedClient(
    base_url=os.environ["LARDER_URL"], token=os.environ["LARDER_TOKEN"], timeout=60, raise_on_unexpected_status=True
)


def claimed(body: NewClaim) -> Claim:
    answer = create_claim.sync(client=client, body=body, idempotency_key=str(uuid.uuid4()), prefer="wait=30")
    assert isinstance(answer, Claim), answer
    return answer


# From stock.
first = claimed(
    NewClaim(
        organization="clients", template="orders", preset="small", policy=NewClaimPolicy.WAIT, timeout="PT1M", ttl="PT1M"
    )
)
assert first.workspace and first.workspace.outputs["url"].startswith("postgresql://"), first
renewed = renew_claim.sync(first.id, client=client, body=Renewal(ttl="PT10M"))
assert isinstance(renewed, Claim) and renewed.expires_at > first.expires_at, renewed
release_claim.sync_detailed(first.id, client=client)
assert get_claim.sync(first.id, client=client).status == "released"

# Built for this claim, and waited for.
cold = claimed(NewClaim(organization="clients", template="box", preset="cold", policy=NewClaimPolicy.COLD, ttl="PT1M"))
while cold.workspace.status != "ready":
    cold = get_claim.sync(cold.id, client=client, prefer="wait=30")
assert cold.workspace.outputs["host"] == "here", cold
release_claim.sync_detailed(cold.id, client=client)

page = list_claims.sync(client=client, limit=10)
assert {first.id, cold.id} <= {claim.id for claim in page.items}, page

refusal = create_claim.sync(client=client, body=NewClaim(organization="clients", template="nothing-of-this-name", preset="one"))
assert isinstance(refusal, Problem) and refusal.code == "template_not_found", refusal
print("generated: openapi-python-client claimed, waited, renewed and released")
