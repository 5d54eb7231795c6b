"""What deploy/ shows is checked by the programs that read it."""
import pathlib
import re
import shutil
import subprocess

import pytest

DEPLOY = pathlib.Path(__file__).parent.parent / "deploy"


def test_systemd_unit(binary, tmp_path):
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not installed")
    unit, count = re.subn("/usr/local/bin/cafe-server", binary, (DEPLOY / "cafe-server.service").read_text())
    assert count == 1
    (tmp_path / "cafe-server.service").write_text(unit)
    done = subprocess.run([analyze, "verify", "--man=no", str(tmp_path / "cafe-server.service")], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    options = re.search(r"ExecStart=\S+ (.*)", unit)[1]
    told = subprocess.run([binary, "serve", "--help"], capture_output=True, text=True).stdout
    assert all(option in told for option in re.findall(r"--[a-z-]+", options)), "the unit uses an option that is not there"


def test_image(binary):
    """The image has what `make setup` installs to build, and the packages of the libraries that the program links to run."""
    build, run = (DEPLOY / "Dockerfile").read_text().split("\nFROM debian")
    setup = (DEPLOY.parent.parent / "scripts" / "setup").read_text()
    wanted = [name for found in re.findall(r"packages\+?=\(([^)]*)\)", setup) for name in found.split()]
    assert len(wanted) >= 5 and [name for name in wanted if name not in build.split()] == []
    options = re.findall(r'"(--[a-z-]+)"', run)
    told = subprocess.run([binary, "serve", "--help"], capture_output=True, text=True).stdout
    assert options and all(option in told for option in options), "the image uses an option that is not there"
    if not shutil.which("dpkg-query") or not shutil.which("readelf"):
        pytest.skip("dpkg or readelf is not installed")
    needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(["readelf", "-d", binary], capture_output=True, text=True, check=True).stdout)
    places = dict(re.findall(r"(\S+) => (/\S+)", subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout))
    missing = []
    for name in needed:
        place = pathlib.Path(places.get(name, "/")).resolve()
        found = subprocess.run(["dpkg-query", "-S", f"*{place}"], capture_output=True, text=True)
        if found.returncode:  # Swift's own libraries: linked into the image's program
            continue
        package = found.stdout.split(":")[0]
        if package not in ("libc6", "libgcc-s1") and not any(package.startswith(listed) for listed in re.findall(r"\blib[a-z0-9+.-]+|zlib1g", run)):
            missing.append((name, package))
    assert not missing, f"the image lacks {missing}"


def test_nginx_example(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                    "-subj", "/CN=label.example.org"], check=True, capture_output=True)
    site = (DEPLOY / "nginx.conf").read_text()
    site = site.replace("/etc/ssl/certs/label.example.org.pem", str(certificate)).replace("/etc/ssl/private/label.example.org.key", str(key))
    (tmp_path / "site.conf").write_text(site)
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; error_log stderr; events {{}}\nhttp {{ access_log off; include {tmp_path}/site.conf; }}\n")
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    done = subprocess.run([nginx, "-t", "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr


def test_tls(make_server, tmp_path):
    import http.client
    import ssl
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    server = make_server("--tls-cert", str(certificate), "--tls-key", str(key))
    trust = ssl.create_default_context(cafile=str(certificate))

    def over_tls(method, path, body=None, token=None, **_):
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=trust, timeout=10)
        connection.request(method, path, body, {"Authorization": f"Bearer {token}"} if token else {})
        from conftest import Answer
        return Answer(connection.getresponse())

    server.request = over_tls
    server.start()
    assert server.base.startswith("https://")
    assert server.get("/v1/studies", server.admin).json == {"studies": []}
    page = server.get("/admin", token=None)
    assert page.status == 403
