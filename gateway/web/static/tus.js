/** Resumable upload of one file by tus 1.0: pieces, progress, and going on where the server says it stopped.

Holds no name and no byte outside memory: only the upload's address under a hash of what the file is, in this tab's
session storage, so that choosing the same file again after a reload goes on instead of starting over.
*/

import { ApiProblem, json } from "./api.js";
import { _ } from "./i18n.js";

const PIECE = 8 * 1024 * 1024;
const VERSION = { "Tus-Resumable": "1.0.0" };
const PATIENCE = 8; // attempts without a byte of progress

const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function fingerprint(file, place) {
  const facts = new TextEncoder().encode([place.drive, place.parent, place.convert ? "converted" : "", file.name, file.size, file.lastModified].join("\0"));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", facts));
  return `upload:${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** The server's words, or status 0 for a broken connection. */
function failure(request) {
  let body = {};
  try {
    body = JSON.parse(request.responseText || "{}");
  } catch {
    // not a problem document: the status alone has to do
  }
  return new ApiProblem(request.status, body);
}

/** XMLHttpRequest, because fetch does not tell how much of a body has left. */
function request(method, url, { headers = {}, body = null, onprogress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open(method, url);
    for (const [name, value] of Object.entries({ ...VERSION, ...headers })) call.setRequestHeader(name, value);
    if (onprogress) call.upload.onprogress = (event) => onprogress(event.loaded);
    call.onload = () => (call.status < 300 ? resolve(call) : reject(failure(call)));
    call.onerror = () => reject(new ApiProblem(0, { detail: _("The connection was lost.") }));
    call.onabort = () => reject(new DOMException("aborted", "AbortError"));
    signal?.addEventListener("abort", () => call.abort(), { once: true });
    call.send(body);
  });
}

const passing = (error) => error instanceof ApiProblem && [0, 408, 409, 423, 429, 500, 502, 503, 504].includes(error.status);

/** Upload a file into a folder. ``place``: {drive, parent, convert}. ``on``: progress(bytes), waiting(bool). The final state. */
export async function upload(file, place, on, signal) {
  const key = await fingerprint(file, place);
  let url = sessionStorage.getItem(key);
  let offset = url ? await offsetOf(url, signal).catch(() => null) : null;
  if (offset === null) {
    url = await begin(file, place, signal);
    offset = 0;
    sessionStorage.setItem(key, url);
  }
  try {
    await sendAll(file, url, offset, on, signal);
    return await follow(url, signal);
  } catch (error) {
    if (error.name === "AbortError") request("DELETE", url).catch(() => {});
    throw error;
  } finally {
    sessionStorage.removeItem(key);
  }
}

async function begin(file, place, signal) {
  const metadata = {
    drive: place.drive,
    parent: place.parent,
    filename: file.name,
    filetype: /^[\w.+-]+\/[\w.+-]+$/.test(file.type) ? file.type : "application/octet-stream",
    modified: new Date(file.lastModified).toISOString(),
    on_conflict: "rename",
    convert: String(Boolean(place.convert)),
  };
  const header = Object.entries(metadata).map(([name, value]) => `${name} ${base64(value)}`).join(",");
  const made = await request("POST", "/v1/uploads", { headers: { "Upload-Length": String(file.size), "Upload-Metadata": header }, signal });
  const url = new URL(made.getResponseHeader("Location"), location.href);
  if (url.origin !== location.origin) throw new ApiProblem(0, {});
  return url.pathname;
}

async function offsetOf(url, signal) {
  const answer = await request("HEAD", url, { signal });
  return Number(answer.getResponseHeader("Upload-Offset"));
}

async function sendAll(file, url, start, on, signal) {
  let offset = start;
  let tries = 0;
  on.progress(offset);
  while (offset < file.size) {
    const piece = file.slice(offset, offset + PIECE);
    const base = offset;
    try {
      const answer = await request("PATCH", url, {
        headers: { "Upload-Offset": String(base), "Content-Type": "application/offset+octet-stream" },
        body: piece,
        onprogress: (sent) => on.progress(base + sent),
        signal,
      });
      offset = Number(answer.getResponseHeader("Upload-Offset"));
      tries = 0;
    } catch (error) {
      if (!passing(error) || (tries += 1) > PATIENCE) throw error;
      on.waiting(true);
      const there = await recovered(url, tries, signal);
      // While nothing answers at all it waits as long as the person does; they can cancel it.
      if (there === null) tries = Math.min(tries, PATIENCE - 1);
      else on.waiting(false);
      offset = there ?? offset;
      if (offset > base) tries = 0;
    }
    on.progress(offset);
  }
}

/** After a break: wait, for the network to come back too, then ask the server how much it has; null: no answer. */
async function recovered(url, tries, signal) {
  await Promise.race([sleep(Math.min(15000, 400 * 2 ** tries) * (0.5 + Math.random() / 2)), new Promise((resolve) => addEventListener("online", resolve, { once: true }))]);
  if (signal.aborted) throw new DOMException("aborted", "AbortError");
  try {
    return await offsetOf(url, signal);
  } catch (error) {
    if (passing(error)) return null;
    throw error;
  }
}

/** All bytes are safe at the gateway; wait until the drive has the file. */
async function follow(url, signal) {
  for (let wait = 300; ; wait = Math.min(3000, wait * 1.4)) {
    const state = await json("GET", url, { signal }).catch((error) => {
      if (passing(error)) return { state: "sending" };
      throw error;
    });
    if (state.state === "done") return state;
    if (state.state === "failed") throw new ApiProblem(422, { code: state.problem?.code, detail: state.problem?.advice });
    await sleep(wait);
    if (signal.aborted) throw new DOMException("aborted", "AbortError");
  }
}
