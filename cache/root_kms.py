"""A root key that nobody ever sees: each version is a key of AWS KMS, which wraps and opens on request.

Tenant keys are wrapped by KMS itself, bound to their school by an encryption context, and held in memory once opened,
as with any root. What the root must wrap by itself (expiry keys, the check that tells a wrong root) is done under a
data key that KMS made for the version; the database holds it only as KMS wrapped it. A version that is destroyed goes
with the waiting time that KMS demands, and cannot be used from its beginning.

boto3 signs and calls, in threads: every call is a few hundred bytes, and there are few of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import Row

from cache.errors import Corrupt, Unavailable
from cache.keys import Key, Wrap
from cache.kms_address import KmsAddress
from cache.roots import RootKey, RootRefused

WAIT_DAYS = (7, 30)
"""The least and the most days between the order to destroy a key and its end in KMS."""
_WRONG = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
_DYING = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


def region_of(arn: str) -> str:
    """The region that a key's ARN names."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 else ""


class Kms:
    """Makes, finds and destroys versions. Satisfies `roots.RootPlace`."""

    def __init__(
        self, address: KmsAddress, *, wait_days: int = WAIT_DAYS[0], cafile: str | None = None, **client: Any
    ) -> None:
        """``client``: further arguments of ``boto3.client``."""
        self._address = address
        self._wait_days = wait_days
        self._cafile = cafile
        self._options = client
        self._client: Any = None

    async def find(self, row: Row[Any]) -> RootKey | None:
        """See `RootPlace`."""
        if region_of(row.kms) != self._address.region:
            raise RootRefused(
                f"version {row.version} of the root key lies in the region {region_of(row.kms)} of AWS KMS, "
                f"not in {self._address.region}"
            )
        if row.state == "retired":  # nothing is to be opened with it; KMS itself says whether it is there
            return KmsRoot(self, row.version, row.kms, b"")
        data = await self.call("decrypt", KeyId=row.kms, CiphertextBlob=row.box, EncryptionContext=_own(row.version))
        return KmsRoot(self, row.version, row.kms, data["Plaintext"])

    async def make(self, version: int, *, first: bool) -> tuple[RootKey, Mapping[str, Any]]:
        """See `RootPlace`. A cycle that breaks off before the version is recorded leaves a key that wraps nothing."""
        told = f"File Access Gateway: version {version} of the root key"
        made = await self.call("create_key", Description=told, KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT")
        arn = made["KeyMetadata"]["Arn"]
        data = await self.call("generate_data_key", KeyId=arn, KeySpec="AES_256", EncryptionContext=_own(version))
        return KmsRoot(self, version, arn, data["Plaintext"]), {"kms": arn, "box": data["CiphertextBlob"]}

    async def destroy(self, row: Row[Any], now: int) -> int:
        """See `RootPlace`: KMS waits some days; the key cannot be used meanwhile."""
        key = row.kms.rpartition("/")[2]  # its id; not every server takes an ARN here
        state = (await self.call("describe_key", KeyId=key))["KeyMetadata"]
        if state["KeyState"] not in _DYING:
            state = await self.call("schedule_key_deletion", KeyId=key, PendingWindowInDays=self._wait_days)
        return int(state["DeletionDate"].timestamp() * 1000) if "DeletionDate" in state else now

    async def call(self, verb: str, **asked: Any) -> Any:
        """KMS's answer. Corrupt where it says that the box is not of this key, Unavailable for any other refusal."""
        return await asyncio.to_thread(self._call, verb, asked)

    def _call(self, verb: str, asked: Mapping[str, Any]) -> Any:
        try:
            if self._client is None:
                self._client = self._connect()
            return getattr(self._client, verb)(**asked)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _WRONG:
                raise Corrupt("AWS KMS does not open a key: it was wrapped by another one") from None
            raise Unavailable(
                f"AWS KMS refuses the root key ({code}): it must exist and be enabled, and this gateway must be "
                f"allowed to use it ({verb})"
            ) from None
        except BotoCoreError as error:
            raise Unavailable(f"AWS KMS does not answer ({type(error).__name__})") from None

    def _connect(self) -> Any:
        config = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=5)
        where: dict[str, Any] = {"region_name": self._address.region, "endpoint_url": self._address.endpoint}
        return boto3.client("kms", config=config, verify=self._cafile or True, **where, **self._options)


class KmsRoot:
    """One version. Satisfies `roots.RootKey`."""

    def __init__(self, kms: Kms, version: int, arn: str, data: bytes) -> None:
        """``data``: the version's data key, opened."""
        self.version = version
        self.arn = arn
        self.key = Key("root", version, data)
        self._kms = kms

    async def wrap(self, secret: bytes, wrap: Wrap) -> bytes:
        """See `RootKey`."""
        asked = {"KeyId": self.arn, "Plaintext": secret, "EncryptionContext": _context(wrap, self.version)}
        return bytes((await self._kms.call("encrypt", **asked))["CiphertextBlob"])

    async def unwrap(self, box: bytes, wrap: Wrap) -> bytes:
        """See `RootKey`."""
        asked = {"KeyId": self.arn, "CiphertextBlob": box, "EncryptionContext": _context(wrap, self.version)}
        return bytes((await self._kms.call("decrypt", **asked))["Plaintext"])

    def __repr__(self) -> str:
        """Without the data key."""
        return f"KmsRoot(version={self.version})"


def _own(version: int) -> dict[str, str]:
    return {"purpose": "data", "root": str(version)}


def _context(wrap: Wrap, version: int) -> dict[str, str]:
    """What KMS authenticates with the box, and writes into its own log: no more than random ids."""
    return {"purpose": wrap.purpose, "tenant": wrap.tenant, "root": str(version)}
