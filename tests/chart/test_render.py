"""What the chart renders: valid for Kubernetes, the same as before, and tied together without a loose end."""

import json
import re
from importlib import import_module
from typing import Any

import kubernetes_validate
import pytest
from pydantic import AliasChoices

from gateway.settings import GatewaySettings
from servicekit.settings import ServiceSettings
from tests.chart.helm import (
    CHART,
    DEFAULT,
    FULL,
    SNAPSHOT,
    TRIAL,
    VALUES_FILES,
    environment_of,
    helm,
    pick,
    pod_of,
    render,
    render_text,
)
from tools.services import service_names

# The oldest that Chart.yaml allows, and the newest that the schemas know.
OLDEST, NEWEST = "1.30", kubernetes_validate.latest_version()
OPERATOR_KINDS = {"ServiceMonitor", "PrometheusRule"}
COMPONENTS = (*service_names(), "gateway")
# Told to all of them in one ConfigMap; the gateway reads only some.
SHARED = {
    "FILES_URL",
    "FRONTEND_URL",
    "PUBLIC_URL",
    "STREAM_MAX_AGE_DAYS",
    "STREAM_MAX_BYTES",
    "STREAM_REPLICAS",
    "TRACE_SAMPLE_RATIO",
}

by_values = pytest.mark.parametrize("values", VALUES_FILES, ids=lambda path: path.stem)


def settings_of(component: str) -> type[ServiceSettings] | type[GatewaySettings]:
    if component == "gateway":
        return GatewaySettings
    settings: type[ServiceSettings] = import_module(f"services.{component}.settings").Settings
    return settings


def variables_of(settings: type[ServiceSettings] | type[GatewaySettings]) -> dict[str, bool]:
    """Every variable that a process reads, and whether it must be set."""
    prefix = settings.model_config.get("env_prefix", "")
    found = {}
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        variable = str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"{prefix}{name}".upper()
        found[variable] = field.is_required()
    return found


@pytest.mark.parametrize(
    ("values", "version"),
    [(DEFAULT, NEWEST), (FULL, NEWEST), (TRIAL, NEWEST), (FULL, OLDEST)],
    ids=lambda case: getattr(case, "stem", case),
)
def test_every_manifest_is_valid(values, version):
    manifests = [manifest for manifest in render(values) if manifest["kind"] not in OPERATOR_KINDS]
    assert len(manifests) > len(COMPONENTS)
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_misspelt_field_would_be_found():
    deployment = pick(render(DEFAULT), "Deployment", "mizan-pos")
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePullPolcy"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, NEWEST, strict=True)


@by_values
def test_helm_finds_nothing_to_complain_about(values):
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), "--values", str(values))


def test_the_default_render_is_the_one_that_was_reviewed():
    """After a change that is meant: `python -m tests.chart.helm`, and look at the difference."""
    assert render_text(DEFAULT) == SNAPSHOT.read_text()


@by_values
def test_no_two_manifests_have_one_name(values):
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in render(values)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("component", COMPONENTS)
@by_values
def test_a_component_is_told_what_it_reads_and_nothing_else(values, component):
    manifests = render(values)
    told = environment_of(pick(manifests, "Deployment", f"mizan-{component}"), manifests)
    read = variables_of(settings_of(component))
    assert {variable for variable, required in read.items() if required} <= told.keys()
    unread = {variable for variable in told.keys() - read.keys() if not variable.endswith("_TARGET")}
    assert unread <= SHARED


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_understands_what_it_is_told(component, monkeypatch):
    manifests = render(FULL)
    told = environment_of(pick(manifests, "Deployment", f"mizan-{component}"), manifests)
    for variable, text in told.items():
        monkeypatch.setenv(variable, text)
    settings: Any = settings_of(component)()
    assert str(settings.internal_keys_dir) == "/etc/mizan/internal-keys"
    assert settings.trace_sample_ratio == 0.1
    assert settings.drain_seconds == 15
    if component == "gateway":
        assert settings.cors_origins == ["https://app.example.com", "https://admin.example.com"]
        assert settings.target_of("pos") == "dns:///mizan-pos.mizan.svc.cluster.local:50051"
        assert settings.notify_ws_url == "ws://mizan-notify-ws:8090"
        assert settings.host == "0.0.0.0"  # noqa: S104 - inside a pod everything comes from elsewhere
    else:
        assert (settings.grpc_port, settings.http_port) == (50051, 8080)
    if component == "notify":
        assert (settings.ws_host, settings.ws_port) == ("0.0.0.0", 8090)  # noqa: S104 - as above
        assert list(settings.ws_origins) == ["https://admin.example.com"]


@by_values
def test_whoever_calls_is_told_the_address_and_let_through(values):
    manifests = render(values)
    told: set[tuple[str, str]] = set()
    let_in: set[tuple[str, str]] = set()
    let_out: set[tuple[str, str]] = set()
    for component in COMPONENTS:
        environment = environment_of(pick(manifests, "Deployment", f"mizan-{component}"), manifests)
        told |= {(component, name.removesuffix("_TARGET").lower()) for name in environment if name.endswith("_TARGET")}
        policy = pick(manifests, "NetworkPolicy", f"mizan-{component}")["spec"]
        let_in |= {(peer, component) for peer in peers_on("grpc", policy["ingress"], "from")}
        let_out |= {(component, peer) for peer in peers_on(50051, policy["egress"], "to")}
    assert told == let_in == let_out
    assert {("gateway", service) for service in service_names()} <= told
    assert (("timeclock", "scheduling") in told) is (values == FULL)


def peers_on(port: str | int, rules: list[Any], side: str) -> set[str]:
    """The components that rules name on a port."""
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for rule in rules
        for peer in rule.get(side, [])
        if "podSelector" in peer and port in [entry["port"] for entry in rule["ports"]]
    }


@by_values
def test_services_and_probes_lead_to_ports_that_pods_have(values):
    manifests = render(values)
    pods = [pod for manifest in manifests if (pod := pod_of(manifest))]
    for service in (manifest for manifest in manifests if manifest["kind"] == "Service"):
        selected = [pod for pod in pods if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()]
        assert len(selected) == 1, service["metadata"]["name"]
        offered = {port["name"] for port in selected[0]["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= offered
    for pod in pods:
        for container in pod["spec"]["containers"]:
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = container.get(kind, {})
                for named in (probe.get("httpGet"), probe.get("tcpSocket")):
                    assert named is None or named["port"] in ports
                assert "grpc" not in probe or probe["grpc"]["port"] in ports.values()


def test_only_the_grpc_services_are_headless():
    services = {one["metadata"]["name"]: one["spec"] for one in render(FULL) if one["kind"] == "Service"}
    headless = {name for name, spec in services.items() if spec.get("clusterIP") == "None"}
    assert headless == {f"mizan-{name}" for name in service_names()}
    assert services.keys() - headless == {"mizan-gateway", "mizan-notify-ws"}


def test_pods_are_replaced_when_the_configuration_changes():
    def checksum(*sets: str) -> str:
        deployment = pick(render(DEFAULT, sets=sets), "Deployment", "mizan-pos")
        return str(deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum() == checksum("ingress.enabled=true")
    assert checksum() != checksum('logLevel="DEBUG"')


def test_sockets_go_straight_to_notify_where_it_serves_them():
    def paths(*sets: str) -> dict[str, str]:
        rules = pick(render(FULL, sets=sets), "Ingress", "mizan-gateway")["spec"]["rules"]
        assert [rule["host"] for rule in rules] == ["mizan.example.com"]
        return {path["path"]: path["backend"]["service"]["name"] for path in rules[0]["http"]["paths"]}

    assert paths() == {"/ws/": "mizan-notify-ws", "/": "mizan-gateway"}
    assert paths("ingress.webSocketsDirect=false") == {"/": "mizan-gateway"}
    assert paths("services.notify.webSocketPort=0") == {"/": "mizan-gateway"}


def test_migrations_run_before_what_needs_them():
    manifests = render(DEFAULT)
    jobs = [manifest for manifest in manifests if manifest["kind"] == "Job"]
    commands = [job["spec"]["template"]["spec"]["containers"][0]["args"] for job in jobs]
    assert sorted(commands) == sorted(["mizan", "migrate", name] for name in service_names())
    for job in jobs:
        assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
        account = pick(manifests, "ServiceAccount", job["spec"]["template"]["spec"]["serviceAccountName"])
        weights = [int(one["metadata"]["annotations"]["helm.sh/hook-weight"]) for one in (account, job)]
        assert weights[0] < weights[1]


def test_only_migrations_see_the_owner_of_a_database():
    for manifest in render(DEFAULT):
        if manifest["kind"] == "Deployment":
            assert "owner" not in json.dumps(manifest)
    containers = pick(render(TRIAL), "Deployment", "mizan-pos")["spec"]["template"]["spec"]
    assert "owner" in json.dumps(containers["initContainers"])
    assert "owner" not in json.dumps(containers["containers"])


def test_a_pod_sees_its_own_private_key_alone():
    manifests = render(DEFAULT)
    for component in COMPONENTS:
        pod = pick(manifests, "Deployment", f"mizan-{component}")["spec"]["template"]["spec"]
        volume = next(volume for volume in pod["volumes"] if volume["name"] == "internal-keys")
        files = {item["path"] for item in volume["secret"]["items"]}
        assert files == {f"{component}.pem", *(f"{issuer}.pub" for issuer in COMPONENTS)}


def test_a_component_that_is_off_leaves_nothing():
    text = render_text(DEFAULT, sets=["services.pos.enabled=false"])
    assert not re.search(r"\bmizan-pos\b|POS_TARGET|pos\.pub|migrate, pos\b", text)


def test_names_follow_the_release():
    names = {manifest["metadata"]["name"] for manifest in render(DEFAULT, release="blue")}
    assert all(name.startswith("blue-mizan") for name in names)


def test_a_number_of_pods_is_set_by_one_alone():
    scaled = pick(render(DEFAULT), "Deployment", "mizan-pos")["spec"]
    assert "replicas" not in scaled
    assert pick(render(DEFAULT), "HorizontalPodAutoscaler", "mizan-pos")["spec"]["minReplicas"] == 2
    fixed = render(DEFAULT, sets=["services.pos.autoscaling.enabled=false", "services.pos.replicas=3"])
    assert pick(fixed, "Deployment", "mizan-pos")["spec"]["replicas"] == 3
    assert not [one for one in fixed if one["kind"] == "HorizontalPodAutoscaler" and "pos" in one["metadata"]["name"]]


def test_a_journey_is_made_by_an_account_or_by_a_newcomer_to_the_trial():
    def journey(values, *sets):
        found = [one for one in render(values, sets=list(sets)) if one["metadata"]["name"] == "mizan-test-journey"]
        return found[0]["spec"]["containers"][0] if found else None

    assert journey(DEFAULT) is None
    logging_in = journey(DEFAULT, 'helmTest.accountSecret="check"')
    assert logging_in["args"] == ["mizan", "journey"]
    secrets = [one["valueFrom"]["secretKeyRef"] for one in logging_in["env"] if "valueFrom" in one]
    assert secrets == [{"name": "check", "key": "email"}, {"name": "check", "key": "password"}]
    assert journey(TRIAL)["args"] == ["mizan", "journey", "--sign-up"]
