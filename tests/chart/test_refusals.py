"""Values that the chart refuses: those that the schema does not know, and those that contradict each other."""

import pytest

from tests.chart.helm import DEFAULT, TRIAL, HelmFailed, render_text

UNKNOWN_TO_THE_SCHEMA = {
    "a misspelt value": ('logLevle="INFO"', "logLevle"),
    "a misspelt value of a service": ("services.pos.replica=3", "replica"),
    "a misspelt value of the gateway": ("gateway.corsOrigin=[]", "corsOrigin"),
    "a service that is none": ("services.kitchen={}", "kitchen"),
    "a text for a number": ('services.pos.replicas="3"', "replicas"),
    "no pods": ("services.pos.replicas=0", "replicas"),
    "an unknown level": ('logLevel="LOUD"', "logLevel"),
    "an address without a scheme": ('publicUrl="mizan.example.com"', "publicUrl"),
    "an even number of copies": ("nats.streamReplicas=2", "streamReplicas"),
    "no bucket": ('files.url=""', "url"),
    "files somewhere else": ('files.url="ftp://files"', "url"),
    "a variable that is none": ('services.pos.env={"pos-level": "1"}', "pos-level"),
    "a number for a variable": ('services.pos.env={"POS_LEVEL": 1}', "POS_LEVEL"),
    "a port too high": ("services.notify.webSocketPort=70000", "webSocketPort"),
    "a share above one": ("telemetry.sampleRatio=2", "sampleRatio"),
    "an unknown mode": ('migrations.mode="later"', "mode"),
    "a boolean for a text": ("image.tag=true", "tag"),
    "a secret in a value": ('services.pos.databaseUrl="postgresql://u:p@h/d"', "databaseUrl"),
    "a proxy that is no network": ('gateway.trustedProxies=["proxy"]', "trustedProxies"),
    "callers of the gateway": ('gateway.callers=["pos"]', "callers"),
    "an unknown unit": ('gateway.resources.limits.memory="1GB"', "memory"),
}
CONTRADICTIONS = {
    "no gateway": (["gateway.enabled=false"], "without the gateway"),
    "no identity": (["services.identity.enabled=false"], "without identity"),
    "a caller that is none": (['services.pos.callers=["gateway", "kitchen"]'], 'no component "kitchen"'),
    "a caller of itself": (['services.pos.callers=["pos"]'], "does not call itself"),
    "fewest above most": (["services.pos.autoscaling.minReplicas=9"], "more than autoscaling.maxReplicas"),
    "nodes that cannot be drained": (["services.pos.podDisruptionBudget.minAvailable=2"], "no node could be drained"),
    "one pod with a budget": (
        ["services.pos.autoscaling.enabled=false", "services.pos.replicas=1"],
        "no node could be drained",
    ),
    "killed while draining": (["gateway.terminationGracePeriodSeconds=20"], "terminationGracePeriodSeconds"),
    "files that go with the pod": (['files.url="file:///files"'], "set files.existingClaim"),
    "a claim beside a bucket": (['files.existingClaim="files"'], "file:// URL"),
    "a variable told twice": (['services.pos.env={"POS_DATABASE_URL": "x"}'], "in env and in secretEnv"),
    "an optional secret that is none": (['services.pos.optionalSecretEnv=["POS_KEY"]'], "POS_KEY"),
    "sockets on a taken port": (["services.notify.webSocketPort=8080"], "is taken"),
    "sockets elsewhere": (["services.pos.webSocketPort=8090"], "only notify"),
    "TLS and http": (
        ["ingress.enabled=true", 'ingress.tlsSecret="tls"', 'publicUrl="http://a.example.com"'],
        "says http://",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN_TO_THE_SCHEMA)
def test_the_schema_refuses(case):
    choice, named = UNKNOWN_TO_THE_SCHEMA[case]
    with pytest.raises(HelmFailed, match="don't meet the specifications of the schema") as refused:
        render_text(DEFAULT, sets=[choice])
    assert named in str(refused.value)


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_contradiction_is_refused(case):
    sets, reason = CONTRADICTIONS[case]
    with pytest.raises(HelmFailed) as refused:
        render_text(DEFAULT, sets=sets)
    assert reason in str(refused.value)
    assert "schema" not in str(refused.value)


def test_the_trial_cannot_migrate_before_its_databases_exist():
    with pytest.raises(HelmFailed, match="use initContainer"):
        render_text(TRIAL, sets=['migrations.mode="hook"'])
    with pytest.raises(HelmFailed, match="one NATS server"):
        render_text(TRIAL, sets=["nats.streamReplicas=3"])
