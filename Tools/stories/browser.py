"""A real browser for the stories: Chromium without a screen, driven by the DevTools protocol over a pipe.

Nothing but Python's own library: https://chromedevtools.github.io/devtools-protocol/, `--remote-debugging-pipe`: JSON messages
that a zero byte ends, on file descriptors 3 and 4.
"""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from story import Failure, check


class Browser:
    """One browser with a profile of its own; `page` opens tabs."""

    def __init__(self, profile=None):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        check(program, "no Chromium here: Tools/test installs it")
        self.owned = profile is None
        self.profile = profile or tempfile.mkdtemp(prefix="renkei-browser-")
        to_read, self.write_end = os.pipe()
        self.read_end, to_write = os.pipe()

        def hand_over():
            # Away from 3 and 4 first: one of the ends may lie there.
            a, b = fcntl.fcntl(to_read, fcntl.F_DUPFD, 20), fcntl.fcntl(to_write, fcntl.F_DUPFD, 20)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-dev-shm-usage", "--remote-debugging-pipe", f"--user-data-dir={self.profile}", "about:blank"],
            close_fds=False, preexec_fn=hand_over, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.number, self.events = b"", 0, []
        self.send("Target.setDiscoverTargets", {"discover": True})

    def send(self, method, params=None, session=None, timeout=30):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + timeout
        while True:
            answer = self.receive(end)
            check(answer is not None, f"the browser does not answer: {method}")
            if answer.get("id") == number:
                check("error" not in answer, f"{method}: {answer.get('error')}")
                return answer["result"]
            self.events.append(answer)

    def receive(self, end):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.read_end], [], [], max(0, end - time.monotonic()))
            if not ready:
                return None
            piece = os.read(self.read_end, 1 << 20)
            check(piece, "the browser has ended")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def page(self, width=1280, height=800, kind=None):
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        return (kind or Page)(self, target, session, width, height)

    def close(self):
        try:
            self.send("Browser.close", timeout=5)
        except (Failure, OSError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for end in (self.read_end, self.write_end):
            os.close(end)
        if self.owned:
            shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    def __init__(self, browser, target, session, width, height):
        self.browser, self.target, self.session = browser, target, session
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        # As if somebody looked at it: only then does the keyboard reach it.
        self.call("Emulation.setFocusEmulationEnabled", {"enabled": True})
        self.size(width, height)

    def call(self, method, params=None, timeout=30):
        return self.browser.send(method, params, self.session, timeout)

    def size(self, width, height, dark=False, print_media=False):
        self.call("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700})
        self.call("Emulation.setEmulatedMedia", {
            "media": "print" if print_media else "",
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def open(self, url):
        """Goes to a page and waits until it and its scripts are there."""
        result = self.call("Page.navigate", {"url": url})
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'", f"{url} did not load")
        return result.get("errorText")

    def run(self, script, seconds=30):
        """The value of an expression; a promise is waited for."""
        result = self.call("Runtime.evaluate", {
            "expression": script, "returnByValue": True, "awaitPromise": True, "userGesture": True}, seconds)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Failure(f"{script[:100]}: {details.get('exception', {}).get('description', details['text'])[:300]}")
        return result["result"].get("value")

    def until(self, script, what=None, seconds=20):
        end = time.monotonic() + seconds
        while True:
            try:
                if self.run(script):
                    return
            except Failure:
                # The page is on its way to another one.
                pass
            if time.monotonic() > end:
                raise Failure(f"{what or 'never came: ' + script} {self.problems()}".rstrip(" []"))
            time.sleep(0.05)

    def text(self, selector="body"):
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def fill(self, selector, value):
        found = self.run(f"""(() => {{ const field = document.querySelector({json.dumps(selector)});
            if (!field) return false; field.focus(); field.value = {json.dumps(value)};
            field.dispatchEvent(new Event("input", {{bubbles: true}})); return true; }})()""")
        check(found, f"no field {selector}")

    def choose(self, selector, path):
        """Gives a file to a file field."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
        check(node, f"no field {selector}")
        self.call("DOM.setFileInputFiles", {"files": [path], "nodeId": node})

    def click(self, selector):
        found = self.run(f"""(() => {{ const it = document.querySelector({json.dumps(selector)});
            if (!it) return false; it.scrollIntoView({{block: "center"}}); it.click(); return true; }})()""")
        check(found, f"nothing to click: {selector}")

    def submit(self, selector):
        """Presses a form's button and waits for the page that comes."""
        self.run("window.isOld = true")
        self.click(selector)
        self.until("!window.isOld && document.readyState === 'complete'", f"{selector} led nowhere")

    def select(self, selector, value):
        """Chooses by what is sent."""
        found = self.run(f"""(() => {{ const field = document.querySelector({json.dumps(selector)});
            if (!field) return false; field.value = {json.dumps(value)};
            field.dispatchEvent(new Event("change", {{bubbles: true}})); return field.value === {json.dumps(value)}; }})()""")
        check(found, f"no choice {value} at {selector}")

    def tick(self, selector):
        self.click(selector)

    def key(self, key, text="", modifiers=0):
        codes = {"Tab": 9, "Enter": 13, " ": 32, "Escape": 27, "ArrowDown": 40, "ArrowRight": 39, "Home": 36}
        base = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0]) if key else 0), "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", {"type": "keyDown", "text": text or ("\r" if key == "Enter" else ""), **base})
        self.call("Input.dispatchKeyEvent", {"type": "keyUp", **base})

    def write(self, text):
        self.call("Input.insertText", {"text": text})

    def offline(self, is_off):
        self.call("Network.emulateNetworkConditions", {
            "offline": is_off, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})

    def shoot(self, path, whole=True, scale=None):
        """A picture: PNG, or a small WebP of what the window shows when there is a scale."""
        wanted = {"format": "png", "captureBeyondViewport": whole}
        if scale:
            size = self.run("[innerWidth, innerHeight]")
            clip = {"x": 0, "y": self.run("scrollY"), "width": size[0], "height": size[1], "scale": scale}
            wanted = {"format": "webp", "quality": 40, "clip": clip}
        picture = self.call("Page.captureScreenshot", wanted)
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture["data"]))

    def problems(self):
        """What the browser complained of since it was asked last: exceptions, errors, refused loads."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            if event["method"] == "Runtime.exceptionThrown":
                details = event["params"]["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            elif event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(f"{event['params']['entry']['text']} {event['params']['entry'].get('url', '')}")
        self.browser.events = [e for e in self.browser.events if e.get("sessionId") != self.session]
        return found

    def close(self):
        self.browser.send("Target.closeTarget", {"targetId": self.target})


class KeyboardPage(Page):
    """The same, done as somebody does who has no mouse: by Tab, letters, arrows, Space and Enter."""

    def reach(self, selector):
        """Goes to an element by Tab alone, and sees that one can see where one is."""
        check(self.run(f"!!document.querySelector({json.dumps(selector)})"), f"nothing at {selector}")
        here = f"document.activeElement === document.querySelector({json.dumps(selector)})"
        limit = 2 * self.run("document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex]').length") + 10
        for _ in range(limit):
            if self.run(here):
                seen = self.run("(s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2)(getComputedStyle(document.activeElement))")
                return check(seen, f"the focus at {selector} is not seen")
            self.key("Tab")
        raise Failure(f"{selector} cannot be reached by Tab")

    def click(self, selector):
        self.reach(selector)
        is_link = self.run("document.activeElement.tagName === 'A'")
        self.key("Enter") if is_link else self.key(" ", " ")

    def submit(self, selector):
        self.reach(selector)
        super().submit(selector)

    def fill(self, selector, value):
        self.reach(selector)
        if self.run("document.activeElement.type") == "datetime-local":
            # Segment by segment, as this browser's language orders them.
            date, clock = value.split("T")
            (year, month, day), (hour, minute) = date.split("-"), clock.split(":")
            for character in f"{month}{day}{year}":
                self.key(character, character)
            self.key("ArrowRight")
            for character in f"{(int(hour) + 11) % 12 + 1:02}{minute}{'P' if int(hour) >= 12 else 'A'}":
                self.key(character, character)
            return check(self.run("document.activeElement.value") == value, f"the keys make {self.run('document.activeElement.value')}, not {value}")
        if self.run("document.activeElement.tagName") == "SELECT":
            return self.select(selector, value)
        self.key("a", modifiers=2)
        self.write(value) if value else self.key("Backspace")
        check(self.run("document.activeElement.value.length > 0") == bool(value), f"nothing can be typed at {selector}")

    def select(self, selector, value):
        self.reach(selector)
        self.key("Home")
        for _ in range(self.run("document.activeElement.options.length")):
            if self.run("document.activeElement.value") == value:
                return
            self.key("ArrowDown")
        check(self.run("document.activeElement.value") == value, f"{value} cannot be chosen at {selector} by the arrows")
