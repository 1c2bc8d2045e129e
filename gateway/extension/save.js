/** Saves a link or an image of a page into a folder that the person chooses.
 *
 * The image is fetched here, in the person's own browser: the gateway never fetches an address that somebody gave it. */

import { signedIn } from "./auth.js";
import { Browser } from "./browser.js";
import { takeOver } from "./handover.js";
import { allowed, ask } from "./settings.js";
import { byId, bytes, localise, signIn, status, t, told, words } from "./ui.js";
import { uploadStream } from "./upload.js";

const SUFFIXES = { "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "image/avif": ".avif", "image/svg+xml": ".svg" };
const wanted = await takeOver(new URLSearchParams(location.search).get("id"));
const image = wanted?.kind === "image";
const browser = new Browser(byId("browser"), { files: false });

const clean = (text) => text.replace(/[\p{Cc}\p{Cf}\\/:*?"<>|]+/gu, " ").replace(/\s+/g, " ").trim().slice(0, 120);

function suggested() {
  if (!image) return clean(wanted.title || new URL(wanted.url).hostname);
  if (!/^https?:/.test(wanted.url)) return t("picture");
  const last = new URL(wanted.url).pathname.split("/").pop();
  try {
    return clean(decodeURIComponent(last)) || t("picture");
  } catch {
    return clean(last) || t("picture");
  }
}

const escape = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

function shortcut(format, title) {
  const url = new URL(wanted.url).href; // as the browser writes it: no line break can be in it
  if (format === ".url") return [`[InternetShortcut]\r\nURL=${url}\r\n`, "application/internet-shortcut"];
  return [`<!doctype html>\n<meta charset="utf-8">\n<title>${escape(title)}</title>\n<p><a href="${escape(url)}">${escape(title)}</a></p>\n`, "text/html"];
}

async function openImage() {
  const response = await fetch(wanted.url, { credentials: "include", cache: "force-cache" });
  const type = (response.headers.get("Content-Type") ?? "").split(";")[0].trim().toLowerCase();
  if (!response.ok || !type.startsWith("image/")) throw told("notAnImage");
  return { type, stream: response.body };
}

const withSuffix = (name, suffix) => (!suffix || name.toLowerCase().endsWith(suffix) || (suffix === ".jpg" && /\.jpe?g$/i.test(name)) ? name : name + suffix);

async function save() {
  const name = clean(byId("name").value);
  const bar = byId("progress");
  byId("save").disabled = true;
  bar.hidden = false;
  status(t("saving"));
  try {
    // Asked before anything else: a permission can be asked for only while the click still counts.
    if (image && /^https?:/.test(wanted.url) && !(await allowed(wanted.url)) && !(await ask(wanted.url))) throw told("siteRefused");
    const format = new FormData(byId("form")).get("format");
    const [text, kind] = image ? [] : shortcut(format, name);
    const { type, stream } = image ? await openImage() : { type: kind, stream: new Blob([text]).stream() };
    const file = { ...browser.folder, name: withSuffix(name, image ? SUFFIXES[type] : format), type };
    await uploadStream(file, stream, (sent) => status(t("sent", bytes(sent))));
    status(t("saved", file.name), "good");
    byId("cancel").textContent = t("close");
    byId("cancel").focus();
    await browser.show();
  } catch (error) {
    status(words(error), "bad");
    byId("save").disabled = false;
  } finally {
    bar.hidden = true;
  }
}

async function start() {
  const inside = await signedIn();
  byId("signed-out").hidden = inside;
  byId("form").hidden = !inside;
  if (!inside) return;
  try {
    await browser.start();
    byId("name").focus();
  } catch (error) {
    status(words(error), "bad");
  }
}

localise();
byId("title").textContent = t(image ? "saveImage" : "saveLink");
document.title = byId("title").textContent;
byId("cancel").addEventListener("click", () => close());
byId("sign-in").addEventListener("click", () => signIn().then(start, (error) => status(words(error), "bad")));
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
if (!wanted || !(/^https?:/.test(wanted.url) || (image && wanted.url.startsWith("data:image/")))) {
  status(t("cannotSave"), "bad");
} else {
  byId("name").value = suggested();
  byId("formats").hidden = image;
  await start();
}
document.documentElement.dataset.ready = "true";
