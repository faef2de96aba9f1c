"""A ward's desk for the stories that pages tell: a node that a browser opens, and what people do at it."""
import contextlib
import os
import subprocess
import urllib.request

from story import Node, TOOLS, check, until

PASSWORD = "青い鉛筆と三毛猫の夕立"
ROLES = ("administrator", "headquarters", "shelter", "welfare", "supply", "engineer")


class Desk(Node):
    """A node whose pages a browser on the same machine opens without TLS."""

    def start(self, peers=()):
        words = ["--plain-http", "--http", f"127.0.0.1:{self.http}", "--gossip", f"127.0.0.1:{self.gossip}"]
        for peer in peers:
            words += ["--peer", f"{peer.ward}@127.0.0.1:{peer.gossip}"]
        log = open(self.data + ".log", "a")
        self.process = subprocess.Popen([self.binary, "run", "--data", self.data, *words], stdout=log, stderr=log)
        until(f"{self.ward} serves", self.healthy, 20)

    def open(self, method, path, data=None, token=None, timeout=10, headers={}):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token or self.token}", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data, headers, method=method)
        return urllib.request.urlopen(request, timeout=timeout)

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.http}{path}"

    def account(self, login, name, roles=ROLES):
        options = [part for role in roles for part in ("--role", role)]
        made = subprocess.run(
            [self.binary, "account", "add", "--data", self.data, "--login", login, "--name", name, *options],
            input=PASSWORD + "\n", text=True, capture_output=True)
        check(made.returncode == 0, made.stderr)


@contextlib.contextmanager
def working(nodes, browsers):
    """However a story ends, its browsers are closed and its nodes stopped."""
    try:
        yield
    finally:
        for browser in browsers:
            browser.close()
        for node in nodes:
            node.stop()


def sign_in(page, node, login):
    page.open(node.url("/sign-in"))
    page.fill("form.stack [name=login]", login)
    page.fill("form.stack [name=password]", PASSWORD)
    page.submit("form.stack button")
    check(page.run("location.pathname") != "/sign-in", f"{login} is not signed in: {page.text('main')[:200]}")


def send(page, url, button="form.stack button", **values):
    """Opens a form, fills it in as a person does, and sends it."""
    page.open(url)
    for name, value in values.items():
        page.fill(f"form.stack [name='{name}']", value)
    page.submit(button)
    check(page.run("!!document.querySelector('p.notice')"), f"{url}: {page.text('main')[:300]}")


def rules():
    """The accessibility rules, as a script that answers with its findings."""
    with open(os.path.join(TOOLS, "checks", "pages.js"), encoding="utf-8") as file:
        return file.read()
