"""What the chart's documents say: the table of values, the runbooks, the trial's Secrets."""

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import yaml
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from deploy.helm.trial_secrets import trial_secrets
from deploy.helm.values_table import CHART, Undocumented, values_of, with_table
from tests.chart.helm import FULL, ROOT, TRIAL, Manifest, pick, pod_of, render

RUNBOOKS = ROOT / "docs" / "operations" / "runbooks.md"
METRIC = re.compile(r"\bmizan_[a-z_]+")
# What Prometheus' client adds to a metric's name.
SUFFIX = re.compile(r"_(total|bucket|sum|count)$")


def rules() -> list[Manifest]:
    groups: list[Manifest] = pick(render(FULL), "PrometheusRule", "mizan")["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_table_of_values_is_current():
    """`python -m deploy.helm.values_table` makes it so."""
    readme = (CHART / "README.md").read_text()
    assert readme == with_table(readme, (CHART / "values.yaml").read_text())


def test_a_value_without_a_comment_is_found():
    text = "# A group.\ngroup:\n  # Explained.\n  one: 1\n  two: 2\n"
    with pytest.raises(Undocumented, match=r"group\.two"):
        values_of(text)


def test_a_row_says_path_default_and_meaning():
    rows = values_of("# Many\n# words.\nlist: [a]\ngroup:\n  # One | two.\n  on: true\n")
    assert [(row.path, row.default, row.meaning) for row in rows] == [
        ("list", '["a"]', "Many words."),
        ("group.on", "true", "One | two."),
    ]


def test_every_value_is_in_the_schema():
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values.keys() == schema["properties"].keys() - {"global"}
    assert values["defaults"].keys() == schema["definitions"]["component"]["properties"].keys()


def test_the_secrets_to_be_made_are_those_that_pods_ask_for():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    table = (CHART / "README.md").read_text().split("## Before the first install")[1].split("## ")[0]
    listed = dict(re.findall(r"^\| `mizan-(\w+)`[^|]*\| ([^|]*) \|$", table, re.MULTILINE))
    for name, component in (values["services"] | {"gateway": values["gateway"]}).items():
        optional = component.get("optionalSecretEnv", [])
        asked: dict[bool, set[str]] = {True: set(), False: set()}
        for variable, key in component["secretEnv"].items():
            asked[variable in optional].add(key)
        needed, _, extra = listed.get(name, "").partition("optional:")
        assert set(re.findall(r"`([a-z-]+)`", needed)) == asked[False] - {"database-url"}, name
        assert set(re.findall(r"`([a-z-]+)`", extra)) == asked[True], name


def test_every_alert_has_its_runbook():
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOKS.read_text(), re.MULTILINE | re.DOTALL))
    assert sorted(sections) == sorted(rule["alert"] for rule in rules())
    for rule in rules():
        assert rule["annotations"]["runbook_url"].endswith(f"#{rule['alert'].lower()}")
        for part in ("**Means**", "**Look**", "**Do**"):
            assert part in sections[rule["alert"]], rule["alert"]


def test_alerts_ask_for_metrics_that_exist():
    declared = set(metrics_declared())
    asked = {SUFFIX.sub("", name) for rule in rules() for name in METRIC.findall(rule["expr"])}
    assert asked
    assert asked <= declared


def metrics_declared() -> Iterator[str]:
    for folder in ("libs/servicekit", "gateway", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            yield from re.findall(r'\b(?:Counter|Gauge|Histogram)\(\s*"(mizan_[a-z_]+)"', path.read_text())


def test_the_dashboard_shows_metrics_that_exist():
    dashboard = json.loads(pick(render(FULL), "ConfigMap", "mizan-dashboard")["data"]["mizan.json"])
    shown = {target["expr"] for panel in dashboard["panels"] for target in panel["targets"]}
    assert len(shown) == len(dashboard["panels"]) == len({panel["id"] for panel in dashboard["panels"]})
    assert {SUFFIX.sub("", name) for expr in shown for name in METRIC.findall(expr)} <= set(metrics_declared())
    names = {word for panel in dashboard["panels"] for word in re.findall(r"Mizan[A-Z]\w+", panel["description"])}
    assert names <= {rule["alert"] for rule in rules()}


def test_alerts_say_how_bad_and_how_long():
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert re.fullmatch(r"[0-9]+m", rule["for"])
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert rule["expr"].count("{") == rule["expr"].count("}")


def test_the_monitor_finds_the_metrics_of_every_component():
    manifests = render(FULL)
    endpoint = pick(manifests, "ServiceMonitor", "mizan")["spec"]["endpoints"][0]
    services = [one for one in manifests if one["kind"] == "Service" and not one["metadata"]["name"].endswith("-ws")]
    assert len(services) == 8
    for service in services:
        assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]


def secrets_asked_for(manifests: list[Manifest]) -> Iterator[tuple[str, str]]:
    """Every Secret and key without which a pod would not start."""
    for spec in (pod["spec"] for manifest in manifests if (pod := pod_of(manifest))):
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            for variable in container.get("env", []):
                reference = variable.get("valueFrom", {}).get("secretKeyRef")
                if reference and not reference.get("optional"):
                    yield reference["name"], reference["key"]
        for volume in spec["volumes"]:
            for item in volume.get("secret", {}).get("items", []):
                yield volume["secret"]["secretName"], item["key"]
            if "secret" in volume and "items" not in volume["secret"]:
                yield volume["secret"]["secretName"], "access.pem"


def test_the_trials_secrets_are_those_that_its_pods_ask_for():
    made = {one["metadata"]["name"]: one["stringData"] for one in trial_secrets("mizan", "smtp://mail:25")}
    asked = set(secrets_asked_for(render(TRIAL)))
    assert asked == {(name, key) for name, texts in made.items() for key in texts}
    hosts = {urlsplit(made[name]["database-url"]).hostname for name in made if "database-url" in made[name]}
    services = {one["metadata"]["name"] for one in render(TRIAL) if one["kind"] == "Service"}
    assert hosts == {"mizan-postgresql"} <= services
    assert {urlsplit(made[name]["url"]).hostname for name in ("mizan-nats", "mizan-redis")} <= services


def test_the_trials_secrets_are_keys_that_work():
    made = {one["metadata"]["name"]: one["stringData"] for one in trial_secrets("mizan", "smtp://mail:25")}
    pair = made["mizan-internal-keys"]
    message = b"a token"
    private = load_pem_private_key(pair["pos.pem"].encode(), password=None)
    public = load_pem_public_key(pair["pos.pub"].encode())
    assert isinstance(private, Ed25519PrivateKey)
    assert isinstance(public, Ed25519PublicKey)
    public.verify(private.sign(message), message)
    Fernet(made["mizan-identity"]["encryption-keys"])
    again = {one["metadata"]["name"]: one["stringData"] for one in trial_secrets("mizan", "smtp://mail:25")}
    assert made["mizan-identity"]["pin-pepper"] != again["mizan-identity"]["pin-pepper"]
