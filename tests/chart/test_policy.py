"""What a security review asks of every pod that the chart renders."""

import re

import pytest

from tests.chart.helm import DEFAULT, VALUES_FILES, Manifest, pick, pod_of, render, render_text

by_values = pytest.mark.parametrize("values", VALUES_FILES, ids=lambda path: path.stem)
SECRET_LOOKING = re.compile(r"PASSWORD|SECRET|TOKEN|PEPPER|(_|^)KEYS?$|DATABASE_URL|NATS_URL|REDIS_URL|SMTP_URL")
CREDENTIALS_IN_URL = re.compile(r"://[^/\s:@]+:[^/\s@]+@")
COMPONENT = "app.kubernetes.io/component"


def pods_of(manifests: list[Manifest]) -> list[tuple[str, str, Manifest]]:
    """Kind and name of what holds a pod, and the pod."""
    return [(one["kind"], one["metadata"]["name"], pod) for one in manifests if (pod := pod_of(one))]


def containers_of(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


@by_values
def test_nothing_runs_as_root_or_gains_rights(values):
    for kind, name, pod in pods_of(render(values)):
        spec = pod["spec"]
        where = f"{kind} {name}"
        assert spec["securityContext"]["runAsNonRoot"] is True, where
        assert spec["securityContext"]["runAsUser"] > 0, where
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, where
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}, where
        assert not [volume for volume in spec["volumes"] if "hostPath" in volume], where
        for container in containers_of(pod):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, where
            assert context["readOnlyRootFilesystem"] is True, where
            assert context["capabilities"] == {"drop": ["ALL"]}, where
            assert "privileged" not in context, where


@by_values
def test_no_pod_holds_a_token_of_the_cluster(values):
    manifests = render(values)
    for kind, name, pod in pods_of(manifests):
        assert pod["spec"]["automountServiceAccountToken"] is False, f"{kind} {name}"
        assert pod["spec"]["enableServiceLinks"] is False, f"{kind} {name}"
    accounts = [one for one in manifests if one["kind"] == "ServiceAccount"]
    assert accounts
    assert all(account["automountServiceAccountToken"] is False for account in accounts)


@by_values
def test_every_container_states_what_it_uses(values):
    for kind, name, pod in pods_of(render(values)):
        for container in containers_of(pod):
            resources = container["resources"]
            assert resources["requests"].keys() >= {"cpu", "memory"}, f"{kind} {name}"
            assert "memory" in resources["limits"], f"{kind} {name}"
        for volume in pod["spec"]["volumes"]:
            assert "emptyDir" not in volume or "sizeLimit" in volume["emptyDir"], f"{kind} {name}"


@by_values
def test_what_keeps_running_is_probed_and_drained(values):
    for kind, name, pod in pods_of(render(values)):
        if kind not in ("Deployment", "StatefulSet"):
            continue
        for container in pod["spec"]["containers"]:
            assert container.keys() >= {"startupProbe", "readinessProbe", "livenessProbe"}, name
        if kind == "Deployment":
            container = pod["spec"]["containers"][0]
            assert container["lifecycle"]["preStop"]["sleep"]["seconds"] > 0, name
            assert len(pod["spec"]["topologySpreadConstraints"]) == 2, name


@by_values
def test_every_pod_has_a_network_policy_of_its_own(values):
    manifests = render(values)
    policies = [one for one in manifests if one["kind"] == "NetworkPolicy"]
    for kind, name, pod in pods_of(manifests):
        labels = pod["metadata"]["labels"].items()
        own = [one for one in policies if one["spec"]["podSelector"]["matchLabels"].items() <= labels]
        assert [one for one in own if COMPONENT in one["spec"]["podSelector"]["matchLabels"]], f"{kind} {name}"
        assert [one for one in own if one["metadata"]["name"].endswith("-default-deny")], f"{kind} {name}"
    deny = pick(manifests, "NetworkPolicy", "mizan-default-deny")["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert not deny.keys() & {"ingress", "egress"}


def test_the_policies_are_off_where_they_are_not_wanted():
    kinds = {one["kind"] for one in render(DEFAULT, sets=["networkPolicy.enabled=false"])}
    assert "NetworkPolicy" not in kinds


@by_values
def test_no_secret_stands_in_a_manifest(values):
    text = render_text(values)
    assert not CREDENTIALS_IN_URL.search(text)
    for manifest in render(values):
        assert manifest["kind"] != "Secret"
        pod = pod_of(manifest)
        for container in containers_of(pod) if pod else []:
            for variable in container.get("env", []):
                looks_secret = SECRET_LOOKING.search(variable["name"]) is not None
                assert not looks_secret or "value" not in variable, variable["name"]
    config = pick(render(values), "ConfigMap", "mizan")["data"]
    assert not [name for name in config if SECRET_LOOKING.search(name)]


@by_values
def test_names_and_labels_are_texts(values):
    """`no`, `on` or `1.0` without quotes would be something else."""
    for manifest in render(values):
        metadata = manifest["metadata"]
        pod = pod_of(manifest)
        for labels in (metadata.get("labels", {}), metadata.get("annotations", {}), pod["metadata"] if pod else {}):
            for name, text in labels.items():
                assert isinstance(name, str)
                assert isinstance(text, str | dict)
        assert isinstance(metadata["name"], str)
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", metadata["name"])
        assert len(metadata["name"]) <= 63


@by_values
def test_no_key_is_a_boolean(values):
    def keys(node: object) -> list[object]:
        if isinstance(node, dict):
            return [*node, *(key for value in node.values() for key in keys(value))]
        return [key for value in node for key in keys(value)] if isinstance(node, list) else []

    assert all(isinstance(key, str) for manifest in render(values) for key in keys(manifest))


@pytest.mark.parametrize("component", ["pos", "gateway"])
def test_what_may_be_disrupted_leaves_one_that_serves(component):
    budget = pick(render(DEFAULT), "PodDisruptionBudget", f"mizan-{component}")["spec"]
    scaler = pick(render(DEFAULT), "HorizontalPodAutoscaler", f"mizan-{component}")["spec"]
    assert 0 < budget["minAvailable"] < scaler["minReplicas"]
    update = pick(render(DEFAULT), "Deployment", f"mizan-{component}")["spec"]["strategy"]["rollingUpdate"]
    assert update == {"maxSurge": 1, "maxUnavailable": 0}
