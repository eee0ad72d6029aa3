"""Which workloads may be touched, how far, and where their cluster is."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["Deployment", "StatefulSet", "DaemonSet"]
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
WorkloadName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]


class Workload(BaseModel):
    """One workload by its full name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: Namespace
    kind: Kind = "Deployment"
    name: WorkloadName


class KubernetesPolicy(BaseModel):
    """``workloads`` maps services to workloads. A service that is not there is looked for in ``namespace``, where one is
    given: the workload of that name, else the one whose label ``service_label`` has that value.

    The cluster is that of ``url`` (with ``token_env`` and ``ca_file``), else of ``kubeconfig`` and ``context``, else
    that of the user's own kubeconfig, else the one that this process runs in. Scaling stays within ``max_replicas`` and
    ``max_factor`` times what there is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = ""
    token_env: str = ""
    ca_file: str = ""
    verify: bool = True
    kubeconfig: Path | None = None
    context: str = ""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    namespace: Namespace | Literal[""] = ""
    service_label: str = Field(
        default="app.kubernetes.io/name", pattern=r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,250}[A-Za-z0-9])?$"
    )
    workloads: dict[str, Workload] = Field(default_factory=dict)
    max_replicas: int = Field(default=20, ge=1, le=10_000)
    max_factor: float = Field(default=2.0, ge=1, le=10)
    allow: frozenset[Literal["rollback_workload", "restart_workload", "scale_workload"]] = frozenset(
        ("rollback_workload", "restart_workload", "scale_workload")
    )

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not self.namespace and not self.workloads:
            raise ValueError("name a namespace, or map services in workloads: otherwise there is nothing to act on")
        return self
