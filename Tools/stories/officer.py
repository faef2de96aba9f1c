"""Somebody at a desk who works by pages alone, and what each task took by hand: 1.5 s an action, 0.2 s a key, beside the aims of the design."""
from desk import rules
from story import check
from tasks import Hand

SECONDS = {"action": 1.5, "key": 0.2}


class Officer(Hand):
    def enter_in(self, name, value):
        """A field pressed and filled: Japanese takes two keys a character by an input method."""
        self.actions += 1
        self.keys += sum(1 if ord(letter) < 128 else 2 for letter in value)
        self.fill(f"form.stack [name='{name}']", value)

    def pick(self, name, value):
        self.choose_in(f"form.stack [name='{name}']", value)

    def pick_called(self, name, label):
        """A choice by what it says."""
        options = self.run(f"[...document.querySelector('form.stack [name={name}]').options].map(o => [o.textContent.trim(), o.value])")
        value = dict(options).get(label)
        check(value, f"{name}: no {label} among {options[:8]}")
        self.pick(name, value)

    def pick_file(self, name, path):
        """A file chosen, and read by the page into the field that is sent."""
        self.actions += 1
        self.choose("form.stack [type=file]", path)
        self.until(f"document.querySelector('form.stack [name={name}]').value.length > 10", "the file is not read")

    def send_form(self):
        self.follow("form.stack .buttons button:not([type=button])")
        check(self.run("!!document.querySelector('p.notice')"), f"{self.run('location.pathname')}: {self.text('main')[:300]}")

    def seconds(self):
        return self.actions * SECONDS["action"] + self.keys * SECONDS["key"]


class Tasks:
    """What each task took, and what the pages' own rules found on the way."""

    def __init__(self):
        self.rows, self.findings = [], []

    def told(self, task, page, aim):
        self.rows.append((task, page.actions, page.keys, page.seconds(), aim))
        check(page.seconds() <= aim, f"{task}: {page.seconds():.0f} s by hand, not {aim}")
        self.findings.extend(page.run(rules()))

    def end(self):
        check(not self.findings, f"the pages' rules: {self.findings}")
        print(f"{'task':52} {'actions':>7} {'keys':>5} {'seconds':>8}   aim")
        for task, actions, keys, seconds, aim in self.rows:
            print(f"{task:52} {actions:7} {keys:5} {seconds:8.1f}   {aim} s")
