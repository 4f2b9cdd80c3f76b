# What programs written with docker-py do, step by step; prints the name of each step that held.

import io
import sys
import tarfile
import threading
import traceback

import docker
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound

client = docker.DockerClient(base_url="unix://" + sys.argv[1], version="auto", timeout=60)
steps = []


def step(function):
    steps.append(function)
    return function


def tar_of(name, content):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return data.getvalue()


@step
def system():
    assert client.ping()
    assert client.version()["Os"] == "linux"
    info = client.info()
    assert info["Driver"] == "overlay2" and info["NCPU"] > 0
    # Named otherwise from API 1.52 on.
    assert any(key.startswith("Container") for key in client.df())


@step
def run_and_its_output():
    assert client.containers.run("busybox", "echo hello", remove=True) == b"hello\n"
    both = client.containers.run("busybox", ["sh", "-c", "echo out; echo err >&2"], stdout=True, stderr=True, remove=True)
    assert sorted(both.split()) == [b"err", b"out"], both
    try:
        client.containers.run("busybox", "sh -c 'echo bad >&2; exit 3'", remove=True)
        raise AssertionError("no error")
    except ContainerError as error:
        assert error.exit_status == 3 and error.stderr == b"bad\n", error.stderr


@step
def options_of_run():
    container = client.containers.run(
        "busybox", "sleep 300", name="options", detach=True, environment={"A": "b"}, hostname="there", mem_limit="64m",
        nano_cpus=500000000, pids_limit=20, labels={"l": "m"}, ports={"80/tcp": ("127.0.0.1", None)}, init=True,
        volumes={"data": {"bind": "/data", "mode": "rw"}}, tmpfs={"/t": "size=1m"}, working_dir="/data", user="5:6",
        cap_add=["NET_ADMIN"], cap_drop=["CHOWN"], restart_policy={"Name": "on-failure", "MaximumRetryCount": 2},
        ulimits=[docker.types.Ulimit(name="nofile", soft=100, hard=200)], extra_hosts={"other": "1.2.3.4"},
        log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m"}), shm_size="8m",
        mounts=[docker.types.Mount("/m", "data", type="volume", read_only=True)],
    )
    container.reload()
    assert container.status == "running" and container.labels["l"] == "m"
    assert container.ports["80/tcp"][0]["HostIp"] == "127.0.0.1"
    code, output = container.exec_run("sh -c 'echo $A; hostname; pwd; id -u; ulimit -n; grep -c other /etc/hosts'")
    assert (code, output.split()) == (0, [b"b", b"there", b"/data", b"5", b"100", b"1"]), output
    container.remove(force=True, v=True)
    client.volumes.get("data").remove()


@step
def logs_and_attach():
    container = client.containers.run("busybox", "sh -c 'for i in 1 2 3; do echo line $i; sleep .1; done'", detach=True)
    assert b"".join(container.logs(stream=True, follow=True)) == b"line 1\nline 2\nline 3\n"
    assert container.logs(tail=1) == b"line 3\n"
    assert container.logs(timestamps=True).count(b"Z line ") == 3
    assert container.wait()["StatusCode"] == 0
    container.remove()
    container = client.containers.create("busybox", "cat", stdin_open=True)
    socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    socket._sock.sendall(b"through\n")
    assert socket.read(8)[0] == 1 and socket.read(8) == b"through\n"
    socket.close()
    container.remove(force=True)


@step
def exec_in_all_forms():
    container = client.containers.run("busybox", "sleep 300", detach=True)
    assert container.exec_run("sh -c 'exit 7'").exit_code == 7
    out, err = container.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True).output
    assert (out, err) == (b"out\n", b"err\n")
    assert b"".join(container.exec_run("seq 3", stream=True).output) == b"1\n2\n3\n"
    _, socket = container.exec_run("cat", stdin=True, socket=True)
    socket._sock.sendall(b"in\n")
    assert socket.read(11)[8:] == b"in\n"
    socket.close()
    assert container.exec_run("tty", tty=True).output.startswith(b"/dev/pts/")
    assert container.exec_run("env", environment=["X=y"], workdir="/tmp", user="9").exit_code == 0
    container.remove(force=True)


@step
def files():
    container = client.containers.create("busybox", "cat /tmp/in")
    assert container.put_archive("/tmp", tar_of("in", b"put\n"))
    container.start()
    container.wait()
    assert container.logs() == b"put\n"
    stream, stat = container.get_archive("/tmp/in")
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        assert archive.extractfile("in").read() == b"put\n"
    assert (stat["name"], stat["size"]) == ("in", 4)
    assert {"Path": "/tmp/in", "Kind": 1} in container.diff()
    with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as archive:
        assert archive.getmember("tmp/in").size == 4
    try:
        container.get_archive("/nothing")
        raise AssertionError("no error")
    except NotFound:
        pass
    image = container.commit("committed", "1", message="said", author="me", changes="LABEL a=b")
    assert image.labels["a"] == "b" and image.tags == ["committed:1"]
    assert client.containers.run("committed:1", "cat /tmp/in", remove=True) == b"put\n"
    client.images.remove("committed:1", force=True)
    container.remove()


@step
def life():
    container = client.containers.create("busybox", "sleep 300", name="life")
    assert container.status == "created"
    container.start()
    container.pause()
    assert client.containers.get("life").status == "paused"
    container.unpause()
    container.rename("lives")
    assert container.update(mem_limit="32m", memswap_limit="64m")["Warnings"] is None
    assert client.containers.get("lives").attrs["HostConfig"]["Memory"] == 32 << 20
    assert container.top(ps_args="-o pid,args")["Processes"][0][1] == "sleep 300"
    stats = container.stats(stream=False)
    assert stats["memory_stats"]["limit"] == 32 << 20 and stats["cpu_stats"]["online_cpus"] > 0
    assert next(container.stats(stream=True, decode=True))["id"] == container.id
    container.restart(timeout=0)
    container.kill("SIGKILL")
    assert container.wait(condition="not-running")["StatusCode"] == 137
    container.start()
    container.stop(timeout=0)
    container.remove()
    try:
        client.containers.get("lives")
        raise AssertionError("no error")
    except NotFound as error:
        assert "No such container" in error.explanation


@step
def health():
    check = {"test": ["CMD", "true"], "interval": 200 * 1000000, "retries": 1}
    container = client.containers.run("busybox", "sleep 300", detach=True, healthcheck=check)
    for event in client.events(decode=True, since=0, filters={"container": container.id, "event": "health_status"}):
        assert "healthy" in event["Action"] + event.get("status", "")
        break
    assert client.containers.get(container.id).attrs["State"]["Health"]["Status"] == "healthy"
    container.remove(force=True)


@step
def events():
    seen = []
    stream = client.events(decode=True, filters={"type": "container", "label": "watched"})
    ready = threading.Event()

    def watch():
        ready.set()
        for event in stream:
            seen.append(event["Action"])
            if event["Action"] == "destroy":
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    ready.wait()
    client.containers.run("busybox", "true", remove=True, labels=["watched"])
    watcher.join(20)
    stream.close()
    assert [action for action in seen if action in ("create", "start", "die", "destroy")] == ["create", "start", "die", "destroy"], seen


@step
def lists_and_prune():
    made = [client.containers.create("busybox", "true", labels={"pruned": str(index)}) for index in range(3)]
    assert len(client.containers.list(all=True, filters={"label": "pruned"})) == 3
    assert client.containers.list(all=True, filters={"label": "pruned=1"})[0].id == made[1].id
    assert client.containers.list(filters={"label": "pruned"}) == []
    assert len(client.containers.prune(filters={"label": ["pruned"]})["ContainersDeleted"]) == 3
    assert {network.name for network in client.networks.list()} >= {"bridge", "host", "none"}


@step
def images():
    image = client.images.get("busybox")
    assert image.tag("other", "2") and image.history()[0]["Size"] >= 0
    saved = b"".join(client.images.get("other:2").save(named="other:2"))
    client.images.remove("other:2")
    assert client.images.load(saved)[0].tags != []
    client.images.remove("other:2")
    for missing in (lambda: client.images.get("nothing"), lambda: client.containers.create("nothing")):
        try:
            missing()
            raise AssertionError("no error")
        except ImageNotFound:
            pass


@step
def volumes():
    volume = client.volumes.create("v1", labels={"a": "b"})
    assert client.volumes.get("v1").attrs["Labels"] == {"a": "b"}
    assert [found.name for found in client.volumes.list(filters={"label": "a=b"})] == ["v1"]
    volume.remove()


@step
def errors():
    container = client.containers.create("busybox", "nothing-like-it")
    try:
        container.start()
        raise AssertionError("no error")
    except APIError as error:
        assert error.status_code == 400 and "not found" in error.explanation, error
    container.remove()
    try:
        client.containers.create("busybox", mem_limit="1m")
        raise AssertionError("no error")
    except APIError as error:
        assert error.status_code == 400 and "6MB" in error.explanation


for function in steps:
    try:
        function()
        print(function.__name__, flush=True)
    except Exception:
        traceback.print_exc()
