/** Carries a file from the gateway into a page's file field: bytes pass through in pieces and end up in the page only. */

import { told } from "./ui.js";

const MOST = 500 * 1000 * 1000; // a page holds the whole file in memory
const PIECE = 256 * 1024;

/** The file fields of a page: [{frame, index, label, accept, multiple}]. */
export async function fieldsOf(tab) {
  let found;
  try {
    found = await chrome.scripting.executeScript({ target: { tabId: tab.id, allFrames: true }, files: ["attach.js"] });
  } catch {
    throw told("pageClosed");
  }
  const fields = found.flatMap(({ frameId, result }) => (result ?? []).map((field) => ({ ...field, frame: frameId })));
  if (!fields.length) throw told("noField");
  return fields;
}

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** The name and type under which an entry arrives: a document as the format it is read in. */
function arriving(entry) {
  const format = entry.exports[0];
  if (!format) return { name: entry.name, type: entry.media_type };
  return { name: entry.name.endsWith(format.suffix) ? entry.name : entry.name + format.suffix, type: format.media_type };
}

/** Attach; the name it has there. ``open(signal)``: the Response with its bytes. */
export async function attachTo(tab, field, entry, open, progress) {
  if ((entry.size ?? 0) > MOST) throw told("tooLarge");
  const stop = new AbortController();
  const port = chrome.tabs.connect(tab.id, { name: "file-access-attach", frameId: field.frame });
  let settle;
  const turn = (message) =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject };
      port.postMessage(message);
    });
  port.onMessage.addListener((answer) => (answer.problem ? settle?.reject(told(answer.problem)) : settle?.resolve(answer)));
  port.onDisconnect.addListener(() => settle?.reject(told("pageClosed")));
  try {
    const file = arriving(entry);
    await turn({ begin: { index: field.index, ...file, modified: Date.parse(entry.modified) } });
    const response = await open(stop.signal);
    let done = 0;
    for await (const chunk of pieces(response.body)) {
      done += chunk.length;
      if (done > MOST) throw told("tooLarge");
      await turn({ bytes: base64(chunk) }); // the page answers each piece: it sets the pace
      progress(done);
    }
    await turn({ end: done });
    return file.name;
  } finally {
    stop.abort();
    port.disconnect();
  }
}

async function* pieces(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    for (let at = 0; at < value.length; at += PIECE) yield value.subarray(at, at + PIECE);
  }
}
