/** What the extension's pages share: texts, elements, problems in plain words. */

import { ApiProblem } from "./api.js";
import { SignedOut } from "./auth.js";

/** A text of the extension in the browser's language. */
export const t = (name, ...values) => chrome.i18n.getMessage(name, values.map(String)) || name;
export const byId = (id) => document.getElementById(id);

/** An element; children that are text enter as text. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Fill every data-text of the page, and tell the document its language and direction. */
export function localise() {
  document.documentElement.lang = chrome.i18n.getUILanguage();
  document.documentElement.dir = t("@@bidi_dir");
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
}

/** What went wrong, for a person. */
export function words(error) {
  if (error instanceof SignedOut) return t("signedOut");
  if (error instanceof ApiProblem) return error.words || t("failed");
  if (error instanceof TypeError) return t("unreachable");
  return error.person ?? t("failed");
}

/** An error whose text is meant for a person. */
export function told(name, ...values) {
  return Object.assign(new Error(name), { person: t(name, ...values) });
}

/** Say how it stands in the page's status line. ``tone``: '', good or bad. */
export function status(text, tone = "") {
  const line = byId("status");
  line.className = `status ${tone}`;
  line.textContent = text;
}

/** Ask the service worker to sign in: it outlives this page. */
export async function signIn() {
  const answer = await chrome.runtime.sendMessage({ do: "sign-in" });
  if (answer?.ok !== true) throw told("notSignedIn");
}

export function bytes(size) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(3, Math.floor(Math.log10(Math.max(size, 1)) / 3));
  const style = { style: "unit", unit: units[step], unitDisplay: step ? "short" : "long", maximumFractionDigits: step ? 1 : 0 };
  return new Intl.NumberFormat(chrome.i18n.getUILanguage(), style).format(size / 1000 ** step);
}
