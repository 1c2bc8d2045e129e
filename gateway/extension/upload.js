/** Uploads a stream to a drive by tus 1.0, piece by piece: at most one piece is in memory, nothing is ever stored.

The extension hands the bytes to the gateway and follows what becomes of them; the gateway does the rest by itself,
even if this page is closed once all bytes are there.
*/

import { ApiProblem, send, upload as state } from "./api.js";

const PIECE = 1024 * 1024;
const VERSION = { "Tus-Resumable": "1.0.0" };
const PATIENCE = 6;

const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const passing = (error) => !(error instanceof ApiProblem) || [408, 409, 423, 429, 500, 502, 503, 504].includes(error.status);

/** ``file``: {drive, parent, name, type}; ``stream``: a ReadableStream of bytes; ``progress(bytes)``. The final state. */
export async function uploadStream(file, stream, progress) {
  const path = await begin(file);
  try {
    await sendAll(path, stream, progress);
  } catch (error) {
    send("DELETE", path, { headers: VERSION }).catch(() => {});
    throw error;
  }
  return follow(path);
}

async function begin(file) {
  const facts = { drive: file.drive, parent: file.parent, filename: file.name, filetype: file.type, on_conflict: "rename" };
  const metadata = Object.entries(facts).map(([name, value]) => `${name} ${base64(value)}`).join(",");
  // The length of a stream is known at its end: what a server promises beforehand may be wrong.
  const headers = { ...VERSION, "Upload-Defer-Length": "1", "Upload-Metadata": metadata };
  return (await send("POST", "/v1/uploads", { headers })).headers.get("Location");
}

async function sendAll(path, stream, progress) {
  const reader = stream.getReader();
  let waiting = [];
  let size = 0;
  let offset = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (size >= PIECE || done) {
      offset = await patch(path, offset, new Blob(waiting), done ? offset + size : null);
      progress(offset);
      waiting = [];
      size = 0;
    }
    if (done) return;
    waiting.push(value);
    size += value.byteLength;
  }
}

/** Send one piece, going on where the gateway says it stopped. ``total``: the upload's length, with the last piece. */
async function patch(path, start, piece, total) {
  const goal = start + piece.size;
  let offset = start;
  for (let tries = 0; ; tries += 1) {
    try {
      const headers = { ...VERSION, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
      if (total !== null) headers["Upload-Length"] = String(total);
      const answer = await send("PATCH", path, { headers, body: piece.slice(offset - start) });
      offset = Number(answer.headers.get("Upload-Offset"));
      if (offset === goal) return offset;
    } catch (error) {
      if (!passing(error) || tries >= PATIENCE) throw error;
      await sleep(300 * 2 ** tries);
      const told = await send("HEAD", path, { headers: VERSION }).catch(() => null);
      offset = told ? Number(told.headers.get("Upload-Offset")) : offset;
      if (offset === goal && total === null) return offset;
    }
  }
}

/** Wait until the drive has it. */
async function follow(path) {
  for (let wait = 250; ; wait = Math.min(3000, wait * 1.4)) {
    const now = await state(path).catch((error) => {
      if (passing(error)) return { state: "sending" };
      throw error;
    });
    if (now.state === "done") return now;
    if (now.state === "failed") throw new ApiProblem(422, { code: now.problem?.code, detail: now.problem?.advice });
    await sleep(wait);
  }
}
