#!/usr/bin/env python3
"""Checks the product's help, Sources/Shell/Site/Assets/help_PAGE_LANGUAGE.html: fragments of plain, well-formed HTML; every
page in both languages; links that lead to a route of the node, an action of a service, or a place in the help; pictures
that the stories make; every quotation (「…」, “…”) found in the program's own texts, so that no page names a button that is
gone; every command with words and options that the programs have; no bare "card". --sizes tells how long the pages are.
Exit 0 when all holds, 1 when not.
"""
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "Sources"
ASSETS = SOURCES / "Shell" / "Site" / "Assets"
PAGES = ["reception", "headquarters", "supply", "welfare", "contracts", "administrator", "resident", "operator"]
LANGUAGES = {"ja": ("まずすること", "うまくいかないとき"), "en": ("First things", "When something goes wrong")}
PICTURES = {path.stem.removeprefix("help_") for path in ASSETS.glob("help_*.webp")}

INLINE = {"strong", "kbd", "a"}
# What may stand in what; text stands where inline elements do.
CHILDREN = {
    "": {"h2", "h3", "p", "ol", "ul", "dl", "table", "figure"},
    "h2": INLINE, "h3": INLINE, "p": INLINE, "dt": INLINE, "figcaption": INLINE, "th": INLINE,
    "li": INLINE | {"ol", "ul"}, "dd": INLINE | {"ol", "ul"}, "td": INLINE | {"ol", "ul"},
    "ol": {"li"}, "ul": {"li"}, "dl": {"dt", "dd"}, "table": {"tr"}, "tr": {"th", "td"}, "figure": {"img", "figcaption"},
    "strong": {"kbd", "a"}, "a": {"kbd"}, "kbd": set(),
}
ATTRIBUTES = {"th": {"scope"}, "a": {"href"}, "img": {"src", "alt", "loading", "width", "height"}, "h2": {"id"}, "h3": {"id"}}
HOLDS_TEXT = {"h2", "h3", "p", "dt", "dd", "li", "th", "td", "figcaption", "strong", "kbd", "a"}
BLOCKS = {"h2", "h3", "p", "dt", "dd", "li", "th", "td", "figcaption"}


class Page(HTMLParser):
    """One fragment: what is wrong with its form, and what it says."""

    def __init__(self, text):
        super().__init__(convert_charrefs=False)
        self.faults, self.stack, self.ids = [], [], set()
        self.links, self.pictures, self.headings, self.commands = [], [], [], []
        # Texts of blocks; in `plain` commands are left out.
        self.plain, self.command = [""], None
        self.feed(text)
        self.close()
        if self.stack:
            self.fault(f"<{self.stack[-1]}> is not closed")

    def fault(self, text):
        self.faults.append((self.getpos()[0], text))

    def handle_starttag(self, tag, attributes):
        parent = self.stack[-1] if self.stack else ""
        if tag not in CHILDREN and tag != "img":
            return self.fault(f"<{tag}> is not for help pages")
        if tag not in CHILDREN[parent]:
            self.fault(f"<{tag}> does not belong in {f'<{parent}>' if parent else 'a page'}")
        given = dict(attributes)
        for name in given:
            if name not in ATTRIBUTES.get(tag, set()):
                self.fault(f"<{tag}> has no attribute {name} in help pages")
        if tag == "a":
            self.links.append((self.getpos()[0], given.get("href") or ""))
        if tag in ("h2", "h3"):
            self.headings.append([tag, ""])
            if tag == "h3" and not any(level == "h2" for level, _ in self.headings):
                self.fault("an <h3> before any <h2>")
            if "id" in given:
                if given["id"] in self.ids:
                    self.fault(f"the id {given['id']} stands twice")
                self.ids.add(given["id"])
        if tag == "kbd":
            self.command = ""
        if tag == "img":
            self.pictures.append((self.getpos()[0], given))
        else:
            self.stack.append(tag)
        if tag in BLOCKS:
            self.plain.append("")

    def handle_startendtag(self, tag, attributes):
        self.fault(f"<{tag}/>: write <{tag}>")

    def handle_endtag(self, tag):
        if not self.stack or self.stack[-1] != tag:
            return self.fault(f"</{tag}> closes nothing")
        self.stack.pop()
        if tag == "kbd":
            self.commands.append((self.getpos()[0], self.command))
            self.command = None
        if tag in BLOCKS:
            self.plain.append("")

    def handle_data(self, text):
        if not text.strip():
            return
        parent = self.stack[-1] if self.stack else ""
        if parent not in HOLDS_TEXT:
            self.fault(f"text does not belong here: {text.strip()[:20]}")
        if "&" in text:
            self.fault("a bare &: write &amp;")
        if self.headings and parent == self.headings[-1][0]:
            self.headings[-1][1] += text
        if self.command is not None:
            self.command += text
        else:
            self.plain[-1] += text

    def handle_entityref(self, name):
        if name not in ("amp", "lt", "gt", "quot"):
            return self.fault(f"&{name}; is not for help pages")
        self.handle_data({"amp": "＆", "lt": "<", "gt": ">", "quot": '"'}[name])

    def handle_charref(self, name):
        self.fault(f"&#{name}; is not for help pages")

    def handle_comment(self, text):
        self.fault("a comment")

    def handle_decl(self, text):
        self.fault("a declaration: pages are fragments")


def swift_texts(source):
    """The string literals of a Swift file, each \\(…) as …; comments are no texts."""
    texts, at, end = [], 0, len(source)
    while at < end:
        if source.startswith("//", at):
            at = source.find("\n", at) % (end + 1)
        elif source[at] == '"':
            fence = '"""' if source.startswith('"""', at) else '"'
            text, at = "", at + len(fence)
            while at < end and not source.startswith(fence, at):
                if source.startswith("\\(", at):
                    depth, at = 1, at + 2
                    while at < end and depth:
                        if source[at] == '"':
                            close = source.find('"', at + 1)
                            texts.append(source[at + 1:close])
                            at = close
                        depth += {"(": 1, ")": -1}.get(source[at], 0)
                        at += 1
                    text += "…"
                elif source[at] == "\\":
                    text, at = text + {"n": "\n"}.get(source[at + 1], source[at + 1]), at + 2
                else:
                    text, at = text + source[at], at + 1
            texts.append(text)
            at += len(fence)
        else:
            at += 1
    return texts


def program_texts():
    texts = set()
    for path in sorted(SOURCES.rglob("*")):
        if path.suffix == ".swift":
            texts.update(swift_texts(path.read_text(encoding="utf-8")))
        elif path.suffix == ".mustache":
            plain = re.sub(r"\{\{[^}]*\}\}", "…", path.read_text(encoding="utf-8"))
            texts.update(text.strip() for text in re.findall(r">([^<>]+)<", plain))
        elif path.name.startswith("phrases_"):
            lines = path.read_text(encoding="utf-8").splitlines()
            texts.update(line.partition("=")[2].strip() for line in lines)
        elif path.suffix == ".js":
            texts.update(re.findall(r'"([^"\n]+)"', path.read_text(encoding="utf-8")))
    return {text for text in texts if text.strip(" …\n")}


def is_said(quotation, texts):
    """Whether the program says so: these very words, or a part of a longer text that is no mere syllable; … is left out."""
    if quotation in texts or any(quotation + end in texts for end in ("。", ".", ": ")):
        return True
    parts = [part for part in quotation.split("…") if part.strip()]
    if len("".join(parts).encode()) < 12:
        return False
    pattern = re.compile(".*".join(re.escape(part.strip()) for part in parts))
    return any(pattern.search(text) for text in texts)


def routes():
    gate = (SOURCES / "Shell" / "Web" / "Gate.swift").read_text(encoding="utf-8")
    return [re.sub(r"\{\w+\}", "[^/]+", path) for path in re.findall(r'"GET (/[^"]*)"', gate)]


def actions():
    """What the wards' services can do and list, by the names that stand in the pages' paths."""
    found = set()
    for path in (SOURCES / "Wards").rglob("*.swift"):
        found.update(re.findall(r'\b(?:Action|Listing|write|read)\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    return found


def words_of(program):
    """A program's subcommands, and its options."""
    words, options = set(), {"help", "version"}
    for path in (SOURCES / "Commands" / program).glob("*.swift"):
        source = path.read_text(encoding="utf-8")
        dashed = lambda name: re.sub(r"(?<=[a-z])([A-Z])", r"-\1", name).lower()
        words.update(re.findall(r'commandName: "([^"]+)"', source))
        words.update(dashed(name) for name in re.findall(r"struct (\w+): (?:Async)?ParsableCommand", source))
        options.update(re.findall(r'customLong\("([^"]+)"\)', source))
        options.update(dashed(name) for name in re.findall(r"@(?:Option|Flag)\b(?:(?!@)[\s\S])*?\bvar\s+(\w+)", source))
    return words, options


def command_faults(command, programs):
    for line in re.split(r"[|;]|&&", command):
        found = re.match(r"\s*(?:runuser -u renkei -- )?(renkei-(?:node|inspect))\s+(.*)", line)
        if not found:
            continue
        words, options = programs[found.group(1)]
        for word in found.group(2).split():
            if not re.fullmatch(r"[a-z][a-z-]*", word):
                break
            if word not in words:
                yield f"{found.group(1)} has no command {word}"
        for option in re.findall(r"(?<!\S)--([a-z-]+)", found.group(2)):
            if option not in options:
                yield f"{found.group(1)} has no option --{option}"


def bare_cards(text, language):
    """The word alone: a family's is meant, or a key file, or a medium, and then the page has to say which."""
    if language == "ja":
        return re.findall(r".{0,6}(?<!家族)カード.{0,6}", text)
    return re.findall(r".{0,12}(?<!family )(?<!family’s )\b[Cc]ards?\b.{0,12}", text)


def main():
    problems, counts, pages = [], {"quotations": 0, "links": 0, "commands": 0, "pictures": 0}, {}
    for page in PAGES:
        for language in LANGUAGES:
            path = ASSETS / f"help_{page}_{language}.html"
            if path.exists():
                pages[page, language] = Page(path.read_text(encoding="utf-8"))
            else:
                problems.append(f"{path.name} is missing")
    for path in ASSETS.glob("help_*.html"):
        if path.name not in {f"help_{page}_{language}.html" for page in PAGES for language in LANGUAGES}:
            problems.append(f"{path.name} is no page that this check knows")
    texts = program_texts()
    known, titled = routes(), actions()
    programs = {name: words_of(name) for name in ("renkei-node", "renkei-inspect")}

    for (name, language), page in pages.items():
        where = f"help_{name}_{language}.html"
        problems += [f"{where}:{line}: {text}" for line, text in page.faults]
        first, last = LANGUAGES[language]
        seconds = [text for level, text in page.headings if level == "h2"]
        if seconds[:1] != [first]:
            problems.append(f"{where}: does not begin with {first}")
        if last not in seconds:
            problems.append(f"{where}: has no section {last}")

        for line, link in page.links:
            counts["links"] += 1
            path, _, mark = link.partition("#")
            path = path.partition("?")[0]
            to_help = re.fullmatch(r"/help(?:/(\w+))?", path)
            to_action = re.fullmatch(r"/(?:do|list)/(\w+)", path)
            if not path:
                fault = mark not in page.ids
            elif to_help:
                target = pages.get((to_help.group(1), language))
                fault = to_help.group(1) and (target is None or mark and mark not in target.ids)
            elif to_action:
                fault = to_action.group(1) not in titled
            else:
                fault = not path.startswith("/") or not any(re.fullmatch(route, path) for route in known)
            if fault:
                problems.append(f"{where}:{line}: leads nowhere: {link}")

        for line, picture in page.pictures:
            counts["pictures"] += 1
            if picture.get("src", "").removeprefix("/help/picture/") not in PICTURES:
                problems.append(f"{where}:{line}: no picture that the stories make: {picture.get('src')}")
            if not picture.get("alt") or picture.get("loading") != "lazy":
                problems.append(f"{where}:{line}: a picture needs alt and loading=\"lazy\"")

        for line, command in page.commands:
            counts["commands"] += 1
            problems += [f"{where}:{line}: {fault}: {command}" for fault in command_faults(command, programs)]
            for metric in re.findall(r"\brenkei_\w+", command):
                if metric not in texts:
                    problems.append(f"{where}:{line}: no figure of /metrics: {metric}")

        quotes = re.compile(r"「([^「」]*)」" if language == "ja" else r"“([^“”]*)”")
        for text in page.plain:
            for quotation in quotes.findall(text):
                counts["quotations"] += 1
                if not is_said(quotation.replace("＆", "&"), texts):
                    problems.append(f"{where}: the program says nowhere: {quotation}")
            for card in bare_cards(quotes.sub("「」", text), language):
                problems.append(f"{where}: which card? {card}")
        if "--sizes" in sys.argv:
            said = " ".join(page.plain).split()
            size = f"{len(''.join(said))} characters" if language == "ja" else f"{len(said)} words"
            print(f"{where}: {size}, commands apart")

    for page in PAGES:
        if (page, "ja") in pages and (page, "en") in pages:
            left, right = pages[page, "ja"], pages[page, "en"]
            if [level for level, _ in left.headings] != [level for level, _ in right.headings] or left.ids != right.ids:
                problems.append(f"{page}: the two languages differ in their headings")
            if [link for _, link in left.links] != [link for _, link in right.links]:
                problems.append(f"{page}: the two languages differ in their links")
            if [command for _, command in left.commands if command.startswith(("renkei_", "runuser"))] != \
                    [command for _, command in right.commands if command.startswith(("renkei_", "runuser"))]:
                problems.append(f"{page}: the two languages differ in their commands")

    for problem in problems:
        print(f"✗ {problem}")
    if problems:
        print(f"✗ help: {len(problems)} to mend")
        return 1
    told = ", ".join(f"{count} {what}" for what, count in counts.items())
    print(f"help: {len(PAGES)} pages in two languages hold: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
