"""What can be checked of WCAG 2.2 AA by machine, on the page as Chromium really shows it.

Names and roles come from the browser's own accessibility tree; contrast and target sizes from computed styles.
"""

from __future__ import annotations

from typing import Any, cast

from playwright.async_api import Page

_NEED_NAMES = {
    "button", "link", "checkbox", "radio", "textbox", "combobox", "menuitem", "dialog", "grid", "table", "navigation",
    "progressbar", "img", "image", "region",
}  # fmt: skip

_MEASURE = """() => {
  const found = [];
  const tell = (what, node) => found.push(`${what}: ${node.outerHTML.slice(0, 140)}`);
  const visible = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const top = document.querySelector('dialog[open]') ?? document.body;
  const within = (selector) => [...top.querySelectorAll(selector)].filter(visible);

  const html = document.documentElement;
  if (!html.lang || !html.dir) found.push('the document has no language or direction');
  if (!document.title) found.push('the document has no title');
  if (document.querySelectorAll('main').length !== 1) found.push('not exactly one main landmark');
  const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`id twice: ${id}`);
  for (const name of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'for'])
    for (const node of document.querySelectorAll(`[${name}]`))
      for (const id of node.getAttribute(name).split(' '))
        if (!document.getElementById(id)) tell(`${name} to nothing`, node);
  for (const node of document.querySelectorAll('[tabindex]')) if (node.tabIndex > 0) tell('positive tabindex', node);
  let level = 0;
  for (const node of [...document.querySelectorAll('h1, h2, h3, h4')].filter(visible)) {
    if (node.closest('dialog') && !node.closest('dialog[open]')) continue;
    const now = Number(node.tagName[1]);
    if (now > level + 1) tell('a heading level is left out', node);
    level = now;
  }
  if (html.scrollWidth > html.clientWidth) found.push(`scrolls sideways: ${html.scrollWidth} > ${html.clientWidth}`);

  for (const node of within('a[href], button, input:not([type=hidden]), select')) {
    const box = (node.closest('label') ?? node).getBoundingClientRect();
    const inline = node.tagName === 'A' && getComputedStyle(node).display === 'inline';
    const small = box.width < 24 || box.height < 24;
    if (small && !inline && !node.matches('.skip')) tell(`target ${box.width}x${box.height}`, node);
  }

  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (front, back) => [0, 1, 2].map((i) => front[i] * front[3] + back[i] * (1 - front[3])).concat(1);
  const behind = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((back, layer) => over(layer, back), rgba('Canvas'));
  };
  const light = (color) => {
    const linear = (part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = color.map((part) => linear(part / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const seen = new Set();
  const walker = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || seen.has(node) || !visible(node)) continue;
    seen.add(node);
    if (node.closest('.hidden, script, style, option, :disabled, [aria-disabled=true]')) continue;
    const style = getComputedStyle(node);
    const back = behind(node);
    const [a, b] = [light(over(rgba(style.color), back)), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) tell(`contrast ${ratio.toFixed(2)}`, node);
  }
  return found;
}"""


async def complaints(page: Page) -> list[str]:
    """Everything that is wrong with the page as it is shown now; empty where nothing is."""
    found = cast("list[str]", await page.evaluate(_MEASURE))
    session = await page.context.new_cdp_session(page)
    tree: dict[str, Any] = await session.send("Accessibility.getFullAXTree")
    await session.detach()
    for node in tree["nodes"]:
        role = node.get("role", {}).get("value", "")
        name = node.get("name", {}).get("value", "").strip()
        focusable = any(one["name"] == "focusable" and one["value"]["value"] for one in node.get("properties", []))
        if not node.get("ignored") and not name and (role in _NEED_NAMES or (focusable and role not in _QUIET)):
            found.append(f"a {role} has no name")
    return found


# Focusable by script or by scrolling, without being a control; a cell's name is its content, which may be empty.
_QUIET = {"RootWebArea", "main", "generic", "gridcell", "cell", "heading", "none", "Iframe"}
