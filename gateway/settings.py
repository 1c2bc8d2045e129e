"""Every setting of the gateway, from the environment (``FILE_ACCESS_…``) and from one file.

Reading settings opens nothing and asks nobody. `gateway.safety` refuses what would be unsafe;
`describe` renders the table for the README. The environment wins over the file that FILE_ACCESS_CONFIG names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gateway.addresses import is_plain

PREFIX: Final = "FILE_ACCESS_"
CONFIG: Final = "FILE_ACCESS_CONFIG"
FOR_TESTS: Final = "FILE_ACCESS_TEST_"
"""Variables that only the tests read; a gateway that they start inherits them."""


def _address(value: object) -> object:
    if isinstance(value, str):
        value = value.rstrip("/")
        if not is_plain(value):
            raise ValueError("must be an http or https address without user, query or fragment")
    return value


Address = Annotated[str, BeforeValidator(_address)]


def _issuer(value: str) -> str:
    if not is_plain(value):
        raise ValueError("must be an http or https address without user, query or fragment")
    return value


Issuer = Annotated[str, AfterValidator(_issuer)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _rate(default: float, of: str) -> float:
    """A setting of requests a second."""
    told = f"Requests a second to which one process settles for {of} when the provider keeps asking for pauses."
    return Field(default, gt=0, le=100_000, description=told)


def _peak(default: float, of: str) -> float:
    """A setting of the most requests a second."""
    told = (
        f"Requests a second up to which one process goes for {of} as long as the provider does not object: each pause "
        "that it asks for is kept and halves the pace, which then rises again over a quarter of an hour."
    )
    return Field(default, ge=0, le=100_000, description=told)


def _burst(default: float, of: str) -> float:
    """A setting of requests that go at once."""
    return Field(default, ge=0, le=1_000_000, description=f"Requests beyond that rate at once, for {of}.")


class Google(_Group):
    """The Google application and Google's addresses."""

    client_id: str = Field("", description="OAuth client of the Google application; empty: Google is not offered.")
    client_secret: SecretStr = Field(SecretStr(""), description="Its secret.")
    api_root: Address = Field("https://www.googleapis.com", description="Where the Drive API answers.")
    auth_url: Address = Field("https://accounts.google.com/o/oauth2/v2/auth", description="Google's consent page.")
    token_url: Address = Field("https://oauth2.googleapis.com/token", description="Google's token address.")
    revoke_url: Address = Field("https://oauth2.googleapis.com/revoke", description="Where a grant is revoked.")
    # Published: 12,000 a minute for the application, and as many for one user. Half at once and half as a rate.
    account_rate: float = _rate(100, "one Google account")
    account_burst: float = _burst(6000, "one Google account")
    account_peak: float = _peak(1000, "one Google account")
    school_rate: float = _rate(100, "all Google accounts of a school")
    school_burst: float = _burst(6000, "all Google accounts of a school")
    school_peak: float = _peak(2000, "all Google accounts of a school")
    scopes: tuple[str, ...] = Field(
        ("https://www.googleapis.com/auth/drive", "https://www.googleapis.com/auth/userinfo.email", "openid"),
        description="What is asked of the person.",
    )


class Microsoft(_Group):
    """The Microsoft application and Microsoft's addresses; national clouds have their own."""

    client_id: str = Field("", description="Application (client) id; empty: OneDrive is not offered.")
    client_secret: SecretStr = Field(SecretStr(""), description="Its secret.")
    authority: Address = Field(
        "https://login.microsoftonline.com/organizations", description="Microsoft's sign-in authority."
    )
    graph_root: Address = Field("https://graph.microsoft.com/v1.0", description="Where Microsoft Graph answers.")
    # Published: 3,000 in five minutes for one user; for the application in one tenant 1,250 to 6,250 units a minute by
    # the tenant's size, one or two units a request. Beyond that Microsoft says how long to wait.
    account_rate: float = _rate(10, "one Microsoft account")
    account_burst: float = _burst(3000, "one Microsoft account")
    account_peak: float = _peak(1000, "one Microsoft account")
    school_rate: float = _rate(50, "all Microsoft accounts of a school")
    school_burst: float = _burst(6000, "all Microsoft accounts of a school")
    school_peak: float = _peak(2000, "all Microsoft accounts of a school")
    scopes: tuple[str, ...] = Field(
        ("Files.ReadWrite.All", "Sites.Read.All", "User.Read"), description="What is asked of the person."
    )


class SchoolSetting(_Group):
    """A school as the deployment knows it."""

    name: str = Field(description="The school's name as people read it.", min_length=1, max_length=200)
    region: str = Field(description="Where its data must stay; must be this deployment's region.", min_length=1)
    again: int = Field(0, ge=0, le=1000, description="Raised by one to begin anew, empty, with a school that has left.")


class IdentityProvider(_Group):
    """One OpenID provider whose people may sign in, and the schools it speaks for."""

    issuer: Issuer = Field(description="The issuer, exactly as its tokens name it; discovery starts here.")
    client_id: str = Field(description="This gateway's client id there.", min_length=1)
    client_secret: SecretStr | None = Field(
        None, description="Its secret; none for a public client (PKCE is always used)."
    )
    scopes: tuple[str, ...] = Field(("openid", "profile", "email"), description="What is asked for; openid is needed.")
    school_claim: str | None = Field(
        "school", description="The claim that names the school; null where the provider serves exactly one school."
    )
    schools: dict[str, SchoolSetting] = Field(description="School by the claim's value; other values are refused.")
    role_claim: str = Field("role", description="The claim with the person's role.")
    roles: dict[str, str] = Field(
        {"student": "student", "teacher": "teacher", "administrator": "administrator", "guardian": "guardian"},
        description="Role (student, teacher, administrator, guardian) by the claim's value; other values are refused.",
    )
    age_claim: str = Field("age_band", description="The claim with the age band; missing counts as the youngest.")
    origins: tuple[Address, ...] = Field(
        (), description="Other addresses that the provider's discovery names for tokens and keys, if not the issuer's."
    )
    sandbox: bool = Field(False, description="A stand-in for tests: refused on a public address.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.schools or (self.school_claim is None and len(self.schools) != 1):
            raise ValueError("schools must name at least one school, and exactly one where school_claim is null")
        if set(self.roles.values()) - {"student", "teacher", "administrator", "guardian"}:
            raise ValueError("roles must map to student, teacher, administrator or guardian")
        if "openid" not in self.scopes:
            raise ValueError("scopes must hold openid")
        return self


class SessionLimits(_Group):
    """How long a sign-in lasts; school devices are shared."""

    idle_seconds: int = Field(3600, ge=60, le=86_400, description="A page session ends after this time unused.")
    absolute_seconds: int = Field(28_800, ge=300, le=86_400, description="A page session ends after this time at most.")
    fresh_seconds: int = Field(300, ge=30, le=3600, description="How old a sign-in may be for what cannot be undone.")
    extension_seconds: int = Field(
        2_592_000, ge=3600, le=7_776_000, description="The extension signs in again after this time at most."
    )


class Limits(_Group):
    """What one request or person may use."""

    body_bytes: int = Field(1 << 18, ge=4096, le=16 << 20, description="Largest body of a JSON or form request.")
    upload_bytes: int = Field(5 << 40, ge=1 << 20, description="Largest file a browser may upload.")
    streams: int = Field(64, ge=1, le=10_000, description="Bulk reads, and as many bulk writes, at the same time.")
    jobs: int = Field(20, ge=1, le=10_000, description="Unfinished transfer jobs a person may have.")
    connections: int = Field(10, ge=1, le=100, description="Accounts a person may connect.")
    sign_ins_per_minute: int = Field(
        60, ge=1, le=1_000_000, description="Sign-ins, token requests and consents that one address may begin."
    )


class IncidentLimits(_Group):
    """When what the gateway sees by itself becomes an incident."""

    failed_tags: int = Field(
        10,
        ge=1,
        le=1_000_000,
        description="So many failed integrity checks in a school within a burst are an incident.",
    )
    burst_seconds: int = Field(300, ge=1, le=86_400, description="How long such a burst lasts at most.")
    window_seconds: int = Field(
        86_400, ge=60, le=2_592_000, description="What has the same cause makes one incident within this time."
    )


class KeyTimes(_Group):
    """How long keys live."""

    cycle_days: int = Field(7, ge=1, le=365, description="Days after which all keys above the files are replaced.")
    backup_days: int = Field(
        35,
        ge=0,
        le=3650,
        description="Days for which backups are kept, replicas and archives of the log included: so long an old root "
        "key is kept for them. What was deleted is dead in backups after a cycle and these days.",
    )
    kms_wait_days: int = Field(
        7, ge=7, le=30, description="Days that AWS KMS waits before it destroys a key; they count as well."
    )


def _place(what: str) -> Any:
    """A setting in which the operator vouches for where something lies."""
    told = f"Where {what}, in the operator's words: who keeps it, town, country. On a public address "
    return Field("", max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$", description=told + "it is asked for.")


class Operator(_Group):
    """Who runs this deployment; the privacy page and the records name them."""

    name: str = Field("", max_length=300, description="Who runs this deployment: name and postal address.")
    contact: str = Field("", max_length=300, description="Where people write to with questions about their data.")
    officer: str = Field("", max_length=300, description="The operator's data protection officer, where there is one.")


class Residency(_Group):
    """Where everything lies: what AWS can be asked for is checked, the rest the operator vouches for in the ledger."""

    aws_regions: tuple[str, ...] = Field(
        (), description="AWS regions that lie in this deployment's region (JSON list); stores elsewhere are refused."
    )
    machines: str = _place("the machines of this deployment stand")
    database: str = _place("a PostgreSQL on other machines lies")
    blobs: str = _place("an S3 store lies that is not AWS")
    root_key: str = _place("a root key lies in a KMS that is not AWS")
    expiry: str = _place("a Redis on other machines lies")
    journal: str = _place("the erasure journal lies, with its copies")
    backups: str = _place("backups lie")
    logs: str = _place("logs are kept")


class Settings(BaseSettings):
    """The whole configuration. Values are checked one by one here and together by `gateway.safety`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8420, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    public_url: Address = Field(
        "", validate_default=False, description="Address that browsers use; default: host and port."
    )
    tls_cert: Path | None = Field(None, description="Certificate chain (PEM), to serve TLS directly.")
    tls_key: Path | None = Field(None, description="Its private key (PEM).")
    behind_proxy: bool = Field(False, description="A reverse proxy in front ends TLS and is the only way here.")
    region: str = Field("local", min_length=1, description="The one region that this deployment serves.")
    data_dir: Path = Field(Path(".data"), description="Folder of the embedded database and the sealed blobs.")
    database_url: SecretStr = Field(
        SecretStr(""), description="sqlite:///path or postgresql://…?sslmode=verify-full; default: SQLite in data_dir."
    )
    blobs_url: SecretStr = Field(
        SecretStr(""), description="file:///path or s3://bucket/prefix?endpoint=…; default: a folder in data_dir."
    )
    root_key_file: Path | None = Field(
        None, description="File of the root key, outside data_dir, mode 0600; default: beside data_dir."
    )
    root_key: SecretStr | None = Field(
        None,
        description="The root key itself (base64, 32 bytes) instead of a file; several versions as "
        "`file-access keys new` prints them.",
    )
    root_kms: str = Field(
        "",
        description="AWS KMS makes and keeps the root key: kms://region, such as kms://eu-central-1, with "
        "?endpoint=https://… where it answers elsewhere. Versions from before stay where they are.",
    )
    keys: KeyTimes = KeyTimes()
    journal_dir: Path = Field(
        Path(".data-journal"),
        description="Folder of the erasure journal, outside data_dir, backed up apart; default: beside data_dir.",
    )
    expiry_dir: Path | None = Field(
        None, description="Folder in memory (tmpfs) for expiry keys, outside data_dir; default: one in /dev/shm."
    )
    expiry_url: SecretStr = Field(
        SecretStr(""),
        description="Redis for expiry keys, where several machines share a database: "
        "rediss://user:password@host:port/database (redis:// on this machine only), instead of a folder.",
    )
    expiry_attested: bool = Field(
        False,
        description="The operator vouches that a Redis which does not show its configuration (CONFIG GET) writes "
        "nothing to disk and evicts nothing.",
    )
    cache_seconds: int = Field(
        3600,
        ge=60,
        le=86_400,
        description="Life of a cached copy, counted from storing it, where its school chose nothing else.",
    )
    cache_ceiling_seconds: int = Field(
        86_400, ge=60, le=86_400, description="Longest life of a cached copy that a school may choose."
    )
    cache_bytes: int = Field(0, ge=0, description="Bytes that all cached copies may take; 0: no cap.")
    cache_school_bytes: int = Field(0, ge=0, description="Bytes that those of one school may take; 0: no cap.")
    trash_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="Days after which the native drive's trash is deleted for good, where a school chose nothing else.",
    )
    native_versions: int = Field(
        10,
        ge=0,
        le=1000,
        description="Older versions of each file that the native drive keeps, where a school chose nothing else.",
    )
    history_days: int = Field(
        30,
        ge=1,
        le=365,
        description="Days that reports of jobs and the history of people's requests are kept, where a school chose "
        "nothing else.",
    )
    ledger_days: int = Field(
        1095, ge=365, le=3650, description="Days that the ledger is kept, where a school chose nothing else."
    )
    native_quota_bytes: int = Field(
        0, ge=0, description="Bytes a person may keep in the native drive, versions and trash included; 0: unlimited."
    )
    native_school_quota_bytes: int = Field(
        0, ge=0, description="Bytes that all people of one school may keep in the native drive together; 0: unlimited."
    )
    identity_providers: tuple[IdentityProvider, ...] = Field((), description="Who may sign in (JSON list); no default.")
    extension_ids: tuple[str, ...] = Field(
        (), description="Ids of the browser extensions that may sign in (JSON list)."
    )
    google: Google = Google()
    microsoft: Microsoft = Microsoft()
    session: SessionLimits = SessionLimits()
    limits: Limits = Limits()
    operator: Operator = Operator()
    residency: Residency = Residency()
    incidents: IncidentLimits = IncidentLimits()
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Bearer token under which /metrics answers (Prometheus); empty: it does not exist."
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="Least severe level that is logged."
    )

    @property
    def outside(self) -> tuple[str, ...]:
        """Every address that the gateway itself may call, for the one way out."""
        google, microsoft = self.google, self.microsoft
        providers = [place for one in self.identity_providers for place in (one.issuer, *one.origins)]
        ours = (google.api_root, google.token_url, google.revoke_url, microsoft.authority, microsoft.graph_root)
        return tuple(dict.fromkeys([*ours, *providers]))

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Addresses that follow from others. An SQLite path is absolute, so that a changed folder cannot move it."""
        folder = Path(data.get("data_dir") or ".data").absolute()
        host = data.get("host") or "127.0.0.1"
        shown = f"[{host}]" if ":" in host else host
        scheme = "https" if data.get("tls_cert") else "http"
        derived = {
            "data_dir": folder,
            "public_url": f"{scheme}://{shown}:{data.get('port') or 8420}",
            "database_url": f"sqlite:///{folder}/gateway.db",
            "blobs_url": f"{folder.as_uri()}/blobs",
            "journal_dir": folder.with_name(folder.name + "-journal"),
            "root_key_file": None if data.get("root_key") else folder.with_name(folder.name + "-root.key"),
        }
        return {**data, **{name: value for name, value in derived.items() if not data.get(name)}, "data_dir": folder}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then the file."""
        return (init_settings, env_settings, *_file(settings_cls))


def _file(settings: type[BaseSettings]) -> Iterator[PydanticBaseSettingsSource]:
    path = os.environ.get(CONFIG)
    if not path:
        return
    if not Path(path).is_file():
        raise FileNotFoundError(f"{CONFIG} names no file")
    if path.endswith(".toml"):
        yield TomlConfigSettingsSource(settings, Path(path))
    else:
        yield DotEnvSettingsSource(settings, env_file=Path(path))


def unknown(environment: Mapping[str, str]) -> list[str]:
    """Variables with our prefix that no setting reads: most likely misspelt."""
    known = {name for name, *_ in _walk(Settings, "")}
    whole = {name.split("__")[0] for name in known}
    return sorted(
        name
        for name in environment
        if name.upper().startswith(PREFIX)
        and not name.startswith(FOR_TESTS)
        and name != CONFIG
        and name.upper() not in known | whole
    )


def _walk(model: type[BaseModel], before: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        kind, label = field.annotation, f"{before or PREFIX}{name.upper()}"
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _walk(kind, f"{label}__")
            continue
        default = field.get_default()
        shown = default.get_secret_value() if isinstance(default, SecretStr) else default
        text = "" if shown in (None, "", ()) else " ".join(shown) if isinstance(shown, tuple) else str(shown)
        yield label, text, field.description or ""


def describe() -> str:
    """Every setting as a Markdown table: variable, default, meaning."""
    rows = [
        f"| `{name}` | {f'`{default}`' if default else ''} | {text} |" for name, default, text in _walk(Settings, "")
    ]
    fields = IdentityProvider.model_fields.items()
    entries = [
        f"| `{name}` | {'needed' if field.is_required() else ''} | {field.description} |" for name, field in fields
    ]
    head = "| variable | default | meaning |\n|---|---|---|\n"
    each = "\n\nEach entry of `FILE_ACCESS_IDENTITY_PROVIDERS`:\n\n| field | | meaning |\n|---|---|---|\n"
    return head + "\n".join(rows) + each + "\n".join(entries) + "\n"
