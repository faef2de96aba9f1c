// What every page must be, checked in the page itself. Rules after WCAG 2.2 AA (JIS X 8341-3): numbers are its criteria. The
// value is a list of findings, empty when all is well.
(() => {
  const found = [];
  const say = (rule, element, more = "") => found.push(`${rule}: <${element.tagName.toLowerCase()} ${element.className.baseVal ?? element.className}> ${(element.textContent || element.name || "").trim().slice(0, 40)} ${more}`);
  const isShown = (element) => {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return style.visibility !== "hidden" && style.display !== "none" && box.width > 0 && box.height > 0 && box.left > -500;
  };
  if (!document.documentElement.lang) found.push("3.1.1 no language");
  if (!document.title) found.push("2.4.2 no title");
  if (document.querySelectorAll("main").length !== 1) found.push("1.3.1 not one main");
  if (document.querySelectorAll("h1").length !== 1) found.push("1.3.1 not one h1");
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) say("1.3.1 heading skips", heading);
    if (!heading.textContent.trim()) say("1.3.1 heading empty", heading);
    level = next;
  }
  const ids = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    if (ids.has(element.id)) say("4.1.2 id twice", element, element.id);
    ids.add(element.id);
  }
  for (const control of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    const name = [...(control.labels || [])].map((label) => label.textContent.trim()).join("") || control.getAttribute("aria-label");
    if (!name) say("3.3.2 control without label", control);
  }
  for (const element of document.querySelectorAll("a[href], button")) {
    if (!isShown(element)) continue;
    const name = element.textContent.trim() || element.getAttribute("aria-label") || element.querySelector("title")?.textContent;
    if (!name) say("4.1.2 no name", element);
    const box = element.getBoundingClientRect();
    const isInline = getComputedStyle(element).display === "inline";
    if (!isInline && !element.closest("svg") && (box.width < 24 || box.height < 24)) say("2.5.8 small target", element, `${box.width}x${box.height}`);
  }
  for (const svg of document.querySelectorAll("svg")) if (!svg.getAttribute("aria-label")) say("1.1.1 picture without name", svg);
  for (const table of document.querySelectorAll("table")) {
    if (!table.querySelector("th[scope]")) say("1.3.1 table without headers", table);
  }
  for (const element of document.querySelectorAll("[tabindex]")) if (Number(element.getAttribute("tabindex")) > 0) say("2.4.3 tabindex", element);
  // 1.4.10: nothing but what scrolls by itself is wider than the page.
  // `innerWidth` grows with a page that is too wide, where a phone is emulated; this does not.
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width + 1) {
    const wide = [...document.querySelectorAll("main *, header *")].filter((element) =>
      element.getBoundingClientRect().right > width + 1 && !element.closest(".wide") && isShown(element)).pop();
    found.push(`1.4.10 wider than the window: ${document.documentElement.scrollWidth} > ${width} ${wide ? wide.tagName + "." + wide.className : ""}`);
  }
  // 1.4.3: contrast of text against what is behind it.
  const colour = (text) => (text.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, index) => sum + c * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const back = colour(getComputedStyle(at).backgroundColor);
      if (back.length < 4 || back[3] > 0.99) return back;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  };
  for (const element of document.querySelectorAll("main *, header *")) {
    if (element.closest("svg") || !isShown(element)) continue;
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
    const style = getComputedStyle(element);
    const [front, back] = [luminance(colour(style.color)), luminance(behind(element))];
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) say("1.4.3 contrast", element, ratio.toFixed(2));
  }
  return found;
})()
